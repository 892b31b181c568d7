/**
 * Every parser of outside bytes: whatever comes, it gives a value or null and never throws; and what it gives, written again, is read
 * as the same. Where something is sealed or signed, what's inside is a member's, who may be hostile as well: so the inside is damaged and sealed anew.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concat, padded, u16, utf8 } from '../../src/core/bytes.js';
import { sealGcm, sealXaes } from '../../src/core/crypto.js';
import { decodeEndpoint, encodeEndpoint, makeEndpoint } from '../../src/core/endpoint.js';
import { decodeIp, encodeIp } from '../../src/core/ip.js';
import { counterNonce, keyPair } from '../../src/core/noise-state.js';
import { openRecord, sealRecord } from '../../src/discovery/dht/sealed-record.js';
import {
  digestMessages,
  readDigest,
  readRecords,
  readWant,
  recordMessages,
  wantMessages,
} from '../../src/network/gossip.js';
import { defaultMac, deriveIdentity } from '../../src/network/identity.js';
import { MAX_ENDPOINTS, readRecord, sequenceOf, signRecord } from '../../src/network/record.js';
import {
  acceptLogin,
  answerLogin,
  finishLogin,
  LOGIN_PROLOGUE,
  readLoginMessage2,
  writeLoginMessage1,
} from '../../src/relay/login.js';
import { complete, initiate, readInitiation, receiverIndex, respond } from '../../src/session/handshake.js';
import { readBeacon, writeBeacon } from '../../src/wire/beacon.js';
import { answer, challenge, challengeToken, decodeControl, encodeControl, readAnswer } from '../../src/wire/control.js';
import { readPong, writePing } from '../../src/wire/dht-ping.js';
import { header, openShared, sealShared, withMac, withoutMac } from '../../src/wire/envelope.js';
import { readHello, readHelloBack } from '../../src/wire/hello.js';
import { keysMessage, MAX_KEYS, readKeys } from '../../src/wire/keys.js';
import {
  decodeMessages,
  encodeMessages,
  messageReceiver,
  openMessages,
  type RelayMessage,
  readEnvelope,
  readLogin1,
  readLogin2,
  readLogin3,
  readLoginCookie,
  readTags,
  sealMessages,
  writeEnvelope,
  writeLogin1,
  writeLogin2,
  writeLogin3,
  writeLoginCookie,
  writeTags,
} from '../../src/wire/relay.js';
import { readCookie, readNotice, writeCookie } from '../../src/wire/replies.js';
import { openTransport, readHeader, sealControl, sealFrame } from '../../src/wire/transport.js';
import { outside } from './outside-bytes.js';

const fill = (length: number, value: number) => new Uint8Array(length).fill(value);
const KEY = fill(32, 1);
const NONCE = fill(24, 2);
const NETWORK_ID = fill(16, 1);
const IDENTITY = deriveIdentity(fill(32, 2), NETWORK_ID);
const ENDPOINT = makeEndpoint('192.0.2.1', 4_900);
const RECORD = signRecord(NETWORK_ID, IDENTITY, {
  ...{ flags: 1, mtu: 1360, staticKey: IDENTITY.staticPublic, sequence: sequenceOf(3, 4), instance: fill(8, 5) },
  ...{ mac: defaultMac(IDENTITY.publicKey), name: 'workshop', addresses: [{ ip: '10.10.10.1', prefix: 24 }] },
  ...{
    endpoints: [ENDPOINT, makeEndpoint('2001:db8::1', 4_900)],
    routes: [{ ip: '192.168.7.0', prefix: 24 }],
    claimedAt: 1_700_000_000_000,
    relay: { udpPort: 1, tlsPort: 2, key: fill(32, 3) },
  },
});
const SECRETS = { topicKey: fill(32, 1), recordKey: fill(32, 2), announceSecret: fill(32, 3) };
const DAY = '2026-11-21';
const REPLY_KEYS = { networkAdmission: KEY, sealing: fill(32, 2) };
const MESSAGES: readonly RelayMessage[] = [
  { type: 'welcome', clientIndex: 1, relayIndex: 2, seenAt: ENDPOINT, keepAlive: 15 },
  { type: 'joined', pseudonyms: [fill(8, 1), fill(8, 2)] },
  { type: 'refused', reason: 2 },
  { type: 'ping', token: fill(8, 3), digest: fill(8, 4) },
];

/** A parser, valid inputs of it, and how what it gives is written, if it can be from that alone. */
interface Parser<T> {
  readonly read: (bytes: Uint8Array) => T | null;
  readonly valid: readonly Uint8Array[];
  readonly write?: (value: T) => Uint8Array;
}

function checked<T>(name: string, { read, valid, write }: Parser<T>): void {
  test(`${name}: never throws${write === undefined ? '' : ', and what was read is written and read as the same'}`, () => {
    for (const bytes of valid) assert.notEqual(read(bytes), null, 'the valid one is read');
    fc.assert(
      fc.property(outside(...valid), (bytes) => {
        const value = read(bytes);
        if (value !== null && write !== undefined) assert.deepEqual(read(write(value)), value);
      }),
      { numRuns: 300 },
    );
  });
}

const HEADER = { lane: 3, receiverIndex: 7, counter: 77n };
const FRAME = sealFrame(KEY, HEADER, fill(60, 6));
const CONTROL = sealControl(KEY, HEADER, fill(30, 4));
const PONG = Uint8Array.of(0x13, 0, 7, 1, 192, 0, 2, 1, 0x24, 0x13, 0);
const body = ([message]: readonly { readonly body: Uint8Array }[]) => message?.body ?? assert.fail('a message');

checked('beacon', {
  read: readBeacon,
  valid: [writeBeacon({ stamp: 5n, port: 4_900, record: RECORD.bytes })],
  write: writeBeacon,
});
checked('control messages', {
  read: decodeControl,
  valid: [encodeControl(challenge(fill(8, 1)), answer(fill(8, 2), ENDPOINT), { type: 99, body: fill(9, 9) })],
  write: (messages) => encodeControl(...messages),
});
checked('challenge', { read: challengeToken, valid: [challenge(fill(8, 1)).body] });
checked('answer', {
  read: readAnswer,
  valid: [answer(fill(8, 1), ENDPOINT).body, answer(fill(8, 1), null).body],
  write: ({ token, observed }) => answer(token, observed).body,
});
checked('answer of a DHT node', { read: readPong, valid: [PONG] });
checked('digest', {
  read: readDigest,
  valid: [body(digestMessages([RECORD]))],
});
checked('want', { read: readWant, valid: [body(wantMessages(['ab'.repeat(32)]))] });
checked('records', { read: readRecords, valid: [body(recordMessages([RECORD]))] });
checked('key queue', {
  read: readKeys,
  valid: [
    keysMessage([
      { until: 1_800_000_000_000, hint: fill(2, 1) },
      { until: Number.POSITIVE_INFINITY, hint: fill(2, 2) },
    ]).body,
  ],
  write: (keys) => keysMessage(keys).body,
});
checked('login 1', {
  read: readLogin1,
  valid: [writeLogin1(9, null, KEY)],
  write: ({ clientIndex, ephemeral }) => writeLogin1(clientIndex, null, ephemeral),
});
checked('login cookie', {
  read: readLoginCookie,
  valid: [writeLoginCookie(9, fill(16, 3))],
  write: ({ clientIndex, cookie }) => writeLoginCookie(clientIndex, cookie),
});
checked('login 2', {
  read: readLogin2,
  valid: [writeLogin2(9, 8, fill(96, 3))],
  write: ({ clientIndex, relayIndex, noise }) => writeLogin2(clientIndex, relayIndex, noise),
});
checked('login 3', {
  read: readLogin3,
  valid: [writeLogin3(8, fill(292, 3))],
  write: ({ relayIndex, noise }) => writeLogin3(relayIndex, noise),
});
checked('tags', { read: readTags, valid: [writeTags([fill(16, 1), fill(16, 2)])], write: writeTags });
checked('envelope', {
  read: readEnvelope,
  valid: [writeEnvelope(5, fill(8, 7), FRAME)],
  write: ({ receiverIndex: index, pseudonym, datagram }) => writeEnvelope(index, pseudonym, datagram),
});
checked("relay messages' receiver", { read: messageReceiver, valid: [sealMessages(KEY, 7, 3n, MESSAGES)] });
checked('relay messages', { read: decodeMessages, valid: [encodeMessages(MESSAGES)], write: encodeMessages });
checked('sealed relay messages', {
  read: (bytes) => openMessages(KEY, bytes),
  valid: [sealMessages(KEY, 7, 3n, MESSAGES)],
});
checked('relay messages of a hostile relay', {
  read: (plaintext) => {
    const start = concat(Uint8Array.of(0x49, 0, 0, 0, 0, 0, 0, 7), new Uint8Array(8));
    return openMessages(KEY, concat(start, sealGcm(KEY, counterNonce(0n), plaintext, start)));
  },
  valid: [encodeMessages(MESSAGES)],
});
checked('header of a transport datagram', { read: readHeader, valid: [FRAME, CONTROL] });
checked('transport datagram', {
  read: (bytes) => {
    const start = readHeader(bytes);
    return start && openTransport(KEY, start, bytes);
  },
  valid: [FRAME, CONTROL],
});
checked('admission MAC', {
  read: (bytes) => withoutMac(KEY, bytes, bytes.length),
  valid: [withMac(KEY, fill(30, 1))],
  write: (inside) => withMac(KEY, inside),
});
checked('what is sealed with a key that members share', {
  read: (bytes) => openShared(KEY, bytes, fill(4, 1)),
  valid: [sealShared(KEY, NONCE, fill(30, 1), fill(4, 1))],
  write: (inside) => sealShared(KEY, NONCE, inside, fill(4, 1)),
});

/** A hello or hello back of a member that seals what it likes. */
const hello = (kind: number, plaintext: Uint8Array) => {
  const start = header(kind);
  return withMac(KEY, concat(start, sealShared(KEY, NONCE, padded(plaintext.subarray(0, 972), 972), start)));
};
checked('hello of a hostile member', {
  read: (plaintext) => readHello(KEY, KEY, hello(0x20, plaintext)),
  valid: [fill(40, 1)],
});
checked('hello back of a hostile member', {
  read: (plaintext) => readHelloBack(KEY, KEY, hello(0x21, plaintext)),
  valid: [concat(NONCE.subarray(0, 16), u16(RECORD.bytes.length), RECORD.bytes)],
});
checked('cookie and notice', {
  read: (bytes) => readCookie(REPLY_KEYS, fill(1_032, 5), bytes) ?? readNotice(REPLY_KEYS, fill(1_032, 5), bytes),
  valid: [writeCookie(REPLY_KEYS, NONCE, 7, fill(1_032, 5), fill(16, 8))],
});
checked('record in the DHT', {
  read: (bytes) => openRecord(SECRETS, DAY, KEY, bytes),
  valid: [sealRecord(SECRETS, DAY, KEY, NONCE, RECORD.bytes)],
  write: (record) => sealRecord(SECRETS, DAY, KEY, NONCE, record),
});
checked('endpoint', { read: decodeEndpoint, valid: [encodeEndpoint(ENDPOINT)], write: encodeEndpoint });
checked('IP address', {
  read: (bytes) => decodeIp(padded(bytes.subarray(0, 16), 16)),
  valid: [encodeIp('192.0.2.1'), encodeIp('2001:db8::1')],
  write: encodeIp,
});

test('a record that a member made up and signed is read as what it says, within its bounds, or not at all', () => {
  const inside = RECORD.bytes.subarray(0, -64);
  const signedAnew = (changed: Uint8Array) => {
    // The identity is what signs it; all else may be anything.
    if (changed.length >= 36) changed.set(IDENTITY.publicKey, 4);
    return concat(changed, IDENTITY.sign(concat(utf8('p2p/1 record'), NETWORK_ID, changed)));
  };
  assert.deepEqual(readRecord(NETWORK_ID, signedAnew(inside.slice())), RECORD);
  let taken = 0;
  fc.assert(
    fc.property(outside(inside), (changed) => {
      const bytes = signedAnew(changed.slice());
      const record = readRecord(NETWORK_ID, bytes);
      if (record === null) return;
      taken += 1;
      assert.deepEqual(record.bytes, bytes);
      assert.ok(record.endpoints.length <= MAX_ENDPOINTS && record.addresses.length <= 8);
      assert.ok(!/\p{Cc}/u.test(record.name) && Buffer.byteLength(record.name) <= 63);
      // Signed again from its fields, it says the same.
      const again = readRecord(NETWORK_ID, signRecord(NETWORK_ID, IDENTITY, record).bytes);
      assert.deepEqual({ ...again, bytes: null }, { ...record, bytes: null });
    }),
    { numRuns: 500 },
  );
  assert.ok(taken > 0, 'some are taken');
});

test('what members tell of their keys: in order, bounded, and to the year 9999', () => {
  const fields = {
    until: fc.integer({ min: 1, max: 300_000_000_000_000 }),
    hint: fc.uint8Array({ minLength: 2, maxLength: 2 }),
  };
  const key = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(key, { maxLength: MAX_KEYS }), fc.boolean(), (keys, isSorted) => {
      const queue = isSorted ? keys.toSorted((a, b) => a.until - b.until) : keys;
      const isGood = queue.every(
        ({ until }, i) => until <= 253_402_300_799_999 && (i === 0 || until > (queue[i - 1]?.until ?? 0)),
      );
      assert.deepEqual(readKeys(keysMessage(queue).body), isGood ? queue : null);
    }),
  );
  assert.equal(readKeys(fill(10 * (MAX_KEYS + 1), 1)), null);
});

test('a ping of the DHT and its answer', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), (tid, ip, port) => {
      const ping = writePing(tid, makeEndpoint(ip, port)) ?? assert.fail('an IPv4 node');
      const pong = readPong(concat(Uint8Array.of(0x13, 0), ping.subarray(2, 10)));
      assert.deepEqual(pong, { tid, observed: makeEndpoint(ip, port) });
    }),
  );
  assert.equal(writePing(1, makeEndpoint('2001:db8::1', 1)), null);
});

test('handshake messages: damaged ones, and ones with anything inside, end in null', () => {
  const [alice, bob] = [keyPair(fill(32, 1)), keyPair(fill(32, 2))];
  const keys = { networkId: NETWORK_ID, localStatic: bob };
  const entry = { id: fill(8, 1), psk: fill(32, 1), until: Number.POSITIVE_INFINITY };
  const responder = { staticKey: bob.publicKey, admissionKey: KEY };
  const initiatorKeys = { networkId: NETWORK_ID, localStatic: alice };
  const ephemeral = keyPair(fill(32, 3));
  const first = initiate(initiatorKeys, entry, responder, ephemeral, 7, 5n, RECORD.bytes, null) ?? assert.fail();
  const received = readInitiation(keys, first.datagram) ?? assert.fail();
  assert.deepEqual(received.record, RECORD.bytes);
  const second = respond(entry, received, KEY, keyPair(fill(32, 4)), 8, RECORD.bytes) ?? assert.fail();
  fc.assert(
    fc.property(outside(first.datagram, second.datagram), (bytes) => {
      readInitiation(keys, bytes);
      receiverIndex(bytes);
      complete(entry, first, KEY, bytes);
    }),
    { numRuns: 200 },
  );
  const inside = fc.uint8Array({ maxLength: 884 });
  fc.assert(
    fc.property(inside, (record) => {
      const datagram = initiate(initiatorKeys, entry, responder, ephemeral, 7, 5n, record, null)?.datagram;
      assert.deepEqual(readInitiation(keys, datagram ?? assert.fail())?.record, record);
    }),
    { numRuns: 30 },
  );
});

test('messages of a login: damaged ones end in null', () => {
  const [client, relay] = [keyPair(fill(32, 1)), keyPair(fill(32, 2))];
  const first = writeLoginMessage1(LOGIN_PROLOGUE, keyPair(fill(32, 3)), new Uint8Array());
  const answerTo = (message: Uint8Array) =>
    answerLogin(LOGIN_PROLOGUE, message, relay, keyPair(fill(32, 4)), new Uint8Array());
  const second = answerTo(first.message) ?? assert.fail();
  const proved = readLoginMessage2(first.begun, second.message) ?? assert.fail();
  const third = finishLogin(proved, client, writeTags([fill(16, 1)])) ?? assert.fail();
  fc.assert(
    fc.property(outside(first.message, second.message, third.message), (bytes) => {
      answerTo(bytes);
      const isSecond = Buffer.compare(bytes, second.message) === 0;
      assert.equal(readLoginMessage2(first.begun, bytes) !== null, isSecond);
      assert.equal(acceptLogin(second.answered, bytes) !== null, Buffer.compare(bytes, third.message) === 0);
    }),
    { numRuns: 200 },
  );
});

test('XAES-256-GCM is the other way round', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (plaintext, additional) => {
      const sealed = concat(NONCE, sealXaes(KEY, NONCE, plaintext, additional));
      assert.deepEqual(openShared(KEY, sealed, additional), plaintext);
    }),
  );
});
