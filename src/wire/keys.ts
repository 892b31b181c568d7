/** What a member tells a peer of its key queue (docs/protocol.md section 8): when each key ends and a hint of which it is, never a key. */
import { ByteReader, concat, parsed, u64 } from '../core/bytes.js';
import { CONTROL, type ControlMessage } from './control.js';

/** Of a key's name: enough to see that two differ, too little to find a weak key by trying. */
export const HINT_BYTES = 2;
/** Keys that a queue may have. */
export const MAX_KEYS = 32;

/** The end of the year 9999, in ms since 1970. */
const MAX_MOMENT = 253_402_300_799_999;

export interface ToldKey {
  /** When it ends, in ms since 1970; Infinity for never. */
  readonly until: number;
  /** 2 bytes. */
  readonly hint: Uint8Array;
}

export function keysMessage(keys: readonly ToldKey[]): ControlMessage {
  const body = keys
    .slice(0, MAX_KEYS)
    .map(({ until, hint }) => concat(u64(until === Number.POSITIVE_INFINITY ? 0n : BigInt(until)), hint));
  return { type: CONTROL.keys, body: concat(...body) };
}

/** Null if it's malformed: lengths that don't add up, too many, or moments that don't follow each other. */
export function readKeys(body: Uint8Array): ToldKey[] | null {
  return parsed(() => {
    const reader = new ByteReader(body);
    const keys: ToldKey[] = [];
    while (reader.remaining > 0 && keys.length < MAX_KEYS) {
      const ends = Number(reader.u64());
      keys.push({ until: ends === 0 ? Number.POSITIVE_INFINITY : ends, hint: reader.bytes(HINT_BYTES) });
    }
    const ordered = keys.every(({ until }, i) => i === 0 || until > (keys[i - 1]?.until ?? 0));
    const isFar = keys.some(({ until }) => until > MAX_MOMENT && until !== Number.POSITIVE_INFINITY);
    return reader.remaining > 0 || !ordered || isFar ? null : keys;
  });
}
