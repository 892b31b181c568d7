/**
 * `Noise_IKpsk2_25519_AESGCM_SHA256`, Noise revision 34, on node:crypto.
 *
 *     <- s
 *     -> e, es, s, ss
 *     <- e, ee, se, psk
 *
 * Messages are the bare Noise messages; `handshake.ts` puts them into datagrams.
 */
import { concat } from '../core/bytes.js';
import { TAG_BYTES } from '../core/crypto.js';
import { dh, KEY_BYTES, type KeyPair, type Split, SymmetricState } from '../core/noise-state.js';

const PROTOCOL = 'Noise_IKpsk2_25519_AESGCM_SHA256';

/** A handshake that waits for message 2, or from which it can be written. */
export interface Waiting {
  readonly symmetric: SymmetricState;
  readonly ephemeral: KeyPair;
  readonly localStatic: KeyPair;
}

export interface Answerable {
  readonly symmetric: SymmetricState;
  readonly remoteEphemeral: Uint8Array;
  readonly remoteStatic: Uint8Array;
}

/** Writes message 1: ephemeral (32), static (48), payload (+ 16). */
export function writeMessage1(
  prologue: Uint8Array,
  localStatic: KeyPair,
  ephemeral: KeyPair,
  remoteStatic: Uint8Array,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly waiting: Waiting } | null {
  const symmetric = started(prologue, remoteStatic);
  const es = dh(ephemeral.privateKey, remoteStatic);
  const ss = dh(localStatic.privateKey, remoteStatic);
  if (es === null || ss === null) return null;
  mixEphemeral(symmetric, ephemeral.publicKey);
  symmetric.mixKey(es);
  const sealedStatic = symmetric.seal(localStatic.publicKey);
  symmetric.mixKey(ss);
  const message = concat(ephemeral.publicKey, sealedStatic, symmetric.seal(payload));
  return { message, waiting: { symmetric, ephemeral, localStatic } };
}

/** Reads message 1; null if it wasn't made for this static key and prologue. */
export function readMessage1(
  prologue: Uint8Array,
  localStatic: KeyPair,
  message: Uint8Array,
): { readonly payload: Uint8Array; readonly answerable: Answerable } | null {
  const sealedStaticEnd = 2 * KEY_BYTES + TAG_BYTES;
  if (message.length < sealedStaticEnd + TAG_BYTES) return null;
  const symmetric = started(prologue, localStatic.publicKey);
  const remoteEphemeral = message.slice(0, KEY_BYTES);
  const es = dh(localStatic.privateKey, remoteEphemeral);
  if (es === null) return null;
  mixEphemeral(symmetric, remoteEphemeral);
  symmetric.mixKey(es);
  const remoteStatic = symmetric.open(message.subarray(KEY_BYTES, sealedStaticEnd));
  const ss = remoteStatic === null ? null : dh(localStatic.privateKey, remoteStatic);
  if (remoteStatic === null || ss === null) return null;
  symmetric.mixKey(ss);
  const payload = symmetric.open(message.subarray(sealedStaticEnd));
  return payload === null ? null : { payload, answerable: { symmetric, remoteEphemeral, remoteStatic } };
}

/** Writes message 2: ephemeral (32), payload (+ 16). The handshake is over then. */
export function writeMessage2(
  answerable: Answerable,
  ephemeral: KeyPair,
  psk: Uint8Array,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly split: Split } | null {
  const { symmetric } = answerable;
  const ee = dh(ephemeral.privateKey, answerable.remoteEphemeral);
  const se = dh(ephemeral.privateKey, answerable.remoteStatic);
  if (ee === null || se === null) return null;
  mixEphemeral(symmetric, ephemeral.publicKey);
  symmetric.mixKey(ee);
  symmetric.mixKey(se);
  symmetric.mixKeyAndHash(psk);
  const message = concat(ephemeral.publicKey, symmetric.seal(payload));
  return { message, split: symmetric.split() };
}

/** Reads message 2; null if it isn't the answer to ours under this psk. `waiting` can be used again then. */
export function readMessage2(
  waiting: Waiting,
  psk: Uint8Array,
  message: Uint8Array,
): { readonly payload: Uint8Array; readonly split: Split } | null {
  if (message.length < KEY_BYTES + TAG_BYTES) return null;
  const symmetric = waiting.symmetric.clone();
  const remoteEphemeral = message.slice(0, KEY_BYTES);
  const ee = dh(waiting.ephemeral.privateKey, remoteEphemeral);
  const se = dh(waiting.localStatic.privateKey, remoteEphemeral);
  if (ee === null || se === null) return null;
  mixEphemeral(symmetric, remoteEphemeral);
  symmetric.mixKey(ee);
  symmetric.mixKey(se);
  symmetric.mixKeyAndHash(psk);
  const payload = symmetric.open(message.subarray(KEY_BYTES));
  return payload === null ? null : { payload, split: symmetric.split() };
}

/** The responder's static key is known before (`<- s`). */
function started(prologue: Uint8Array, responderStatic: Uint8Array): SymmetricState {
  const symmetric = new SymmetricState(PROTOCOL, prologue);
  symmetric.mixHash(responderStatic);
  return symmetric;
}

/** An `e` token; in a handshake with a psk it's mixed into the key as well (section 9.2). */
function mixEphemeral(symmetric: SymmetricState, publicKey: Uint8Array): void {
  symmetric.mixHash(publicKey);
  symmetric.mixKey(publicKey);
}
