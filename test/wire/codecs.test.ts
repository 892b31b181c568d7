/** Each codec: what's written is read; anything else, cut, flipped or invented, gives null and never throws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { readBeacon, writeBeacon } from '../../src/wire/beacon.js';
import {
  answer,
  CONTROL,
  challenge,
  challengeToken,
  decodeControl,
  encodeControl,
  readAnswer,
} from '../../src/wire/control.js';
import { answers, readHello, readHelloBack, writeHello, writeHelloBack } from '../../src/wire/hello.js';
import { REASON, readCookie, readNotice, writeCookie, writeNotice } from '../../src/wire/replies.js';
import { openTransport, readHeader, sealControl, sealFrame } from '../../src/wire/transport.js';

const key = (fill: number) => new Uint8Array(32).fill(fill);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const stamp = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const record = fc.uint8Array({ minLength: 0, maxLength: 800 });

function isNullForDamage(datagram: Uint8Array, read: (datagram: Uint8Array) => unknown): void {
  for (let i = 0; i < datagram.length; i += 7)
    assert.equal(read(datagram.map((b, j) => (i === j ? b ^ 1 : b))), null, `byte ${i}`);
  for (let length = 0; length < datagram.length; length += 11)
    assert.equal(read(datagram.subarray(0, length)), null, `length ${length}`);
  assert.equal(read(Uint8Array.from([...datagram, 0])), null);
}

test('hello and hello back', () => {
  fc.assert(
    fc.property(bytes(24), bytes(32), stamp, record, (nonce, identity, s, rec) => {
      const hello = writeHello(key(1), key(2), nonce, identity, s);
      const read = readHello(key(1), key(2), hello);
      assert.deepEqual(read && [read.identity, read.stamp], [identity, s]);
      const back = writeHelloBack(
        key(1),
        key(3),
        nonce.map((b) => ~b),
        read?.echo ?? nonce,
        rec,
      );
      const readBack = readHelloBack(key(1), key(3), back);
      assert.deepEqual(readBack?.record, rec);
      assert.ok(readBack && answers(readBack, nonce));
      assert.ok(
        readBack &&
          !answers(
            readBack,
            nonce.map((b) => b ^ 1),
          ),
      );
      assert.equal(hello.length, 1032);
      assert.ok(back.length <= hello.length);
    }),
    { numRuns: 20 },
  );
  const hello = writeHello(key(1), key(2), new Uint8Array(24), key(9), 1n);
  isNullForDamage(hello, (d) => readHello(key(1), key(2), d));
  assert.equal(readHello(key(4), key(2), hello), null);
});

test('cookie and notice are bound to the message that they answer', () => {
  const keys = { networkAdmission: key(1), sealing: key(2) };
  const answered = new Uint8Array(1032).fill(5);
  const cookie = writeCookie(keys, new Uint8Array(24), 7, answered, new Uint8Array(16).fill(8));
  const notice = writeNotice(keys, new Uint8Array(24), 7, answered, REASON.keysDiffer);
  assert.deepEqual([cookie.length, notice.length], [80, 72]);
  assert.deepEqual(readCookie(keys, answered, cookie), new Uint8Array(16).fill(8));
  assert.deepEqual(readNotice(keys, answered, notice), { reason: REASON.keysDiffer, version: 1 });
  const other = answered.map((b, i) => (i === 1031 ? b ^ 1 : b));
  assert.equal(readCookie(keys, other, cookie), null);
  assert.equal(readNotice(keys, other, notice), null);
  isNullForDamage(cookie, (d) => readCookie(keys, answered, d));
  isNullForDamage(notice, (d) => readNotice(keys, answered, d));
});

test('beacons', () => {
  fc.assert(
    fc.property(stamp, fc.integer({ min: 1, max: 65_535 }), record, (s, port, rec) => {
      const payload = writeBeacon({ stamp: s, port, record: rec });
      assert.equal(payload.length, 900);
      assert.deepEqual(readBeacon(payload), { stamp: s, port, record: rec });
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 900 }), (payload) => readBeacon(payload) !== undefined));
});

test('control messages; unknown ones are kept for whoever knows them', () => {
  const message = fc.record(
    { type: fc.integer({ min: 0, max: 255 }), body: fc.uint8Array({ maxLength: 300 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      assert.deepEqual(decodeControl(encodeControl(...messages)), messages);
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (plaintext) => decodeControl(plaintext) !== undefined));
  assert.equal(decodeControl(Uint8Array.of(1, 0, 5, 1)), null);
});

test('an answer is never larger than its challenge, and a short challenge is none', () => {
  fc.assert(
    fc.property(bytes(8), fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (token, ip, port) => {
      const question = challenge(token);
      const observed = makeEndpoint(ip, port);
      const reply = answer(token, observed);
      assert.ok(reply.body.length <= question.body.length);
      assert.deepEqual(readAnswer(reply.body), { token, observed });
      assert.deepEqual(challengeToken(question.body), token);
    }),
  );
  assert.equal(challengeToken(new Uint8Array(25)), null);
  assert.equal(readAnswer(new Uint8Array(25)), null);
  assert.equal(CONTROL.challenge, 1);
});

test('transport datagrams open with their own key, lane and counter only', () => {
  const header = { lane: 3, receiverIndex: 0xdeadbeef, counter: 77n };
  const frame = new Uint8Array(100).fill(6);
  for (const [seal, content] of [
    [sealFrame, frame],
    [sealControl, new Uint8Array(30).fill(4)],
  ] as const) {
    const datagram = seal(key(1), header, content);
    const read = readHeader(datagram);
    assert.ok(read);
    assert.deepEqual({ ...read, kind: 0 }, { ...header, kind: 0 });
    assert.deepEqual(openTransport(key(1), read, datagram), content);
    assert.equal(openTransport(key(2), read, datagram), null);
    for (let i = 0; i < datagram.length; i++) {
      const damaged = datagram.map((b, j) => (i === j ? b ^ 1 : b));
      const start = readHeader(damaged);
      assert.ok(start);
      if (start.kind === read.kind) assert.equal(openTransport(key(1), start, damaged), null, `byte ${i}`);
    }
  }
  assert.equal(readHeader(new Uint8Array(15)), null);
});
