/** Control messages inside a session (docs/protocol.md section 8). */
import { ByteReader, concat, parsed, u8, u16 } from '../core/bytes.js';
import { decodeEndpoint, type Endpoint, encodeEndpoint } from '../core/endpoint.js';

export const CONTROL = {
  padding: 0,
  challenge: 1,
  answer: 2,
  digest: 3,
  want: 4,
  records: 5,
  bye: 6,
  hold: 7,
  keys: 12,
  summary: 13,
} as const;

/** Most plaintext bytes of one control datagram, but for one that is a challenge and nothing else. */
export const CONTROL_BYTES = 1200;
export const TOKEN_BYTES = 8;
/** So that an answer, with an address in it, is never larger than its challenge. */
const CHALLENGE_BYTES = 26;
/** Type and length. */
const MESSAGE_HEADER_BYTES = 3;
/** What a control datagram adds to its messages: header and tag. */
const SEALING_BYTES = 32;

export interface ControlMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

export interface Answer {
  readonly token: Uint8Array;
  /** Where the peer saw the challenge come from. */
  readonly observed: Endpoint | null;
}

export function encodeControl(...messages: readonly ControlMessage[]): Uint8Array {
  return concat(...messages.map(({ type, body }) => concat(u8(type), u16(body.length), body)));
}

/** The messages in order, or null if their lengths don't add up or they're too long. Unknown types are kept: whoever reads them ignores them. */
export function decodeControl(plaintext: Uint8Array): ControlMessage[] | null {
  return parsed(() => {
    const reader = new ByteReader(plaintext);
    const messages: ControlMessage[] = [];
    while (reader.remaining > 0) messages.push({ type: reader.u8(), body: reader.bytes(reader.u16()) });
    const isProbe = messages.length === 1 && messages[0]?.type === CONTROL.challenge;
    return plaintext.length > CONTROL_BYTES && !isProbe ? null : messages;
  });
}

/** `datagram`: bytes of UDP payload that it's to make, if it's one that measures the path; null: as small as can be. */
export function challenge(token: Uint8Array, datagram: number | null = null): ControlMessage {
  const padded = (datagram ?? 0) - SEALING_BYTES - MESSAGE_HEADER_BYTES;
  const body = new Uint8Array(Math.max(CHALLENGE_BYTES, padded));
  body.set(token);
  return { type: CONTROL.challenge, body };
}

/** The token of a challenge, or null if it's too short to be answered. */
export function challengeToken(body: Uint8Array): Uint8Array | null {
  return body.length < CHALLENGE_BYTES ? null : body.slice(0, TOKEN_BYTES);
}

/** `observed`: where the challenge came from; null if it came through a relay. */
export function answer(token: Uint8Array, observed: Endpoint | null): ControlMessage {
  const address = observed === null ? new Uint8Array(18) : encodeEndpoint(observed);
  return { type: CONTROL.answer, body: concat(token, address) };
}

export function readAnswer(body: Uint8Array): Answer | null {
  return parsed(() => {
    const reader = new ByteReader(body);
    return { token: reader.bytes(TOKEN_BYTES), observed: decodeEndpoint(reader.bytes(18)) };
  });
}

export const BYE: ControlMessage = { type: CONTROL.bye, body: new Uint8Array() };
