/** Datagrams between a relay and its clients (docs/protocol.md section 11): the login, the envelope, the sealed messages. */
import { ByteReader, concat, padded, parsed, u8, u16, u32, u64 } from '../core/bytes.js';
import { openGcm, sealGcm, TAG_BYTES } from '../core/crypto.js';
import { decodeEndpoint, type Endpoint, encodeEndpoint } from '../core/endpoint.js';
import { counterNonce } from '../core/noise-state.js';
import { PSEUDONYM_BYTES } from '../core/way.js';
import { HEADER_BYTES, header, VERSION } from './envelope.js';

export const RELAY_KIND = {
  login1: 0x28,
  loginCookie: 0x29,
  login2: 0x2a,
  login3: 0x2b,
  envelope: 0x48,
  message: 0x49,
} as const;

export const LOGIN1_BYTES = 160;
const LOGIN_COOKIE_BYTES = 24;
const LOGIN2_BYTES = 108;
export const LOGIN3_BYTES = 300;
export const COOKIE_BYTES = 16;
const EPHEMERAL_BYTES = 32;
/** The Noise message in login 2: ephemeral, static and its tag, the tag of an empty payload. */
const NOISE2_BYTES = EPHEMERAL_BYTES + 32 + 2 * TAG_BYTES;
export const ENVELOPE_BYTES = 16;
export const TAG_ID_BYTES = 16;
/** Plaintext of login 3: a count, the tags, zeros. */
const LOGIN_PAYLOAD_BYTES = 228;
/** A day's, and its neighbour's near midnight. */
const MAX_TAGS = 2;
export const TOKEN_BYTES = 8;
const MESSAGE_HEADER_BYTES = 16;

/** Login 1; `cookie`: 16 bytes, null as long as the relay hasn't given one. */
export function writeLogin1(clientIndex: number, cookie: Uint8Array | null, ephemeral: Uint8Array): Uint8Array {
  const body = concat(header(RELAY_KIND.login1), u32(clientIndex), cookie ?? new Uint8Array(COOKIE_BYTES), ephemeral);
  return padded(body, LOGIN1_BYTES);
}

export function readLogin1(
  datagram: Uint8Array,
): { readonly clientIndex: number; readonly ephemeral: Uint8Array } | null {
  return fixed(datagram, RELAY_KIND.login1, LOGIN1_BYTES, (reader) => {
    const clientIndex = reader.u32();
    reader.skip(COOKIE_BYTES);
    return clientIndex === 0 ? null : { clientIndex, ephemeral: reader.bytes(EPHEMERAL_BYTES) };
  });
}

export function writeLoginCookie(clientIndex: number, cookie: Uint8Array): Uint8Array {
  return concat(header(RELAY_KIND.loginCookie), u32(clientIndex), cookie);
}

export function readLoginCookie(
  datagram: Uint8Array,
): { readonly clientIndex: number; readonly cookie: Uint8Array } | null {
  return fixed(datagram, RELAY_KIND.loginCookie, LOGIN_COOKIE_BYTES, (reader) => ({
    clientIndex: reader.u32(),
    cookie: reader.bytes(COOKIE_BYTES),
  }));
}

/** `noise`: 96 bytes, the second message of the handshake with an empty payload. */
export function writeLogin2(clientIndex: number, relayIndex: number, noise: Uint8Array): Uint8Array {
  return concat(header(RELAY_KIND.login2), u32(clientIndex), u32(relayIndex), noise);
}

export function readLogin2(
  datagram: Uint8Array,
): { readonly clientIndex: number; readonly relayIndex: number; readonly noise: Uint8Array } | null {
  return fixed(datagram, RELAY_KIND.login2, LOGIN2_BYTES, (reader) => {
    const [clientIndex, relayIndex] = [reader.u32(), reader.u32()];
    return relayIndex === 0 ? null : { clientIndex, relayIndex, noise: reader.bytes(NOISE2_BYTES) };
  });
}

/** `noise`: 292 bytes, the third message of the handshake. */
export function writeLogin3(relayIndex: number, noise: Uint8Array): Uint8Array {
  return concat(header(RELAY_KIND.login3), u32(relayIndex), noise);
}

export function readLogin3(datagram: Uint8Array): { readonly relayIndex: number; readonly noise: Uint8Array } | null {
  return fixed(datagram, RELAY_KIND.login3, LOGIN3_BYTES, (reader) => ({
    relayIndex: reader.u32(),
    noise: reader.bytes(reader.remaining),
  }));
}

/** The payload of login 3: 1 to `MAX_TAGS` tags of 16 bytes. */
export function writeTags(tags: readonly Uint8Array[]): Uint8Array {
  return padded(concat(u8(tags.length), ...tags), LOGIN_PAYLOAD_BYTES);
}

export function readTags(payload: Uint8Array): Uint8Array[] | null {
  return parsed(() => {
    const reader = new ByteReader(payload);
    const count = reader.u8();
    if (count < 1 || count > MAX_TAGS) return null;
    return Array.from({ length: count }, () => reader.bytes(TAG_ID_BYTES));
  });
}

/** `pseudonym`: towards the relay the receiver's, towards a client the sender's. */
export function writeEnvelope(receiverIndex: number, pseudonym: Uint8Array, datagram: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(RELAY_KIND.envelope, 0, 0, 0), u32(receiverIndex), pseudonym, datagram);
}

export interface Envelope {
  readonly receiverIndex: number;
  readonly pseudonym: Uint8Array;
  readonly datagram: Uint8Array;
}

/** Null if it's none, or carries nothing, or carries what a relay may not carry: another envelope, or what a relay itself says or is told. */
export function readEnvelope(bytes: Uint8Array): Envelope | null {
  return parsed(() => {
    const reader = new ByteReader(bytes);
    const kind = reader.u8();
    reader.skip(3);
    const envelope = { receiverIndex: reader.u32(), pseudonym: reader.bytes(PSEUDONYM_BYTES) };
    const datagram = reader.bytes(reader.remaining);
    const inside = datagram[0];
    const isForbidden = inside === undefined || (Object.values(RELAY_KIND) as number[]).includes(inside);
    return kind !== RELAY_KIND.envelope || isForbidden ? null : { ...envelope, datagram };
  });
}

export const REFUSAL = { full: 1, tooManyOfSource: 2, notAllowed: 3 } as const;
export type Refusal = (typeof REFUSAL)[keyof typeof REFUSAL];

export type RelayMessage =
  /** `seenAt`: where the relay sees the client, null over TLS. `keepAlive`: seconds between pings that the relay is content with. */
  | {
      readonly type: 'welcome';
      readonly clientIndex: number;
      readonly relayIndex: number;
      readonly seenAt: Endpoint | null;
      readonly keepAlive: number;
    }
  | { readonly type: 'refused'; readonly reason: Refusal }
  | { readonly type: 'joined' | 'left'; readonly pseudonyms: readonly Uint8Array[] }
  /** `digest`: XOR of the pseudonyms that the client knows, 8 bytes. */
  | { readonly type: 'ping'; readonly token: Uint8Array; readonly digest: Uint8Array }
  | { readonly type: 'pong'; readonly token: Uint8Array }
  | { readonly type: 'bye' };

const TYPE = { welcome: 1, refused: 2, joined: 3, left: 4, ping: 5, pong: 6, bye: 7 } as const;

/** Pseudonyms that one message has room for, beside another small one. */
export const PSEUDONYMS_PER_MESSAGE = 128;

/** Seals messages for `receiverIndex`; `counter` must never come twice under one key. */
export function sealMessages(
  key: Uint8Array,
  receiverIndex: number,
  counter: bigint,
  messages: readonly RelayMessage[],
): Uint8Array {
  const start = concat(Uint8Array.of(RELAY_KIND.message, 0, 0, 0), u32(receiverIndex), u64(counter));
  return concat(start, sealGcm(key, counterNonce(counter), encodeMessages(messages), start));
}

/** Whom a relay message is for, by index; null if it's none. */
export function messageReceiver(datagram: Uint8Array): number | null {
  if (datagram[0] !== RELAY_KIND.message) return null;
  return parsed(() => {
    const reader = new ByteReader(datagram);
    reader.skip(HEADER_BYTES);
    return reader.u32();
  });
}

/** Opens a relay message; null if it's malformed, or was made or changed by someone else. Unknown types are left out. */
export function openMessages(
  key: Uint8Array,
  datagram: Uint8Array,
): { readonly counter: bigint; readonly messages: readonly RelayMessage[] } | null {
  if (datagram.length < MESSAGE_HEADER_BYTES + TAG_BYTES || datagram[0] !== RELAY_KIND.message) return null;
  const start = datagram.subarray(0, MESSAGE_HEADER_BYTES);
  const counter = new ByteReader(start.subarray(8)).u64();
  const plaintext = openGcm(key, counterNonce(counter), datagram.subarray(MESSAGE_HEADER_BYTES), start);
  const messages = plaintext === null ? null : decodeMessages(plaintext);
  return messages === null ? null : { counter, messages };
}

export function encodeMessages(messages: readonly RelayMessage[]): Uint8Array {
  return concat(
    ...messages.map((message) => {
      const body = bodyOf(message);
      return concat(u8(TYPE[message.type]), u16(body.length), body);
    }),
  );
}

/** Null if the lengths don't add up, or a known message is malformed. */
export function decodeMessages(plaintext: Uint8Array): RelayMessage[] | null {
  return parsed(() => {
    const reader = new ByteReader(plaintext);
    const messages: RelayMessage[] = [];
    while (reader.remaining > 0) {
      const type = reader.u8();
      const message = messageOf(type, new ByteReader(reader.bytes(reader.u16())));
      if (message !== null) messages.push(message);
    }
    return messages;
  });
}

function bodyOf(message: RelayMessage): Uint8Array {
  switch (message.type) {
    case 'welcome': {
      const { clientIndex, relayIndex, seenAt, keepAlive } = message;
      const seen = seenAt === null ? new Uint8Array(18) : encodeEndpoint(seenAt);
      return concat(u32(clientIndex), u32(relayIndex), seen, u16(keepAlive));
    }
    case 'refused':
      return u8(message.reason);
    case 'joined':
    case 'left':
      return concat(...message.pseudonyms);
    case 'ping':
      return concat(message.token, message.digest);
    case 'pong':
      return message.token;
    case 'bye':
      return new Uint8Array();
  }
}

function messageOf(type: number, body: ByteReader): RelayMessage | null {
  switch (type) {
    case TYPE.welcome: {
      const [clientIndex, relayIndex] = [body.u32(), body.u32()];
      return {
        type: 'welcome',
        clientIndex,
        relayIndex,
        seenAt: decodeEndpoint(body.bytes(18)),
        keepAlive: body.u16(),
      };
    }
    case TYPE.refused: {
      const code = body.u8();
      return { type: 'refused', reason: Object.values(REFUSAL).find((known) => known === code) ?? REFUSAL.notAllowed };
    }
    case TYPE.joined:
      return { type: 'joined', pseudonyms: pseudonymsIn(body) };
    case TYPE.left:
      return { type: 'left', pseudonyms: pseudonymsIn(body) };
    case TYPE.ping:
      return { type: 'ping', token: body.bytes(TOKEN_BYTES), digest: body.bytes(PSEUDONYM_BYTES) };
    case TYPE.pong:
      return { type: 'pong', token: body.bytes(TOKEN_BYTES) };
    case TYPE.bye:
      return { type: 'bye' };
    default:
      return null;
  }
}

function pseudonymsIn(body: ByteReader): Uint8Array[] {
  const count = Math.floor(body.remaining / PSEUDONYM_BYTES);
  return Array.from({ length: count }, () => body.bytes(PSEUDONYM_BYTES));
}

/** XOR of pseudonyms: the same set, the same digest. */
export function digestOf(pseudonyms: Iterable<Uint8Array>): Uint8Array {
  const digest = new Uint8Array(PSEUDONYM_BYTES);
  for (const pseudonym of pseudonyms) {
    for (const [i, byte] of pseudonym.entries()) digest[i] = (digest[i] ?? 0) ^ byte;
  }
  return digest;
}

/** Reads a datagram of one kind and length after its header; null for another. */
function fixed<T>(
  datagram: Uint8Array,
  kind: number,
  length: number,
  read: (reader: ByteReader) => T | null,
): T | null {
  if (datagram.length !== length || datagram[0] !== kind || datagram[1] !== VERSION) return null;
  return parsed(() => {
    const reader = new ByteReader(datagram);
    reader.skip(HEADER_BYTES);
    return read(reader);
  });
}
