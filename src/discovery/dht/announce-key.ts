/** The public half of an announce key; hyperdht makes the same from the same seed (Ed25519, RFC 8032). */
import { createPrivateKey, createPublicKey } from 'node:crypto';

/** DER before a raw Ed25519 seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** 32 bytes from a seed of 32 bytes. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  return new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32));
}
