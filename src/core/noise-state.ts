/** What every Noise handshake shares (revision 34, 25519 and AESGCM and SHA256): the symmetric state, its hash and its Diffie-Hellman. */
import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { concat, padded, utf8 } from './bytes.js';
import { openGcm, sealGcm } from './crypto.js';

export const KEY_BYTES = 32;
const HASH_BYTES = 32;
const EMPTY = new Uint8Array();
/** A raw X25519 key as a JSON Web Key (RFC 8037): OpenSSL takes it in a tenth of the time that it needs for DER. */
const JWK = { kty: 'OKP', crv: 'X25519' } as const;

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** Two 32-byte keys: the initiator seals with the first. */
export type Split = readonly [Uint8Array, Uint8Array];

/** `raw`: the 32 bytes of an X25519 private key. */
export function keyPair(raw: Uint8Array): KeyPair {
  // `x` must be there but is not looked at: the public key is computed from `d`.
  const privateKey = createPrivateKey({ key: { ...JWK, d: base64(raw), x: base64(raw) }, format: 'jwk' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: new Uint8Array(Buffer.from(x, 'base64url')) };
}

/** The shared secret, or null for a public key of low order (RFC 7748 section 6.1). */
export function dh(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | null {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey: publicObject(publicKey) }));
  } catch {
    return null;
  }
}

/** Noise section 5.2, with the cipher state of section 5.1 inside. */
export class SymmetricState {
  private hash: Uint8Array;
  private chainingKey: Uint8Array;
  private key: Uint8Array | null = null;
  private nonce = 0n;

  /** `protocol`: a name of at most 32 bytes, which isn't hashed then but padded. */
  constructor(protocol: string, prologue: Uint8Array) {
    this.hash = padded(utf8(protocol), HASH_BYTES);
    this.chainingKey = this.hash;
    this.mixHash(prologue);
  }

  clone(): SymmetricState {
    return Object.assign(Object.create(SymmetricState.prototype), this) as SymmetricState;
  }

  /** Also what becomes of a payload before there's a key: it travels as it is (section 5.2, EncryptAndHash). */
  mixHash(data: Uint8Array): void {
    this.hash = new Uint8Array(createHash('sha256').update(this.hash).update(data).digest());
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

  private setKey(key: Uint8Array): void {
    this.key = key;
    this.nonce = 0n;
  }

  private currentKey(): Uint8Array {
    if (this.key === null) throw new Error('a Noise message is sealed before its first key: wrong order of tokens');
    return this.key;
  }

  private nextNonce(): Uint8Array {
    return counterNonce(this.nonce++);
  }
}

/** The 12-byte nonce of AESGCM: four zeros, then the counter (Noise section 12.4). */
export function counterNonce(counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, counter);
  return nonce;
}

/** Noise section 4.3. */
function hkdf(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const hmac = (key: Uint8Array, data: Uint8Array) => new Uint8Array(createHmac('sha256', key).update(data).digest());
  const temporary = hmac(chainingKey, material);
  const first = hmac(temporary, Uint8Array.of(1));
  const second = hmac(temporary, concat(first, Uint8Array.of(2)));
  return [first, second, hmac(temporary, concat(second, Uint8Array.of(3)))];
}

function publicObject(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { ...JWK, x: base64(raw) }, format: 'jwk' });
}

function base64(raw: Uint8Array): string {
  return Buffer.from(raw).toString('base64url');
}
