/** Gossip by summary: what a settled network says, and that a difference is found and repaired. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summaryMessage } from '../../src/network/gossip.js';
import { deriveIdentity } from '../../src/network/identity.js';
import { type MemberRecord, readRecord, sequenceOf, signRecord } from '../../src/network/record.js';
import { CONTROL, decodeControl } from '../../src/wire/control.js';
import { SECRETS, type SimHost, World } from '../sim/world.js';

function record(n: number, change = 0): MemberRecord {
  const identity = deriveIdentity(new Uint8Array(32).fill(n), SECRETS.networkId);
  const { bytes } = signRecord(SECRETS.networkId, identity, {
    flags: 0,
    mtu: 1360,
    staticKey: identity.staticPublic,
    sequence: sequenceOf(1, change),
    instance: new Uint8Array(8),
    mac: Uint8Array.of(2, 0, 0, 0, 0, n),
    name: `member ${n}`,
    addresses: [],
    endpoints: [],
    relay: null,
    claimedAt: null,
    routes: [],
  });
  const read = readRecord(SECRETS.networkId, bytes);
  assert.ok(read !== null);
  return read;
}

/** Counts the control messages of a type that hosts of a world send. */
function counting(world: World, type: number) {
  const counted = { messages: 0 };
  world.observers.push({
    commanded: (_host, command) => {
      if (command.kind !== 'send-control') return;
      const messages = decodeControl(command.messages) ?? [];
      counted.messages += messages.filter((message) => message.type === type).length;
    },
  });
  return counted;
}

function lan(world: World, count: number): SimHost[] {
  return Array.from({ length: count }, (_, i) => world.host({ ip: `192.0.2.${i + 1}`, overlay: `10.10.10.${i + 1}` }));
}

test('a summary is that of a set of records: order is nothing, a member or a sequence more is another', () => {
  const [a, b, c] = [record(1), record(2), record(3)];
  const summary = (...records: MemberRecord[]) => Buffer.from(summaryMessage(records).body).toString('hex');
  assert.equal(summary(a, b, c), summary(c, a, b));
  assert.equal(summary(a, b).length, 32);
  assert.notEqual(summary(a, b), summary(a, b, c));
  assert.notEqual(summary(a, b), summary(a, record(2, 1)));
});

test('who knows the same needs no digest, however long it lasts', () => {
  const world = new World(1);
  const hosts = lan(world, 6);
  const digests = counting(world, CONTROL.digest);
  const summaries = counting(world, CONTROL.summary);
  world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), 2_000, 'all connected');
  world.clock.runUntil(300_000);
  assert.equal(digests.messages, 0);
  assert.ok(summaries.messages >= 30 + 6 * 9, `${summaries.messages} summaries`);
});

test('a record that got lost on the way to one member is found by the next summaries', () => {
  const world = new World(2);
  const hosts = lan(world, 4);
  const [a, , , d] = hosts;
  assert.ok(a !== undefined && d !== undefined);
  world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), 2_000, 'all connected');
  const lost = record(9);
  const knows = (host: SimHost) => host.snapshot().peers.some(({ id }) => id === lost.peerId);
  world.wire.passes = (_from, to) => to !== d;
  a.input({ kind: 'found', record: lost.bytes, source: 'dht' });
  world.clock.runUntil(world.clock.now + 100);
  world.wire.passes = () => true;
  assert.deepEqual(hosts.map(knows), [true, true, true, false]);
  world.clock.runUntilTrue(() => knows(d), 200_000, 'it has it too');
});
