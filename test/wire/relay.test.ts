/** Golden bytes of the datagrams at a relay, and what hostile ones do to their parsers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { parseWay, relayWay, relayWayParts } from '../../src/core/way.js';
import {
  decodeMessages,
  digestOf,
  encodeMessages,
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

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const fill = (length: number, value: number) => new Uint8Array(length).fill(value);

test('golden bytes', () => {
  assert.equal(
    hex(writeLogin1(0x01020304, fill(16, 0xcc), fill(32, 0xee))),
    `2801000001020304${'cc'.repeat(16)}${'ee'.repeat(32)}${'00'.repeat(104)}`,
  );
  assert.equal(hex(writeLoginCookie(0x01020304, fill(16, 0xcc))), `2901000001020304${'cc'.repeat(16)}`);
  assert.equal(hex(writeLogin2(1, 2, fill(96, 0xaa))), `2a0100000000000100000002${'aa'.repeat(96)}`);
  assert.equal(hex(writeLogin3(2, fill(292, 0xaa))), `2b01000000000002${'aa'.repeat(292)}`);
  assert.equal(hex(writeTags([fill(16, 1), fill(16, 2)])), `02${'01'.repeat(16)}${'02'.repeat(16)}${'00'.repeat(195)}`);
  assert.equal(hex(writeEnvelope(5, fill(8, 0x77), Uint8Array.of(0x40, 1))), `4800000000000005${'77'.repeat(8)}4001`);
  const welcome: RelayMessage = {
    ...{ type: 'welcome', clientIndex: 1, relayIndex: 2, keepAlive: 15 },
    seenAt: makeEndpoint('192.0.2.1', 4900),
  };
  assert.equal(
    hex(encodeMessages([welcome, { type: 'refused', reason: 2 }, { type: 'bye' }])),
    '01001c000000010000000200000000000000000000ffffc00002011324000f0200010207' + '0000',
  );
  assert.equal(
    hex(sealMessages(fill(32, 9), 7, 3n, [{ type: 'pong', token: fill(8, 1) }])),
    '49000000000000070000000000000003ce0a297c0fbbf9fa6648eedcd1ff50a730a276c5e2f20e607753e3',
  );
});

test('what is written is read', () => {
  assert.deepEqual(readLogin1(writeLogin1(9, null, fill(32, 3))), { clientIndex: 9, ephemeral: fill(32, 3) });
  assert.deepEqual(readLoginCookie(writeLoginCookie(9, fill(16, 3))), { clientIndex: 9, cookie: fill(16, 3) });
  assert.deepEqual(readLogin2(writeLogin2(9, 8, fill(96, 3))), { clientIndex: 9, relayIndex: 8, noise: fill(96, 3) });
  assert.deepEqual(readLogin3(writeLogin3(8, fill(292, 3))), { relayIndex: 8, noise: fill(292, 3) });
  assert.deepEqual(readTags(writeTags([fill(16, 1), fill(16, 2)])), [fill(16, 1), fill(16, 2)]);
  const messages: RelayMessage[] = [
    { type: 'welcome', clientIndex: 1, relayIndex: 2, seenAt: null, keepAlive: 15 },
    { type: 'joined', pseudonyms: [fill(8, 1), fill(8, 2)] },
    { type: 'left', pseudonyms: [fill(8, 1)] },
    { type: 'ping', token: fill(8, 3), digest: digestOf([fill(8, 1), fill(8, 2)]) },
  ];
  const sealed = sealMessages(fill(32, 9), 7, 3n, messages);
  assert.deepEqual(openMessages(fill(32, 9), sealed), { counter: 3n, messages });
  for (let i = 0; i < sealed.length; i++)
    assert.equal(
      openMessages(
        fill(32, 9),
        sealed.map((byte, at) => (at === i ? byte ^ 1 : byte)),
      ),
      null,
      `byte ${i}`,
    );
});

test('an envelope carries neither another one nor what relays and their clients say to each other', () => {
  for (const kind of [0x28, 0x29, 0x2a, 0x2b, 0x48, 0x49])
    assert.equal(readEnvelope(writeEnvelope(1, fill(8, 1), Uint8Array.of(kind, 0, 0, 0))), null);
  assert.equal(readEnvelope(writeEnvelope(1, fill(8, 1), new Uint8Array())), null);
  assert.ok(readEnvelope(writeEnvelope(1, fill(8, 1), Uint8Array.of(0x40))));
});

test('no bytes whatever make a parser throw', () => {
  const parsers = [readLogin1, readLogin2, readLogin3, readLoginCookie, readTags, readEnvelope, decodeMessages];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 320 }), fc.integer({ min: 0x28, max: 0x49 }), (bytes, kind) => {
      if (bytes.length > 0) bytes[0] = kind;
      for (const parse of parsers) parse(bytes);
      openMessages(fill(32, 1), bytes);
    }),
  );
});

test('unknown messages are passed over, malformed ones are not', () => {
  assert.deepEqual(decodeMessages(Uint8Array.of(99, 0, 1, 5, 7, 0, 0)), [{ type: 'bye' }]);
  assert.equal(decodeMessages(Uint8Array.of(6, 0, 3, 1, 2, 3)), null);
  assert.equal(decodeMessages(Uint8Array.of(7, 0, 9)), null);
});

test('the digest is that of a set', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uint8Array({ minLength: 8, maxLength: 8 }), { selector: (b) => b.join() }), (set) => {
      assert.deepEqual(digestOf(set), digestOf([...set].reverse()));
      const [first] = set;
      if (first?.some((byte) => byte !== 0)) assert.notDeepEqual(digestOf(set), digestOf(set.slice(1)));
    }),
  );
});

test('a way is an endpoint or leads through a relay', () => {
  const relay = makeEndpoint('2001:db8::9', 4910);
  const way = relayWay('udp', relay, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assert.equal(way, 'udp/[2001:db8::9]:4910/0102030405060708');
  assert.equal(parseWay(way), way);
  assert.deepEqual(relayWayParts(way), { transport: 'udp', relay, pseudonym: '0102030405060708' });
  assert.equal(parseWay('192.0.2.1:4900'), '192.0.2.1:4900');
  for (const bad of [
    '',
    'udp/',
    'tcp/192.0.2.1:1/0102030405060708',
    'udp/192.0.2.1/0102030405060708',
    'udp/192.0.2.1:1/01',
    `${way}/`,
  ])
    assert.equal(parseWay(bad), null, bad);
});
