/**
 * The login at a relay: `Noise_XX_25519_AESGCM_SHA256`, Noise revision 34.
 *
 *     -> e
 *     <- e, ee, s, es
 *     -> s, se
 *
 * Here are the bare Noise messages; `src/wire/relay.ts` puts them into datagrams. XX, because the client needn't know the relay's key
 * before (it's pinned on first use), and shows its own only to the relay.
 */
import { concat, utf8 } from '../core/bytes.js';
import { TAG_BYTES } from '../core/crypto.js';
import { dh, KEY_BYTES, type KeyPair, type Split, SymmetricState } from '../core/noise-state.js';

const PROTOCOL = 'Noise_XX_25519_AESGCM_SHA256';
export const LOGIN_PROLOGUE = utf8('p2p/1 relay');
const SEALED_KEY_BYTES = KEY_BYTES + TAG_BYTES;

/** The client's side after message 1. */
export interface LoginBegun {
  readonly symmetric: SymmetricState;
  readonly ephemeral: KeyPair;
}

/** The relay's side after message 2, or the client's before message 3. */
export interface LoginAnswered {
  readonly symmetric: SymmetricState;
  readonly ephemeral: KeyPair;
}

/** Message 1: ephemeral (32), payload as it is. */
export function writeLoginMessage1(
  prologue: Uint8Array,
  ephemeral: KeyPair,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly begun: LoginBegun } {
  const symmetric = new SymmetricState(PROTOCOL, prologue);
  symmetric.mixHash(ephemeral.publicKey);
  symmetric.mixHash(payload);
  return { message: concat(ephemeral.publicKey, payload), begun: { symmetric, ephemeral } };
}

/** Message 2 to a message 1: ephemeral (32), static key (48), payload (+ 16). Null if the other's key is of low order. */
export function answerLogin(
  prologue: Uint8Array,
  message1: Uint8Array,
  localStatic: KeyPair,
  ephemeral: KeyPair,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly answered: LoginAnswered } | null {
  if (message1.length < KEY_BYTES) return null;
  const symmetric = new SymmetricState(PROTOCOL, prologue);
  const remoteEphemeral = message1.slice(0, KEY_BYTES);
  const ee = dh(ephemeral.privateKey, remoteEphemeral);
  const es = dh(localStatic.privateKey, remoteEphemeral);
  if (ee === null || es === null) return null;
  symmetric.mixHash(remoteEphemeral);
  symmetric.mixHash(message1.subarray(KEY_BYTES));
  symmetric.mixHash(ephemeral.publicKey);
  symmetric.mixKey(ee);
  const sealedStatic = symmetric.seal(localStatic.publicKey);
  symmetric.mixKey(es);
  const message = concat(ephemeral.publicKey, sealedStatic, symmetric.seal(payload));
  return { message, answered: { symmetric, ephemeral } };
}

/** What message 2 brought. */
export interface RelayProved {
  /** The relay's static key, which it proved to have. */
  readonly remoteStatic: Uint8Array;
  readonly remoteEphemeral: Uint8Array;
  readonly symmetric: SymmetricState;
  readonly payload: Uint8Array;
}

/** Reads message 2; null if it's no answer to ours. `begun` can be used again then. */
export function readLoginMessage2(begun: LoginBegun, message: Uint8Array): RelayProved | null {
  if (message.length < KEY_BYTES + SEALED_KEY_BYTES + TAG_BYTES) return null;
  const symmetric = begun.symmetric.clone();
  const remoteEphemeral = message.slice(0, KEY_BYTES);
  const ee = dh(begun.ephemeral.privateKey, remoteEphemeral);
  if (ee === null) return null;
  symmetric.mixHash(remoteEphemeral);
  symmetric.mixKey(ee);
  const remoteStatic = symmetric.open(message.subarray(KEY_BYTES, KEY_BYTES + SEALED_KEY_BYTES));
  const es = remoteStatic === null ? null : dh(begun.ephemeral.privateKey, remoteStatic);
  if (remoteStatic === null || es === null) return null;
  symmetric.mixKey(es);
  const payload = symmetric.open(message.subarray(KEY_BYTES + SEALED_KEY_BYTES));
  return payload === null ? null : { remoteStatic, remoteEphemeral, symmetric, payload };
}

/** Message 3: static key (48), payload (+ 16). The client has its keys then. */
export function finishLogin(
  { symmetric, remoteEphemeral }: RelayProved,
  localStatic: KeyPair,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly split: Split } | null {
  const sealedStatic = symmetric.seal(localStatic.publicKey);
  const se = dh(localStatic.privateKey, remoteEphemeral);
  if (se === null) return null;
  symmetric.mixKey(se);
  const message = concat(sealedStatic, symmetric.seal(payload));
  return { message, split: symmetric.split() };
}

/** Reads message 3; null if it isn't the end of this login. `answered` can be used again then. */
export function acceptLogin(
  answered: LoginAnswered,
  message: Uint8Array,
): { readonly remoteStatic: Uint8Array; readonly payload: Uint8Array; readonly split: Split } | null {
  if (message.length < SEALED_KEY_BYTES + TAG_BYTES) return null;
  const symmetric = answered.symmetric.clone();
  const remoteStatic = symmetric.open(message.subarray(0, SEALED_KEY_BYTES));
  const se = remoteStatic === null ? null : dh(answered.ephemeral.privateKey, remoteStatic);
  if (remoteStatic === null || se === null) return null;
  symmetric.mixKey(se);
  const payload = symmetric.open(message.subarray(SEALED_KEY_BYTES));
  return payload === null ? null : { remoteStatic, payload, split: symmetric.split() };
}
