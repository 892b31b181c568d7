/** Under which names a member logs in at a relay: a key pair and tags that change every UTC day (docs/protocol.md section 11). */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { concat, utf8 } from '../core/bytes.js';
import { type Day, dayOf, fromMidnight, nearbyDays } from '../core/days.js';
import { type KeyPair, keyPair } from '../core/noise-state.js';
import { PSEUDONYM_BYTES } from '../core/way.js';
import { TAG_ID_BYTES } from '../wire/relay.js';

/** This near to midnight, in ms, the tag of the day on its other side is carried as well. */
const NEIGHBOUR_WITHIN = 2 * 3_600_000;

/** What logins are derived from: a member's own, and what all members of its network share. */
export interface LoginSecrets {
  /** 32 bytes: makes the login key pairs of one daemon in one network. */
  readonly loginSecret: Uint8Array;
  /** 32 bytes: makes the tags of one network. */
  readonly tagKey: Uint8Array;
}

/** The key pair that a login at the relay with this static key has on that day. */
export function loginKey({ loginSecret }: LoginSecrets, relayKey: Uint8Array, day: Day): KeyPair {
  const info = concat(utf8('p2p/1 relay '), relayKey, utf8(day));
  return keyPair(new Uint8Array(hkdfSync('sha256', loginSecret, new Uint8Array(), info, 32)));
}

/** How a client is called at a relay: 8 bytes that nobody else can register. `publicKey`: its login key. */
export function pseudonymOf(publicKey: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update('p2p/1 pseudonym').update(publicKey).digest();
  return new Uint8Array(hash.subarray(0, PSEUDONYM_BYTES));
}

export function tagOf({ tagKey }: LoginSecrets, relayKey: Uint8Array, day: Day): Uint8Array {
  const mac = createHmac('sha256', tagKey).update(relayKey).update(day).digest();
  return new Uint8Array(mac.subarray(0, TAG_ID_BYTES));
}

/** Days whose tags a login carries at `unix` (ms since 1970): today first, and the neighbour near midnight. */
export function tagDays(unix: number): readonly Day[] {
  const today = dayOf(unix);
  if (fromMidnight(unix) > NEIGHBOUR_WITHIN) return [today];
  const [yesterday, , tomorrow] = nearbyDays(unix);
  return dayOf(unix - NEIGHBOUR_WITHIN) === today ? [today, tomorrow] : [today, yesterday];
}
