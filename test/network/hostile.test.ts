/** What a member, or someone who recorded one, can throw at the machine: it never throws, and its tables stay bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mac16 } from '../../src/core/crypto.js';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { recordMessages } from '../../src/network/gossip.js';
import { deriveIdentity } from '../../src/network/identity.js';
import { MAX_MEMBERS } from '../../src/network/members.js';
import { sequenceOf, signRecord } from '../../src/network/record.js';
import { admissionKey } from '../../src/network/secrets.js';
import { MAX_STATIC_PEERS } from '../../src/network/static-peers.js';
import { writeBeacon } from '../../src/wire/beacon.js';
import { encodeControl } from '../../src/wire/control.js';
import { SECRETS, type SimHost, World } from '../sim/world.js';

const STRANGER = makeEndpoint('203.0.113.5', 5_555);

function pair() {
  const world = new World(1);
  const a = world.host({ ip: '192.0.2.1', overlay: '10.10.10.1' });
  const b = world.host({ ip: '192.0.2.2', overlay: '10.10.10.2' });
  world.clock.runUntilTrue(() => a.isConnectedTo(b), 2_000, 'connected');
  return { world, a, b };
}

function member(n: number, change = 0) {
  const master = new Uint8Array(32);
  new DataView(master.buffer).setUint32(0, n);
  const identity = deriveIdentity(master, SECRETS.networkId);
  const mac = Uint8Array.of(2, 0, 0, n >> 16, n >> 8, n);
  const fields = {
    flags: 0,
    mtu: 1360,
    staticKey: identity.staticPublic,
    sequence: sequenceOf(1, change),
    instance: new Uint8Array(8),
    mac,
    name: `m${n}`,
  };
  return signRecord(SECRETS.networkId, identity, {
    ...fields,
    addresses: [],
    endpoints: [makeEndpoint('198.51.100.1', 1024 + (n % 60_000))],
    relay: null,
    claimedAt: null,
    routes: [],
  });
}

function control(host: SimHost, messages: Uint8Array): void {
  const at = host.world.clock.now;
  host.input({ kind: 'device', event: { kind: 'control', at, peer: 1, localIndex: 0, from: STRANGER, messages } });
}

test('datagrams with a good MAC and anything inside', () => {
  const { a, b } = pair();
  const kinds = fc.integer({ min: 0x20, max: 0x25 });
  const lengths = fc.constantFrom(0, 4, 28, 36, 52, 60, 500, 936, 940, 996, 1000, 1012);
  fc.assert(
    fc.property(
      kinds,
      fc.integer({ min: 0, max: 3 }),
      lengths,
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.boolean(),
      (kind, version, length, noise, proven) => {
        const body = new Uint8Array(4 + length).map((_, i) => noise[i % noise.length] ?? 0);
        body.set([kind, version, 0, 0]);
        for (const key of [admissionKey(SECRETS), admissionKey(SECRETS, a.identity.publicKey)]) {
          const datagram = Uint8Array.from([...body, ...mac16(key, body)]);
          a.input({
            kind: 'device',
            event: { kind: 'datagram', at: a.world.clock.now, from: STRANGER, datagram, proven },
          });
        }
      },
    ),
  );
  assert.ok(a.isConnectedTo(b));
  assert.equal(a.snapshot().peers.length, 1);
});

test('control messages and beacons with anything inside', () => {
  const { a, b } = pair();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 20 }), (body, type) => {
      if (type === 6) return; // goodbye is goodbye
      control(a, body);
      control(a, encodeControl({ type, body }));
      a.input({ kind: 'beacon', payload: body, from: STRANGER });
    }),
  );
  assert.ok(a.isConnectedTo(b));
});

test('a key queue that is none is dropped and counted', () => {
  const { a, b } = pair();
  control(a, encodeControl({ type: 12, body: new Uint8Array(20) }));
  assert.equal(a.snapshot().drops['control-malformed'], 1);
  assert.ok(a.isConnectedTo(b));
});

test('more members than there is room for: the table stays bounded, the connected stay', () => {
  const { a, b } = pair();
  for (let n = 1; n <= MAX_MEMBERS + 50; n++) control(a, encodeControl(...recordMessages([member(n)])));
  assert.equal(a.snapshot().peers.length, MAX_MEMBERS);
  assert.ok(a.isConnectedTo(b));
});

test('records that change all the time cost a bounded number of datagrams', () => {
  const { world, a } = pair();
  const mark = world.sent.length;
  for (let change = 1; change <= 200; change++) control(a, encodeControl(...recordMessages([member(7, change)])));
  const toVictim = world.sent.slice(mark).filter(({ to }) => to === makeEndpoint('198.51.100.1', 1024 + 7));
  assert.ok(toVictim.length <= 3, `${toVictim.length} datagrams went to an address that a record names`);
});

test('an older record, or another static key under the same identity, changes nothing', () => {
  const { a } = pair();
  const world = a.world;
  control(a, encodeControl(...recordMessages([member(7, 5)])));
  control(a, encodeControl(...recordMessages([member(7, 4)])));
  assert.equal(a.snapshot().peers.length, 2);
  assert.equal(
    a.network.snapshot(world.clock.now, a.device.stats()).peers.find(({ name }) => name === 'm7')?.state,
    'connecting',
  );
});

test('-peer addresses are bounded', () => {
  const { a } = pair();
  for (let i = 0; i < 2 * MAX_STATIC_PEERS; i++)
    a.input({ kind: 'static-peer', name: `peer ${i}`, id: null, endpoints: [STRANGER] });
  assert.equal(a.snapshot().unanswered.length, MAX_STATIC_PEERS);
});

test('a machine with our identity, and one identity on two machines, are noticed', () => {
  const { world, a, b } = pair();
  const clone = world.host({ ip: '192.0.2.9', overlay: '10.10.10.1', master: b.master });
  world.clock.runUntil(world.clock.now + 35_000);
  assert.match(b.snapshot().problems.join(), /two machines have the identity/);
  assert.match(clone.snapshot().problems.join(), /two machines have the identity/);
  assert.match(a.snapshot().problems.join(), /two machines have the identity/);
});

test('an address that two members claim is shown to all of them', () => {
  const world = new World(3);
  const hosts = [1, 2, 3].map((n) =>
    world.host({ ip: `192.0.2.${n}`, overlay: n === 3 ? '10.10.10.3' : '10.10.10.1' }),
  );
  world.clock.runUntil(5_000);
  for (const host of hosts) assert.match(host.snapshot().problems.join(), /address 10\.10\.10\.1 is claimed by/);
});

test('the next version of the protocol is noticed', () => {
  const { a } = pair();
  const body = Uint8Array.from([0x22, 2, 0, 0, ...new Uint8Array(60)]);
  const datagram = Uint8Array.from([...body, ...mac16(admissionKey(SECRETS, a.identity.publicKey), body)]);
  const mark = a.world.sent.length;
  a.input({
    kind: 'device',
    event: { kind: 'datagram', at: a.world.clock.now, from: STRANGER, datagram, proven: false },
  });
  assert.match(
    a.snapshot().problems.join(),
    /203\.0\.113\.5 speaks version 2 of the protocol, this one speaks version 1/,
  );
  const answer = a.world.sent.slice(mark);
  assert.equal(answer.length, 1);
  assert.ok((answer[0]?.datagram.length ?? 99) <= datagram.length);
});

test('a beacon that is heard again does nothing', () => {
  const { world, a } = pair();
  const record = member(9);
  const payload = writeBeacon({ stamp: 5n, port: 4900, record: record.bytes });
  a.input({ kind: 'beacon', payload, from: makeEndpoint('198.51.100.7', 4909) });
  const mark = world.sent.length;
  a.input({ kind: 'beacon', payload, from: makeEndpoint('198.51.100.8', 4909) });
  assert.equal(world.sent.length, mark);
  assert.equal(a.snapshot().drops['beacon-replayed'], 1);
});
