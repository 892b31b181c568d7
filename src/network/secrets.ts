/** What a network's hash and key turn into (docs/protocol.md section 1). */
import { createHmac, hkdfSync, scrypt } from 'node:crypto';
import type { KeyEntry } from '../session/key-queue.js';

export interface NetworkSecrets {
  /** 16 bytes: the network's public name. */
  readonly networkId: Uint8Array;
  /** 32 bytes each. */
  readonly probeKey: Uint8Array;
  readonly lanKey: Uint8Array;
  readonly macKey: Uint8Array;
  readonly cookieKey: Uint8Array;
  readonly pskBase: Uint8Array;
  readonly topicKey: Uint8Array;
  readonly recordKey: Uint8Array;
  readonly relayTagKey: Uint8Array;
}

const EMPTY = new Uint8Array();
/** A hash that `p2p generate` made: `p2p-` and 26 characters of RFC 4648 base32 in lower case (16 bytes). */
const GENERATED = /^p2p-([a-z2-7]{26})$/;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Stretches the hash to the 32-byte root. Costs 64 MiB and a few hundred ms unless the hash was generated; so the result is cached. */
export async function rootSecret(hash: string): Promise<Uint8Array> {
  const random = generatedBytes(hash);
  if (random === null) return stretch(hash, Buffer.from('p2p/1 root'));
  return new Uint8Array(hkdfSync('sha256', random, 'p2p/1 root', 'p2p/1 generated', 32));
}

export function networkSecrets(root: Uint8Array): NetworkSecrets {
  const derive = (label: string, bytes: number) =>
    new Uint8Array(hkdfSync('sha256', root, EMPTY, `p2p/1 ${label}`, bytes));
  return {
    networkId: derive('network id', 16),
    probeKey: derive('probe', 32),
    lanKey: derive('lan', 32),
    macKey: derive('mac', 32),
    cookieKey: derive('cookie', 32),
    pskBase: derive('psk', 32),
    topicKey: derive('topic', 32),
    recordKey: derive('record', 32),
    relayTagKey: derive('relay tag', 32),
  };
}

/** Stretches a `-key` (32 bytes). As costly as `rootSecret`. */
export function keySecret(key: string, secrets: NetworkSecrets): Promise<Uint8Array> {
  return stretch(key, Buffer.concat([Buffer.from('p2p/1 key'), secrets.networkId]));
}

/** The sessions' pre-shared key (32 bytes); `secret` is what `keySecret` made, or null for a network without keys. */
export function presharedKey(secrets: NetworkSecrets, secret: Uint8Array | null): Uint8Array {
  const material = Buffer.concat([secrets.pskBase, secret ?? EMPTY]);
  return new Uint8Array(hkdfSync('sha256', material, EMPTY, 'p2p/1 psk', 32));
}

/** Names a pre-shared key without giving it away: 8 bytes. */
export function pskId(psk: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', psk, EMPTY, 'p2p/1 psk id', 8));
}

/** An entry of the key queue; `secret` as for `presharedKey`, `until` in ms since 1970, Infinity for never. */
export function keyEntry(secrets: NetworkSecrets, secret: Uint8Array | null, until: number): KeyEntry {
  const psk = presharedKey(secrets, secret);
  return { id: pskId(psk), psk, until };
}

/** The 32-byte key of the MAC on datagrams to `identity`, or to anyone in the network without one. */
export function admissionKey(secrets: NetworkSecrets, identity: Uint8Array = EMPTY): Uint8Array {
  return new Uint8Array(createHmac('sha256', secrets.macKey).update(identity).digest());
}

/** Writes 16 random bytes as a hash that needs no stretching. */
export function generatedHash(random: Uint8Array): string {
  if (random.length !== 16) throw new RangeError(`expected 16 random bytes, got ${random.length}`);
  let bits = 0n;
  for (const byte of random) bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n; // 128 bits in 26 characters of 5 leave two
  let text = '';
  for (let i = 25; i >= 0; i--) text += BASE32[Number((bits >> BigInt(5 * i)) & 31n)] ?? '';
  return `p2p-${text}`;
}

/** The 16 bytes of a generated hash, or null for any other. */
export function generatedBytes(hash: string): Uint8Array | null {
  const text = GENERATED.exec(hash)?.[1];
  if (text === undefined) return null;
  let bits = 0n;
  for (const c of text) bits = (bits << 5n) | BigInt(BASE32.indexOf(c));
  if ((bits & 3n) !== 0n) return null;
  return Uint8Array.from(Buffer.from((bits >> 2n).toString(16).padStart(32, '0'), 'hex'));
}

function stretch(secret: string, salt: Uint8Array): Promise<Uint8Array> {
  const cost = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFC'), salt, 32, cost, (error, key) =>
      error ? reject(error) : resolve(new Uint8Array(key)),
    );
  });
}
