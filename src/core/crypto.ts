/** The few primitives that more than one part of the protocol uses, on node:crypto. */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { concat } from './bytes.js';

export const TAG_BYTES = 16;
export const MAC_BYTES = 16;
export const XAES_NONCE_BYTES = 24;

/** Ciphertext followed by its 16-byte tag. `nonce` is 12 bytes and never used twice with one key. */
export function sealGcm(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array, additional: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additional);
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** The plaintext of what `sealGcm` made, or null if it was made or changed by someone else. */
export function openGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  additional: Uint8Array,
): Uint8Array | null {
  if (sealed.length < TAG_BYTES) return null;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return new Uint8Array(plaintext);
}

/** XAES-256-GCM (C2SP): for keys that many members share, with a random nonce of 24 bytes. */
export function sealXaes(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  return sealGcm(xaesSubkey(key, nonce), nonce.subarray(12), plaintext, additional);
}

export function openXaes(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  additional: Uint8Array,
): Uint8Array | null {
  return openGcm(xaesSubkey(key, nonce), nonce.subarray(12), sealed, additional);
}

/** First 16 bytes of HMAC-SHA256. */
export function mac16(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(message).digest().subarray(0, MAC_BYTES));
}

/** Compares in constant time. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** SP 800-108 counter mode over CMAC, as XAES-256-GCM fixes it: two AES blocks whose input starts 0, i, 'X', 0. */
function xaesSubkey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  if (nonce.length !== XAES_NONCE_BYTES) throw new RangeError(`expected a nonce of 24 bytes, got ${nonce.length}`);
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const k1 = doubled(cipher.update(new Uint8Array(16)));
  const blocks = [1, 2].map((i) => {
    const block = concat(Uint8Array.of(0, i, 0x58, 0), nonce.subarray(0, 12));
    return block.map((byte, at) => byte ^ (k1[at] ?? 0));
  });
  return new Uint8Array(cipher.update(concat(...blocks)));
}

/** Multiplication by x in GF(2^128) (CMAC's first subkey). */
function doubled(block: Uint8Array): Uint8Array {
  const out = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  if (((block[0] ?? 0) & 0x80) !== 0) out[15] = (out[15] ?? 0) ^ 0x87;
  return out;
}
