import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { defaultMac, deriveIdentity } from '../../src/network/identity.js';
import {
  MAX_ENDPOINTS,
  MAX_RECORD_BYTES,
  type MemberFields,
  readRecord,
  sequenceOf,
  signRecord,
} from '../../src/network/record.js';
import { RECORD_ROOM } from '../../src/session/handshake.js';

const networkId = new Uint8Array(16).fill(1);
const identity = deriveIdentity(new Uint8Array(32).fill(2), networkId);
const fields: MemberFields = {
  flags: 0,
  mtu: 1360,
  staticKey: identity.staticPublic,
  sequence: sequenceOf(3, 4),
  instance: new Uint8Array(8).fill(5),
  mac: defaultMac(identity.publicKey),
  name: 'workshop',
  addresses: [
    { ip: '10.10.10.1', prefix: 24 },
    { ip: 'fd00::1', prefix: 64 },
  ],
  endpoints: [makeEndpoint('192.0.2.1', 4900), makeEndpoint('2001:db8::1', 4900)],
  relay: null,
  claimedAt: null,
  routes: [],
};

test('a record is read as it was signed', () => {
  const record = signRecord(networkId, identity, fields);
  assert.deepEqual(readRecord(networkId, record.bytes), record);
  assert.equal(record.sequence, (3n << 32n) | 4n);
});

test('not one bit of it can be changed, and it holds in its own network only', () => {
  const { bytes } = signRecord(networkId, identity, fields);
  for (let i = 0; i < bytes.length; i++) {
    assert.equal(
      readRecord(
        networkId,
        bytes.map((b, j) => (i === j ? b ^ 1 : b)),
      ),
      null,
      `byte ${i}`,
    );
  }
  for (let length = 0; length < bytes.length; length++)
    assert.equal(readRecord(networkId, bytes.subarray(0, length)), null);
  assert.equal(readRecord(new Uint8Array(16), bytes), null);
});

test('the largest record fits where records travel', () => {
  const endpoints = Array.from({ length: 40 }, (_, i) => makeEndpoint('2001:db8::1', 1000 + i));
  const addresses = Array.from({ length: 20 }, (_, i) => ({ ip: `10.0.0.${i + 1}`, prefix: 24 }));
  const relay = { udpPort: 4910, tlsPort: 443, key: new Uint8Array(32) };
  const routes = Array.from({ length: 20 }, (_, i) => ({ ip: `2001:db8:${i + 1}::`, prefix: 48 }));
  const record = signRecord(networkId, identity, {
    ...fields,
    name: 'x'.repeat(63),
    endpoints,
    addresses,
    relay,
    routes,
  });
  assert.ok(record.bytes.length <= MAX_RECORD_BYTES, `${record.bytes.length} bytes`);
  assert.ok(MAX_RECORD_BYTES <= RECORD_ROOM);
  assert.equal(readRecord(networkId, record.bytes)?.endpoints.length, MAX_ENDPOINTS);
  assert.throws(() => signRecord(networkId, identity, { ...fields, name: 'x'.repeat(64) }), /at most 63 bytes/);
});

test('what a member may not say of itself, though signed', () => {
  const bad: Partial<MemberFields>[] = [
    { mac: Uint8Array.of(1, 0, 0, 0, 0, 1) },
    { mac: new Uint8Array(6) },
    { mtu: 100 },
    { name: 'two\nlines' },
    { name: 'bell\u0007' },
    { name: 'turn\u202earound' },
    { addresses: [{ ip: '10.0.0.1', prefix: 33 }] },
  ];
  for (const change of bad) {
    assert.equal(
      readRecord(networkId, signRecord(networkId, identity, { ...fields, ...change }).bytes),
      null,
      JSON.stringify(change),
    );
  }
});

test('a field of a later version is passed over', () => {
  const { bytes } = signRecord(networkId, identity, fields);
  const longer = Buffer.concat([bytes.subarray(0, -64), Buffer.from('later')]);
  const signature = identity.sign(Buffer.concat([Buffer.from('p2p/1 record'), networkId, longer]));
  assert.equal(readRecord(networkId, Buffer.concat([longer, signature]))?.name, 'workshop');
});

test('nothing that arrives makes it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 900 }), (bytes) => readRecord(networkId, bytes) === null));
});

test('a relay that a member offers is read as it was signed, and a record with it has room', () => {
  const relay = { udpPort: 4910, tlsPort: null, key: new Uint8Array(32).fill(7) };
  assert.deepEqual(readRecord(networkId, signRecord(networkId, identity, { ...fields, relay }).bytes)?.relay, relay);
  const both = { ...relay, tlsPort: 443 };
  const record = signRecord(networkId, identity, { ...fields, relay: both });
  assert.deepEqual(readRecord(networkId, record.bytes)?.relay, both);
  assert.equal(record.bytes.length, signRecord(networkId, identity, fields).bytes.length + 36);
});

test('an offer of no port is none', () => {
  const relay = { udpPort: 0, tlsPort: 443, key: new Uint8Array(32) };
  assert.equal(readRecord(networkId, signRecord(networkId, identity, { ...fields, relay }).bytes)?.relay, null);
});

test('subnets behind a member are read as they were signed, without host bits', () => {
  const routes = [
    { ip: '192.168.7.0', prefix: 24 },
    { ip: 'fd00:7::', prefix: 64 },
  ];
  const relay = { udpPort: 4910, tlsPort: 443, key: new Uint8Array(32).fill(7) };
  const record = signRecord(networkId, identity, { ...fields, relay, routes });
  assert.deepEqual(readRecord(networkId, record.bytes), record);
  const host = signRecord(networkId, identity, { ...fields, routes: [{ ip: '192.168.7.9', prefix: 24 }] });
  assert.deepEqual(readRecord(networkId, host.bytes)?.routes, routes.slice(0, 1));
  const wrong = signRecord(networkId, identity, { ...fields, routes: [{ ip: '192.168.7.0', prefix: 33 }] });
  assert.equal(readRecord(networkId, wrong.bytes), null);
});
