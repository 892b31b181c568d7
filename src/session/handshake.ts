/** Handshake datagrams 1 and 2: Noise messages with our payloads in them (docs/protocol.md section 4). Bytes in; bytes, keys or null out. */
import { ByteReader, concat, padded, parsed, u16, u32, u64, utf8 } from '../core/bytes.js';
import { MAC_BYTES, mac16 } from '../core/crypto.js';
import type { KeyPair, Split } from '../core/noise-state.js';
import { STAMP_BYTES, type Stamp } from '../core/stamp.js';
import { HEADER_BYTES, header, KIND, withMac, withoutMac } from '../wire/envelope.js';
import type { KeyEntry } from './key-queue.js';
import { type Answerable, readMessage1, readMessage2, type Waiting, writeMessage1, writeMessage2 } from './noise.js';

const HANDSHAKE1_BYTES = 1032;
const HANDSHAKE2_BYTES = 972;
const PSK_ID_BYTES = 8;
const PREFIX_BYTES = HEADER_BYTES + 4;
const PAYLOAD1_BYTES = 896;
const PAYLOAD2_BYTES = 900;

/** What both sides of every handshake in one network are made of. */
export interface HandshakeKeys {
  readonly networkId: Uint8Array;
  readonly localStatic: KeyPair;
}

export interface Responder {
  readonly staticKey: Uint8Array;
  /** The 32-byte admission key of its identity. */
  readonly admissionKey: Uint8Array;
}

export interface Initiation {
  readonly senderIndex: number;
  readonly datagram: Uint8Array;
  readonly waiting: Waiting;
}

export interface ReceivedInitiation {
  readonly senderIndex: number;
  readonly stamp: Stamp;
  readonly pskId: Uint8Array;
  /** The initiator's member record, not yet verified. */
  readonly record: Uint8Array;
  /** The static key that the initiator proved to have. */
  readonly remoteStatic: Uint8Array;
  readonly answerable: Answerable;
}

/** Message 1 that asks for a session under `key`; `cookie` is the one that the responder asked for, or null. Null if the responder's static key is no usable one. */
export function initiate(
  keys: HandshakeKeys,
  key: KeyEntry,
  responder: Responder,
  ephemeral: KeyPair,
  senderIndex: number,
  stamp: Stamp,
  record: Uint8Array,
  cookie: Uint8Array | null,
): Initiation | null {
  const prefix = concat(header(KIND.handshake1), u32(senderIndex));
  const payload = padded(concat(u64(stamp), key.id, u16(record.length), record), PAYLOAD1_BYTES);
  const noise = writeMessage1(prologue(keys, prefix), keys.localStatic, ephemeral, responder.staticKey, payload);
  if (noise === null) return null;
  const body = concat(prefix, noise.message);
  const cookieMac = cookie === null ? new Uint8Array(MAC_BYTES) : mac16(cookie, body);
  return { senderIndex, datagram: withMac(responder.admissionKey, concat(body, cookieMac)), waiting: noise.waiting };
}

/** Opens a message 1 that was admitted; null if it wasn't made for us. */
export function readInitiation(keys: HandshakeKeys, datagram: Uint8Array): ReceivedInitiation | null {
  if (datagram.length !== HANDSHAKE1_BYTES) return null;
  const prefix = datagram.subarray(0, PREFIX_BYTES);
  const message = datagram.subarray(PREFIX_BYTES, -2 * MAC_BYTES);
  const noise = readMessage1(prologue(keys, prefix), keys.localStatic, message);
  if (noise === null) return null;
  return parsed(() => {
    const reader = new ByteReader(noise.payload);
    return {
      senderIndex: new ByteReader(prefix.subarray(HEADER_BYTES)).u32(),
      stamp: reader.u64(),
      pskId: reader.bytes(PSK_ID_BYTES),
      record: reader.bytes(reader.u16()),
      remoteStatic: noise.answerable.remoteStatic,
      answerable: noise.answerable,
    };
  });
}

/** Message 2 to an initiation that asked for `key`. `initiatorAdmission`: the 32-byte admission key of the initiator's identity. */
export function respond(
  key: KeyEntry,
  received: ReceivedInitiation,
  initiatorAdmission: Uint8Array,
  ephemeral: KeyPair,
  senderIndex: number,
  record: Uint8Array,
): { readonly datagram: Uint8Array; readonly split: Split } | null {
  const payload = padded(concat(u32(senderIndex), u16(record.length), record), PAYLOAD2_BYTES);
  const noise = writeMessage2(received.answerable, ephemeral, key.psk, payload);
  if (noise === null) return null;
  const body = concat(header(KIND.handshake2), u32(received.senderIndex), noise.message);
  return { datagram: withMac(initiatorAdmission, body), split: noise.split };
}

/** The end of a handshake on the initiator's side; null if this isn't the answer to `initiation` under `key`. */
export function complete(
  key: KeyEntry,
  initiation: Initiation,
  ownAdmission: Uint8Array,
  datagram: Uint8Array,
): { readonly remoteIndex: number; readonly record: Uint8Array; readonly split: Split } | null {
  const body = withoutMac(ownAdmission, datagram, HANDSHAKE2_BYTES);
  if (body === null) return null;
  const noise = readMessage2(initiation.waiting, key.psk, body.subarray(PREFIX_BYTES));
  if (noise === null) return null;
  return parsed(() => {
    const reader = new ByteReader(noise.payload);
    return { remoteIndex: reader.u32(), record: reader.bytes(reader.u16()), split: noise.split };
  });
}

/** Which of our indices a handshake 2, cookie or notice answers. */
export function receiverIndex(datagram: Uint8Array): number | null {
  return parsed(() => {
    const reader = new ByteReader(datagram);
    reader.skip(HEADER_BYTES);
    return reader.u32();
  });
}

function prologue(keys: HandshakeKeys, prefix: Uint8Array): Uint8Array {
  return concat(utf8('p2p/1 handshake'), keys.networkId, prefix);
}

/** Most bytes of a member record that the payloads have room for. */
export const RECORD_ROOM = Math.min(PAYLOAD1_BYTES - STAMP_BYTES - PSK_ID_BYTES, PAYLOAD2_BYTES - 4) - 2;
