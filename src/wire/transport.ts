/** Frame and control datagrams, one at a time, on node:crypto (docs/protocol.md sections 7 and 8). Cuts nothing: a frame is one datagram. */
import { ByteReader, concat, parsed, u16, u32, u64 } from '../core/bytes.js';
import { openGcm, sealGcm } from '../core/crypto.js';

export const TRANSPORT = { frame: 0x40, control: 0x41 } as const;
/** What a datagram adds to the frame that it carries, in bytes: header, offload, tag. */
export const FRAME_OVERHEAD = 42;
const PLAIN_OFFLOAD = new Uint8Array(6);
const HEADER_BYTES = 16;
const PART_BYTES = 4;

export interface TransportHeader {
  readonly kind: number;
  readonly lane: number;
  readonly receiverIndex: number;
  readonly counter: bigint;
}

export function sealFrame(key: Uint8Array, header: Omit<TransportHeader, 'kind'>, frame: Uint8Array): Uint8Array {
  const start = concat(writeHeader({ ...header, kind: TRANSPORT.frame }), Uint8Array.of(0, 1), u16(frame.length));
  return concat(start, sealGcm(key, nonceOf(header), concat(PLAIN_OFFLOAD, frame), start));
}

export function sealControl(key: Uint8Array, header: Omit<TransportHeader, 'kind'>, messages: Uint8Array): Uint8Array {
  const start = writeHeader({ ...header, kind: TRANSPORT.control });
  return concat(start, sealGcm(key, nonceOf(header), messages, start));
}

/** The cleartext start of a transport datagram, or null if it's none. */
export function readHeader(datagram: Uint8Array): TransportHeader | null {
  return parsed(() => {
    const reader = new ByteReader(datagram);
    const kind = reader.u8();
    reader.skip(1);
    return { kind, lane: reader.u16(), receiverIndex: reader.u32(), counter: reader.u64() };
  });
}

/** The frame in a frame datagram, the messages in a control datagram; null if it wasn't sealed with this key. */
export function openTransport(key: Uint8Array, header: TransportHeader, datagram: Uint8Array): Uint8Array | null {
  const startBytes = header.kind === TRANSPORT.frame ? HEADER_BYTES + PART_BYTES : HEADER_BYTES;
  const plaintext = openGcm(key, nonceOf(header), datagram.subarray(startBytes), datagram.subarray(0, startBytes));
  if (plaintext === null || header.kind === TRANSPORT.control) return plaintext;
  return plaintext.subarray(PLAIN_OFFLOAD.length);
}

function writeHeader({ kind, lane, receiverIndex, counter }: TransportHeader): Uint8Array {
  return concat(Uint8Array.of(kind, 0), u16(lane), u32(receiverIndex), u64(counter));
}

function nonceOf({ lane, counter }: Pick<TransportHeader, 'lane' | 'counter'>): Uint8Array {
  return concat(u32(lane), u64(counter));
}
