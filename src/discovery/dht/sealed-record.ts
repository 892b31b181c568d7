/** What lies in the DHT: a topic that only members can compute, and records that only they can open (docs/protocol.md section 10). */
import { createHmac, hkdfSync } from 'node:crypto';
import { ByteReader, concat, padded, parsed, u16, utf8 } from '../../core/bytes.js';
import { openXaes, sealXaes, XAES_NONCE_BYTES } from '../../core/crypto.js';
import type { Day } from '../../core/days.js';

/** The keys of one network (32 bytes each), and this member's own. */
export interface RendezvousSecrets {
  readonly topicKey: Uint8Array;
  readonly recordKey: Uint8Array;
  /** Of this member in this network: its announce keys come from it. */
  readonly announceSecret: Uint8Array;
}

/** Most bytes of a value in the DHT: what fits one packet. */
export const MAX_VALUE_BYTES = 1_000;
const PLAINTEXT_BYTES = 900;
const FORM = Uint8Array.of(1);

/** 32 bytes. */
export function topicOf(secrets: RendezvousSecrets, day: Day): Uint8Array {
  return keyed(secrets.topicKey, day);
}

/** The 32-byte seed of the Ed25519 key under which this member announces itself that day. */
export function announceSeed(secrets: RendezvousSecrets, day: Day): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secrets.announceSecret, new Uint8Array(), `p2p/1 announce ${day}`, 32));
}

/** Seals a member record for `day` under the announce key `publicKey`: 941 bytes. `nonce`: 24 random bytes. */
export function sealRecord(
  secrets: RendezvousSecrets,
  day: Day,
  publicKey: Uint8Array,
  nonce: Uint8Array,
  record: Uint8Array,
): Uint8Array {
  const plaintext = padded(concat(u16(record.length), record), PLAINTEXT_BYTES);
  return concat(FORM, nonce, sealXaes(keyed(secrets.recordKey, day), nonce, plaintext, publicKey));
}

/** The record in a value, not yet verified; null if no member of this network sealed it for that day and key. */
export function openRecord(
  secrets: RendezvousSecrets,
  day: Day,
  publicKey: Uint8Array,
  value: Uint8Array,
): Uint8Array | null {
  if (value.length > MAX_VALUE_BYTES || value.length <= XAES_NONCE_BYTES || value[0] !== FORM[0]) return null;
  const nonce = value.subarray(1, 1 + XAES_NONCE_BYTES);
  const plaintext = openXaes(keyed(secrets.recordKey, day), nonce, value.subarray(1 + XAES_NONCE_BYTES), publicKey);
  if (plaintext === null) return null;
  return parsed(() => {
    const reader = new ByteReader(plaintext);
    return reader.bytes(reader.u16());
  });
}

function keyed(key: Uint8Array, day: Day): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(utf8(day)).digest());
}
