/** Who this machine is in one network: derived, never stored (docs/protocol.md section 1). */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';

/** The first 8 bytes of an identity, in hex: how people see a member. */
export type PeerId = string & { readonly __brand: 'PeerId' };

export interface Identity {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly peerId: PeerId;
  /** X25519 private key of the handshakes, 32 bytes. */
  readonly staticPrivate: Uint8Array;
  readonly staticPublic: Uint8Array;
  /** 32 bytes: the keys under which it's announced in a DHT come from it. */
  readonly announceSecret: Uint8Array;
  /** 12 bytes: PCP's word between us and a router, the same over restarts. */
  readonly mappingNonce: Uint8Array;
  /** 32 bytes: the key pairs under which it logs in at relays come from it. */
  readonly loginSecret: Uint8Array;
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** DER before the raw 32 bytes of a key (RFC 8410). */
const PKCS8 = { ed25519: '302e020100300506032b657004220420', x25519: '302e020100300506032b656e04220420' } as const;

/** Derives the identity of the network `networkId` (16 bytes) from the daemon's master secret (32 bytes). */
export function deriveIdentity(master: Uint8Array, networkId: Uint8Array): Identity {
  const seed = (info: string) => new Uint8Array(hkdfSync('sha256', master, networkId, `p2p/1 ${info}`, 32));
  const signing = privateKey('ed25519', seed('identity'));
  const staticPrivate = seed('static');
  const publicKey = rawPublic(signing);
  return {
    publicKey,
    peerId: peerIdOf(publicKey),
    staticPrivate,
    staticPublic: rawPublic(privateKey('x25519', staticPrivate)),
    announceSecret: seed('announce'),
    mappingNonce: seed('mapping').slice(0, 12),
    loginSecret: seed('relay login'),
    sign: (message) => new Uint8Array(sign(null, message, signing)),
  };
}

export function peerIdOf(identity: Uint8Array): PeerId {
  return Buffer.from(identity.subarray(0, 8)).toString('hex') as PeerId;
}

/** The MAC that a member has unless `-mac` says otherwise: locally administered, unicast. */
export function defaultMac(identity: Uint8Array): Uint8Array {
  const mac = new Uint8Array(createHash('sha256').update('p2p/1 mac').update(identity).digest().subarray(0, 6));
  mac[0] = ((mac[0] ?? 0) & 0xfc) | 0x02;
  return mac;
}

/** Whether `signature` (64 bytes) over `message` is `identity`'s. False for a key that's no curve point. */
export function signedBy(identity: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    // As a JSON Web Key (RFC 8037): OpenSSL takes it in a fraction of the time that it needs for DER.
    const x = Buffer.from(identity).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

function privateKey(curve: keyof typeof PKCS8, raw: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([Buffer.from(PKCS8[curve], 'hex'), raw]),
    format: 'der',
    type: 'pkcs8',
  });
}

function rawPublic(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
}
