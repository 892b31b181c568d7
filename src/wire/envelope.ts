/** The common beginning and end of the datagrams outside a session: kind and version, and the admission MAC (docs/protocol.md section 2). */
import { concat } from '../core/bytes.js';
import { MAC_BYTES, mac16, openXaes, sameSecret, sealXaes, XAES_NONCE_BYTES } from '../core/crypto.js';

export const KIND = {
  hello: 0x20,
  helloBack: 0x21,
  handshake1: 0x22,
  handshake2: 0x23,
  cookie: 0x24,
  notice: 0x25,
  beacon: 0x26,
} as const;

export const VERSION = 1;
export const HEADER_BYTES = 4;

export function header(kind: number): Uint8Array {
  return Uint8Array.of(kind, VERSION, 0, 0);
}

/** Ends a datagram with the MAC under the receiver's admission key. */
export function withMac(admissionKey: Uint8Array, body: Uint8Array): Uint8Array {
  return concat(body, mac16(admissionKey, body));
}

/** The datagram without its MAC, or null if it's of another length or under another key. */
export function withoutMac(admissionKey: Uint8Array, datagram: Uint8Array, length: number): Uint8Array | null {
  if (datagram.length !== length) return null;
  const body = datagram.subarray(0, -MAC_BYTES);
  return sameSecret(mac16(admissionKey, body), datagram.subarray(-MAC_BYTES)) ? body : null;
}

/** Nonce, then `plaintext` sealed with a key that all members share. */
export function sealShared(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additional: Uint8Array,
): Uint8Array {
  return concat(nonce, sealXaes(key, nonce, plaintext, additional));
}

export function openShared(key: Uint8Array, sealed: Uint8Array, additional: Uint8Array): Uint8Array | null {
  if (sealed.length < XAES_NONCE_BYTES) return null;
  return openXaes(key, sealed.subarray(0, XAES_NONCE_BYTES), sealed.subarray(XAES_NONCE_BYTES), additional);
}
