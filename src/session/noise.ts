/**
 * `Noise_IKpsk2_25519_AESGCM_SHA256`, Noise revision 34, on node:crypto.
 *
 *     <- s
 *     -> e, es, s, ss
 *     <- e, ee, se, psk
 *
 * Messages are the bare Noise messages; `handshake.ts` puts them into datagrams.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { concat } from '../core/bytes.js';
import { openGcm, sealGcm, TAG_BYTES } from '../core/crypto.js';

const PROTOCOL = 'Noise_IKpsk2_25519_AESGCM_SHA256';
const EMPTY = new Uint8Array();
export const KEY_BYTES = 32;
/** A raw X25519 key as a JSON Web Key (RFC 8037): OpenSSL takes it in a tenth of the time that it needs for DER. */
const JWK = { kty: 'OKP', crv: 'X25519' } as const;

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

/** Two 32-byte keys: the initiator seals with the first. */
export type Split = readonly [Uint8Array, Uint8Array];

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** `raw`: the 32 bytes of an X25519 private key. */
export function keyPair(raw: Uint8Array): KeyPair {
  // `x` must be there but is not looked at: the public key is computed from `d`.
  const privateKey = createPrivateKey({ key: { ...JWK, d: base64(raw), x: base64(raw) }, format: 'jwk' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: new Uint8Array(Buffer.from(x, 'base64url')) };
}

/** Writes message 1: ephemeral (32), static (48), payload (+ 16). */
export function writeMessage1(
  prologue: Uint8Array,
  localStatic: KeyPair,
  ephemeral: KeyPair,
  remoteStatic: Uint8Array,
  payload: Uint8Array,
): { readonly message: Uint8Array; readonly waiting: Waiting } | null {
  const symmetric = new SymmetricState(prologue, remoteStatic);
  const es = dh(ephemeral.privateKey, remoteStatic);
  const ss = dh(localStatic.privateKey, remoteStatic);
  if (es === null || ss === null) return null;
  symmetric.mixEphemeral(ephemeral.publicKey);
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
  const symmetric = new SymmetricState(prologue, localStatic.publicKey);
  const remoteEphemeral = message.slice(0, KEY_BYTES);
  const es = dh(localStatic.privateKey, remoteEphemeral);
  if (es === null) return null;
  symmetric.mixEphemeral(remoteEphemeral);
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
  symmetric.mixEphemeral(ephemeral.publicKey);
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
  symmetric.mixEphemeral(remoteEphemeral);
  symmetric.mixKey(ee);
  symmetric.mixKey(se);
  symmetric.mixKeyAndHash(psk);
  const payload = symmetric.open(message.subarray(KEY_BYTES));
  return payload === null ? null : { payload, split: symmetric.split() };
}

/** Noise section 5.2, with the cipher state of section 5.1 inside. */
class SymmetricState {
  private hash: Uint8Array;
  private chainingKey: Uint8Array;
  private key: Uint8Array | null = null;
  private nonce = 0n;

  constructor(prologue: Uint8Array, responderStatic: Uint8Array) {
    this.hash = new TextEncoder().encode(PROTOCOL); // exactly 32 bytes, so it isn't hashed
    this.chainingKey = this.hash;
    this.mixHash(prologue);
    this.mixHash(responderStatic);
  }

  clone(): SymmetricState {
    return Object.assign(Object.create(SymmetricState.prototype), this) as SymmetricState;
  }

  /** An `e` token; in a handshake with a psk it's mixed into the key as well (section 9.2). */
  mixEphemeral(publicKey: Uint8Array): void {
    this.mixHash(publicKey);
    this.mixKey(publicKey);
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.chainingKey, material);
    this.chainingKey = chainingKey;
    this.setKey(key);
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, hash, key] = hkdf(this.chainingKey, material);
    this.chainingKey = chainingKey;
    this.mixHash(hash);
    this.setKey(key);
  }

  seal(plaintext: Uint8Array): Uint8Array {
    const sealed = sealGcm(this.currentKey(), this.nextNonce(), plaintext, this.hash);
    this.mixHash(sealed);
    return sealed;
  }

  open(sealed: Uint8Array): Uint8Array | null {
    const plaintext = openGcm(this.currentKey(), this.nextNonce(), sealed, this.hash);
    if (plaintext !== null) this.mixHash(sealed);
    return plaintext;
  }

  split(): Split {
    const [first, second] = hkdf(this.chainingKey, EMPTY);
    return [first, second];
  }

  private mixHash(data: Uint8Array): void {
    this.hash = new Uint8Array(createHash('sha256').update(this.hash).update(data).digest());
  }

  private setKey(key: Uint8Array): void {
    this.key = key;
    this.nonce = 0n;
  }

  private currentKey(): Uint8Array {
    if (this.key === null) throw new Error('a Noise message is sealed before its first key: wrong order of tokens');
    return this.key;
  }

  private nextNonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setBigUint64(4, this.nonce++);
    return nonce;
  }
}

/** Noise section 4.3. */
function hkdf(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const hmac = (key: Uint8Array, data: Uint8Array) => new Uint8Array(createHmac('sha256', key).update(data).digest());
  const temporary = hmac(chainingKey, material);
  const first = hmac(temporary, Uint8Array.of(1));
  const second = hmac(temporary, concat(first, Uint8Array.of(2)));
  return [first, second, hmac(temporary, concat(second, Uint8Array.of(3)))];
}

/** The shared secret, or null for a public key of low order (RFC 7748 section 6.1). */
function dh(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | null {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey: publicObject(publicKey) }));
  } catch {
    return null;
  }
}

function publicObject(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { ...JWK, x: base64(raw) }, format: 'jwk' });
}

function base64(raw: Uint8Array): string {
  return Buffer.from(raw).toString('base64url');
}
