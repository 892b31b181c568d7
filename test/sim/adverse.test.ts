/** Members who lie about where they are, and surroundings that are against us: what a victim gets, and in what state it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointParts, makeEndpoint } from '../../src/core/endpoint.js';
import { deriveIdentity } from '../../src/network/identity.js';
import { PROBE_RATES } from '../../src/network/probe-budget.js';
import { MAX_ENDPOINTS, sequenceOf, signRecord } from '../../src/network/record.js';
import { MAX_CANDIDATES } from '../../src/paths/candidates.js';
import { Invariants } from './invariants.js';
import { Nat } from './nat.js';
import { SECRETS, type SimHost, World } from './world.js';

const VICTIM = '203.0.113.99';
const DAY = 86_400_000;

/** A record under an identity of its own that says its member is at these ports of an address, or at these addresses. */
function liar(n: number, endpoints: readonly string[], change = 0) {
  const master = new Uint8Array(32);
  new DataView(master.buffer).setUint32(0, n);
  const identity = deriveIdentity(master, SECRETS.networkId);
  return signRecord(SECRETS.networkId, identity, {
    flags: 0,
    mtu: 1360,
    staticKey: identity.staticPublic,
    sequence: sequenceOf(1, change),
    instance: new Uint8Array(8),
    mac: Uint8Array.of(2, 0, 0, n >> 16, n >> 8, n),
    name: `liar ${n}`,
    addresses: [],
    endpoints: endpoints.map((ip, i) => makeEndpoint(ip, 1_000 + ((n * MAX_ENDPOINTS + i) % 60_000))),
    relay: null,
    claimedAt: null,
    routes: [],
  }).bytes;
}

function meeting(a: SimHost, b: SimHost) {
  return () => a.isConnectedTo(b) && b.isConnectedTo(a);
}

function pair(seed: number, more: Partial<ConstructorParameters<typeof SimHost>[1]> = {}) {
  const world = new World(seed);
  const invariants = new Invariants(world);
  const a = world.host({ ip: '192.0.2.1', overlay: '10.10.10.1', ...more });
  const b = world.host({ ip: '192.0.2.2', overlay: '10.10.10.2' });
  return { world, invariants, a, b };
}

/** Tells everyone of everyone every five seconds, as a DHT would, and keeps two members behind NATs informed where they are seen. */
function rendezvous(world: World, until: number): void {
  const nodes = [world.reflector('192.0.2.200'), world.reflector('198.51.100.200')];
  for (const host of world.hosts) host.input({ kind: 'dht-nodes', nodes, isTrusted: false });
  for (let at = 300; at < until; at += 1_000) world.clock.at(at, () => world.publish());
}

test('a victim that many identities name gets a few datagrams, and those who name it cost the others nothing', () => {
  const { world, a, b } = pair(1);
  const bytes = { toVictim: 0, datagrams: 0 };
  world.observers.push({
    carried: ({ to, datagram }) => {
      if (endpointParts(to).ip !== VICTIM) return;
      bytes.toVictim += datagram.length;
      bytes.datagrams++;
    },
  });
  world.clock.runUntil(10);
  const ports = Array.from({ length: MAX_ENDPOINTS }, () => VICTIM);
  for (let n = 1; n <= 40; n++) a.input({ kind: 'found', record: liar(n, ports), source: 'dht' });
  world.clock.runUntilTrue(meeting(a, b), 5_000, 'a and b connected in spite of them');
  for (let at = 1; at < 10; at++)
    world.clock.at(at * 30_000, () => {
      for (let n = 1; n <= 40; n++) a.input({ kind: 'found', record: liar(n, ports, at), source: 'dht' });
    });
  world.clock.runUntil(300_000);
  const { burst, perSecond } = PROBE_RATES.address;
  const most = 2 * (burst + perSecond * 300); // from a, and from b who has it all from a's gossip
  assert.ok(bytes.datagrams > 0 && bytes.datagrams <= most, `${bytes.datagrams} in five minutes`);
  assert.ok(bytes.toVictim <= bytes.datagrams * 1_100, `${bytes.toVictim} bytes`);
});

test('a member that says it is where another is: the other keeps its frames, the liar gets none', () => {
  const { world, invariants, a, b } = pair(2);
  world.clock.runUntilTrue(meeting(a, b), 2_000, 'connected');
  for (let change = 0; change < 20; change++)
    a.input({ kind: 'found', record: liar(1, ['192.0.2.2'], change), source: 'dht' });
  invariants.speak(a, b);
  world.clock.runUntil(60_000);
  assert.equal(invariants.framesDelivered, 1);
  assert.ok(a.isConnectedTo(b));
  const stranger = a.snapshot().peers.find(({ name }) => name === 'liar 1');
  assert.deepEqual([stranger?.state, stranger?.path], ['unreachable', 'none']);
});

test('hundreds of candidates: bounded, and the one that works is found among them', () => {
  const { world, a, b } = pair(3);
  world.wire.passes = () => false;
  world.clock.runUntil(100);
  const junk = (i: number) => makeEndpoint(`198.51.100.${1 + (i % 250)}`, 1_000 + i);
  for (let i = 0; i < 400; i++)
    world.clock.at(100 + i * 10, () => a.input({ kind: 'beacon', payload: beaconOf(b), from: junk(i) }));
  world.clock.runUntil(5_000);
  world.wire.passes = () => true;
  world.clock.runUntilTrue(meeting(a, b), 90_000, 'they met');
  const known = a.network.details(a.now).peers[0]?.candidates.length ?? 0;
  assert.ok(known <= MAX_CANDIDATES, `${known} candidates`);
});

function beaconOf(host: SimHost): Uint8Array {
  const payload = host.world.beacons.at(-1);
  assert.ok(payload !== undefined && host.running);
  return payload;
}

for (const hairpin of ['supported', 'refused'] as const) {
  test(`two members behind one NAT in two LANs of their own, hairpin ${hairpin}`, () => {
    const world = new World(4);
    new Invariants(world);
    world.wire.sharesLan = () => false;
    const nat = new Nat('203.0.113.1', 'endpoint-independent', 'endpoint-independent', 20_000, hairpin);
    const [a, b] = [10, 11].map((n) => world.host({ ip: `192.168.1.${n}`, overlay: `10.10.10.${n}`, nat }));
    assert.ok(a && b);
    // The link inside keeps them apart, as access points that isolate their clients do: only the way through the NAT is left.
    world.wire.isolates = (from, to) => from !== to;
    rendezvous(world, 60_000);
    if (hairpin === 'supported') {
      world.clock.runUntilTrue(meeting(a, b), 20_000, 'they met');
      assert.equal(a.peer(b)?.endpoint?.split(':')[0], '203.0.113.1');
      return;
    }
    world.clock.runUntil(30_000);
    assert.deepEqual([a.peer(b)?.path, b.peer(a)?.path], ['none', 'none']);
    assert.ok(a.ticks < 900, `${a.ticks} wake-ups in half a minute`);
  });
}

test('two homes with the same private addresses: each member meets the right one', () => {
  const world = new World(5);
  const invariants = new Invariants(world);
  world.wire.sharesLan = (from, to) => from.options.nat === to.options.nat;
  const hosts = [1, 2].flatMap((home) => {
    const nat = new Nat(`203.0.113.${home}`, 'endpoint-independent', 'address-and-port-dependent', 20_000);
    return [10, 11].map((n) => world.host({ ip: `192.168.1.${n}`, overlay: `10.10.${home}.${n}`, nat }));
  });
  rendezvous(world, 60_000);
  world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), 30_000, 'all met', 100);
  for (const from of hosts) for (const to of hosts) if (from !== to) invariants.speak(from, to);
  world.clock.runUntil(world.clock.now + 1_000);
  assert.equal(invariants.framesDelivered, 12);
  const [a, neighbour, far] = hosts;
  assert.ok(a && neighbour && far);
  assert.deepEqual([a.peer(neighbour)?.path, a.peer(far)?.endpoint?.split(':')[0]], ['lan', '203.0.113.2']);
});

test('clocks an hour and a century apart keep nobody apart', () => {
  const { world, invariants, a, b } = pair(6, { clock: 36_525 * DAY });
  const c = world.host({ ip: '192.0.2.3', overlay: '10.10.10.3', clock: 3_600_000 });
  world.clock.runUntilTrue(() => a.isConnectedTo(b, c) && b.isConnectedTo(a, c), 5_000, 'connected');
  world.clock.runUntil(400_000);
  invariants.speak(a, b);
  invariants.speak(c, a);
  world.clock.runUntil(401_000);
  assert.equal(invariants.framesDelivered, 2);
});

for (const clock of ['stands', 'runs'] as const) {
  for (const [what, ms] of [
    ['a minute', 60_000],
    ['a day', DAY],
  ] as const) {
    test(`${what} asleep, with a clock that ${clock}: together again within seconds of waking`, () => {
      const { world, invariants, a, b } = pair(7);
      world.clock.runUntilTrue(meeting(a, b), 2_000, 'connected');
      world.clock.runUntil(10_000);
      a.sleep(ms, clock);
      const wakes = 10_000 + ms;
      world.clock.at(wakes + 1, () => invariants.speak(a, b));
      world.clock.runUntil(wakes + 1);
      const took = world.clock.runUntilTrue(meeting(a, b), 15_000, 'together again');
      invariants.speak(a, b);
      invariants.speak(b, a);
      world.clock.runUntil(world.clock.now + 500);
      assert.ok(invariants.framesDelivered >= 2, `after ${took} ms`);
    });
  }
}

test('without IPv6, without a default route: who is on the link is met, who is not is unreachable, and nothing spins', () => {
  const { world, a, b } = pair(8, { routes: 'on-link' });
  const far = world.host({ ip: '198.51.100.7', alsoAt: ['2001:db8:7::7'], overlay: '10.10.10.7' });
  world.wire.sharesLan = (from, to) => from !== far && to !== far;
  rendezvous(world, 5_000);
  world.clock.runUntil(60_000);
  assert.ok(meeting(a, b)());
  assert.equal(b.isConnectedTo(far), true);
  assert.equal(a.peer(far)?.state, 'unreachable');
  assert.ok(a.ticks < 600, `${a.ticks} wake-ups in a minute`);
});

test('IPv6 alone is enough, and preferred off-link', () => {
  const world = new World(9);
  world.wire.sharesLan = () => false;
  const a = world.host({ ip: '2001:db8:1::1', overlay: '10.10.10.1' });
  const b = world.host({ ip: '198.51.100.2', alsoAt: ['2001:db8:2::2'], overlay: '10.10.10.2' });
  const c = world.host({ ip: '203.0.113.3', alsoAt: ['2001:db8:3::3'], overlay: '10.10.10.3' });
  for (let at = 10; at < 20_000; at += 1_000) world.clock.at(at, () => world.publish());
  world.clock.runUntilTrue(() => a.isConnectedTo(b, c) && c.isConnectedTo(b), 10_000, 'connected');
  world.clock.runUntil(world.clock.now + 5_000);
  assert.equal(c.peer(b)?.endpoint, makeEndpoint('2001:db8:2::2', 4900));
});

test('many members that start at once are together soon, within the budget', () => {
  const world = new World(10);
  world.isRecording = false;
  new Invariants(world);
  const hosts = Array.from({ length: 40 }, (_, i) =>
    world.host({ ip: `192.0.2.${i + 1}`, overlay: `10.10.10.${i + 1}` }),
  );
  world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), 20_000, 'all connected', 100);
});
