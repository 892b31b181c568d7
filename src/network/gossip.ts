/** Gossip of member records by summary and digest: who knows what, who lacks what (docs/protocol.md section 8). */
import { createHash } from 'node:crypto';
import { ByteReader, concat, hex, parsed, u16, u64 } from '../core/bytes.js';
import { CONTROL, CONTROL_BYTES, type ControlMessage } from '../wire/control.js';
import type { MemberRecord } from './record.js';

const IDENTITY_BYTES = 32;
const ENTRY_BYTES = IDENTITY_BYTES + 8;
const SUMMARY_BYTES = 16;
/** Room for entries in one control datagram, after the message's own header. */
const ROOM = CONTROL_BYTES - 3;

export interface DigestEntry {
  /** Identity in hex. */
  readonly identity: string;
  readonly sequence: bigint;
}

export function digestMessages(records: readonly MemberRecord[]): ControlMessage[] {
  return inMessages(CONTROL.digest, records.map(entryOf));
}

/** 16 bytes that are the same for whoever knows the same records, in whatever order. Hashed whole: no member can make up records that cancel out. */
export function summaryMessage(records: readonly MemberRecord[]): ControlMessage {
  const hash = createHash('sha256');
  for (const entry of records.map(entryOf).sort(Buffer.compare)) hash.update(entry);
  return { type: CONTROL.summary, body: new Uint8Array(hash.digest().subarray(0, SUMMARY_BYTES)) };
}

export function wantMessages(identities: readonly string[]): ControlMessage[] {
  return inMessages(
    CONTROL.want,
    identities.map((identity) => Uint8Array.from(Buffer.from(identity, 'hex'))),
  );
}

export function recordMessages(records: readonly MemberRecord[]): ControlMessage[] {
  return inMessages(
    CONTROL.records,
    records.map(({ bytes }) => concat(u16(bytes.length), bytes)),
  );
}

export function readDigest(body: Uint8Array): DigestEntry[] {
  const reader = new ByteReader(body);
  const count = Math.floor(body.length / ENTRY_BYTES);
  return Array.from({ length: count }, () => ({ identity: hex(reader.bytes(IDENTITY_BYTES)), sequence: reader.u64() }));
}

export function readWant(body: Uint8Array): string[] {
  const reader = new ByteReader(body);
  const count = Math.floor(body.length / IDENTITY_BYTES);
  return Array.from({ length: count }, () => hex(reader.bytes(IDENTITY_BYTES)));
}

/** The records in a message as bytes, not yet verified; null if their lengths don't add up. */
export function readRecords(body: Uint8Array): Uint8Array[] | null {
  return parsed(() => {
    const reader = new ByteReader(body);
    const records: Uint8Array[] = [];
    while (reader.remaining > 0) records.push(reader.bytes(reader.u16()));
    return records;
  });
}

/** Compares a peer's digest with what we know: which of our records it needs, and which it has newer. */
export function compareDigest(
  known: (identity: string) => MemberRecord | undefined,
  digest: readonly DigestEntry[],
): { readonly send: MemberRecord[]; readonly want: string[] } {
  const send: MemberRecord[] = [];
  const want: string[] = [];
  for (const { identity, sequence } of digest) {
    const record = known(identity);
    if (record === undefined || record.sequence < sequence) want.push(identity);
    else if (record.sequence > sequence) send.push(record);
  }
  return { send, want };
}

function entryOf({ identity, sequence }: MemberRecord): Uint8Array {
  return concat(identity, u64(sequence));
}

function inMessages(type: number, entries: readonly Uint8Array[]): ControlMessage[] {
  const messages: ControlMessage[] = [];
  let batch: Uint8Array[] = [];
  let size = 0;
  for (const entry of entries) {
    if (size + entry.length > ROOM) {
      messages.push({ type, body: concat(...batch) });
      batch = [];
      size = 0;
    }
    batch.push(entry);
    size += entry.length;
  }
  if (batch.length > 0) messages.push({ type, body: concat(...batch) });
  return messages;
}
