/** What a responder may answer a handshake 1 with instead of a handshake 2: a cookie or a notice (docs/protocol.md section 5). */
import { concat, u32 } from '../core/bytes.js';
import { MAC_BYTES } from '../core/crypto.js';
import { HEADER_BYTES, header, KIND, openShared, sealShared, VERSION, withMac, withoutMac } from './envelope.js';

const COOKIE_BYTES = 80;
const NOTICE_BYTES = 72;
const PREFIX_BYTES = HEADER_BYTES + 4;

export const REASON = { keysDiffer: 1, otherVersion: 2, refused: 3 } as const;
export type Reason = (typeof REASON)[keyof typeof REASON];

/** Keys that every member has: the network's admission key, and the one that this reply is sealed with. */
export interface ReplyKeys {
  readonly networkAdmission: Uint8Array;
  readonly sealing: Uint8Array;
}

export interface Notice {
  readonly reason: Reason;
  readonly version: number;
}

/** `answered`: the message 1 that it's about. `nonce`: 24 random bytes. */
export function writeNotice(
  keys: ReplyKeys,
  nonce: Uint8Array,
  receiverIndex: number,
  answered: Uint8Array,
  reason: Reason,
): Uint8Array {
  const plaintext = Uint8Array.of(reason, VERSION, 0, 0, 0, 0, 0, 0);
  return write(KIND.notice, keys, nonce, receiverIndex, answered, plaintext);
}

export function readNotice(keys: ReplyKeys, answered: Uint8Array, datagram: Uint8Array): Notice | null {
  const plaintext = read(keys, answered, datagram, NOTICE_BYTES);
  const reason = Object.values(REASON).find((known) => known === plaintext?.[0]);
  const version = plaintext?.[1];
  return reason === undefined || version === undefined ? null : { reason, version };
}

/** `cookie`: 16 bytes. */
export function writeCookie(
  keys: ReplyKeys,
  nonce: Uint8Array,
  receiverIndex: number,
  answered: Uint8Array,
  cookie: Uint8Array,
): Uint8Array {
  return write(KIND.cookie, keys, nonce, receiverIndex, answered, cookie);
}

/** The 16-byte cookie to put a MAC with into the next message 1. */
export function readCookie(keys: ReplyKeys, answered: Uint8Array, datagram: Uint8Array): Uint8Array | null {
  return read(keys, answered, datagram, COOKIE_BYTES);
}

function write(
  kind: number,
  keys: ReplyKeys,
  nonce: Uint8Array,
  receiverIndex: number,
  answered: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const sealed = sealShared(keys.sealing, nonce, plaintext, answered.subarray(-MAC_BYTES));
  return withMac(keys.networkAdmission, concat(header(kind), u32(receiverIndex), sealed));
}

function read(keys: ReplyKeys, answered: Uint8Array, datagram: Uint8Array, length: number): Uint8Array | null {
  const body = withoutMac(keys.networkAdmission, datagram, length);
  return body === null ? null : openShared(keys.sealing, body.subarray(PREFIX_BYTES), answered.subarray(-MAC_BYTES));
}
