/** What a beacon says, inside its seal (docs/protocol.md section 6); the seal is discovery's. */
import { ByteReader, concat, padded, parsed, u16, u64 } from '../core/bytes.js';
import type { Stamp } from '../core/stamp.js';

const BEACON_BYTES = 900;

export interface Beacon {
  readonly stamp: Stamp;
  /** UDP port of the member's data socket. */
  readonly port: number;
  /** Member record, not yet verified. */
  readonly record: Uint8Array;
}

export function writeBeacon(beacon: Beacon): Uint8Array {
  return padded(concat(u64(beacon.stamp), u16(beacon.port), u16(beacon.record.length), beacon.record), BEACON_BYTES);
}

export function readBeacon(payload: Uint8Array): Beacon | null {
  return parsed(() => {
    const reader = new ByteReader(payload);
    return { stamp: reader.u64(), port: reader.u16(), record: reader.bytes(reader.u16()) };
  });
}
