/** Members that only a relay can bring together, and relays that lie, drop, reorder, replay or vanish. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import { keyPair } from '../../src/core/noise-state.js';
import { isRelayWay } from '../../src/core/way.js';
import { networkSecrets } from '../../src/network/secrets.js';
import { Attempt } from '../../src/relay/attempt.js';
import { tagDays, tagOf } from '../../src/relay/tags.js';
import { EPOCH } from './host.js';
import { type Filtering, type Mapping, Nat } from './nat.js';
import type { SimRelay } from './relay.js';
import { type HostOptions, payloads, SECRETS, type SimHost, World } from './world.js';

const ENVELOPE = 0x48;
const HELLO = 0x20;
const OTHER_NETWORK = networkSecrets(new Uint8Array(32).fill(8));

const MAPPINGS: readonly Mapping[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
const FILTERINGS: readonly Filtering[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

interface Side {
  readonly name: string;
  options(n: number): Partial<HostOptions> & { readonly ip: string };
}

const OPEN: Side = { name: 'open', options: (n) => ({ ip: `198.51.100.${n}` }) };

const SIDES: readonly Side[] = [
  OPEN,
  { name: 'UDP blocked', options: (n) => ({ ip: `198.51.100.${n}`, udpBlocked: true }) },
  ...MAPPINGS.flatMap((mapping) =>
    FILTERINGS.map((filtering) => ({
      name: `${mapping} mapping, ${filtering} filtering`,
      options: (n: number) => ({ ip: '192.168.1.10', nat: new Nat(`203.0.113.${n}`, mapping, filtering, 20_000) }),
    })),
  ),
];

/** Members with nothing but relays: no LAN, no DHT, no gossip from others. */
function scene(seed: number, sides: readonly Side[], relays = 1, more: Partial<HostOptions> = {}) {
  const world = new World(seed);
  world.wire.sharesLan = () => false;
  const made = Array.from({ length: relays }, (_, i) => world.relay({ ip: `192.0.2.${200 + i}` }));
  const hosts = sides.map((side, i) => world.host({ ...side.options(i + 1), overlay: `10.10.10.${i + 1}`, ...more }));
  for (const host of hosts) for (const relay of made) host.useRelay(relay);
  return { world, relays: made, hosts };
}

function together(hosts: readonly SimHost[]): boolean {
  return hosts.every((host) => host.isConnectedTo(...hosts));
}

function pair(hosts: readonly SimHost[]): [SimHost, SimHost] {
  const [a, b] = hosts;
  assert.ok(a && b);
  return [a, b];
}

function only(relays: readonly SimRelay[]): SimRelay {
  const [relay] = relays;
  assert.ok(relay);
  return relay;
}

for (const [i, a] of SIDES.entries()) {
  for (const b of SIDES.slice(i)) {
    test(`${a.name} × ${b.name}: the relay is all they need`, () => {
      const { world, hosts } = scene(1, [a, b]);
      const [one, two] = pair(hosts);
      world.clock.runUntilTrue(() => together(hosts), 4_000, 'they met');
      one.send(two.device.config.mac, 'through');
      world.clock.runUntil(world.clock.now + 200);
      assert.deepEqual(payloads(two), ['through']);
    });
  }
}

test('traffic begins through the relay and moves to direct, and nothing is lost', () => {
  const dependent = SIDES.find(({ name }) => name.startsWith('endpoint-independent mapping, address-and-port'));
  assert.ok(dependent);
  const { world, hosts } = scene(3, [dependent, dependent]);
  const [one, two] = pair(hosts);
  world.wire.passes = () => false; // between hosts; the relay is reached
  world.clock.runUntilTrue(() => one.peer(two)?.path === 'relay', 4_000, 'the relay is there first');
  const start = world.clock.now;
  world.clock.at(start + 5_000, () => {
    world.wire.passes = () => true;
  });
  let sent = 0;
  for (let at = start; at < start + 20_000; at += 10)
    world.clock.at(at, () => one.send(two.device.config.mac, String(sent++)));
  world.clock.runUntilTrue(() => one.peer(two)?.path === 'direct', 15_000, 'direct');
  world.clock.runUntil(start + 20_500);
  assert.deepEqual(
    payloads(two)
      .map(Number)
      .sort((x, y) => x - y),
    Array.from({ length: sent }, (_, n) => n),
  );
});

test('a direct path that dies is replaced by the relay within three seconds, both ways, and taken up again', () => {
  const { world, hosts } = scene(4, [OPEN, OPEN]);
  const [one, two] = pair(hosts);
  for (const host of hosts)
    for (const other of hosts)
      if (other !== host)
        host.input({ kind: 'static-peer', name: other.endpoint, id: null, endpoints: [other.endpoint] });
  world.clock.runUntilTrue(
    () => hosts.every((h) => hosts.every((o) => o === h || h.peer(o)?.path === 'direct' || h.peer(o)?.path === 'lan')),
    10_000,
    'direct',
  );
  world.clock.runUntil(world.clock.now + 20_000);
  world.wire.passes = () => false; // between hosts; the relay is reached as before
  const died = world.clock.now;
  const echoed = new Set<string>();
  let n = 0;
  const stop = died + 8_000;
  for (let at = died; at < stop; at += 5) {
    world.clock.at(at, () => one.send(two.device.config.mac, `ping ${n++}`));
    world.clock.at(at + 2, () => {
      for (const payload of payloads(two)) {
        if (echoed.has(payload)) continue;
        echoed.add(payload);
        two.send(one.device.config.mac, `pong ${payload}`);
      }
    });
  }
  world.clock.runUntilTrue(() => payloads(one).length > 0, 3_000, 'an answer through the relay');
  assert.equal(one.peer(two)?.path, 'relay');
  world.clock.runUntil(stop + 100);
  world.wire.passes = () => true;
  world.clock.runUntilTrue(
    () => one.peer(two)?.path !== 'relay' && two.peer(one)?.path !== 'relay',
    70_000,
    'direct again',
  );
});

test('-fwd: not one datagram between the members, whatever they know of each other', () => {
  const { world, hosts, relays } = scene(5, [OPEN, OPEN, OPEN], 1, { forwardOnly: true });
  const relay = only(relays);
  world.wire.sharesLan = () => true;
  for (const host of hosts)
    for (const other of hosts)
      if (other !== host)
        host.input({ kind: 'static-peer', name: other.endpoint, id: null, endpoints: [other.endpoint] });
  world.clock.runUntilTrue(() => together(hosts), 4_000, 'they met');
  const [one, two] = pair(hosts);
  one.send(two.device.config.mac, 'through');
  world.clock.runUntil(60_000);
  assert.deepEqual(payloads(two), ['through']);
  assert.equal(one.peer(two)?.path, 'relay');
  assert.ok(world.sent.length > 0);
  assert.deepEqual(
    world.sent.filter(({ from, to }) => from !== relay.udp && to !== relay.udp),
    [],
  );
  assert.deepEqual(world.beacons, []);
});

test('one who wants relays only is tried nowhere else by the others; when it no longer wants that, they go direct', () => {
  const { world, hosts, relays } = scene(6, [OPEN, OPEN]);
  const [one, two] = pair(hosts);
  const relay = only(relays);
  world.clock.runUntilTrue(() => one.peer(two)?.path === 'direct' || one.peer(two)?.path === 'lan', 10_000, 'direct');
  one.input({ kind: 'forward-only', on: true });
  world.clock.runUntilTrue(() => one.peer(two)?.path === 'relay' && two.peer(one)?.path === 'relay', 5_000, 'relay');
  world.clock.runUntil(world.clock.now + 1_000);
  world.sent.splice(0);
  world.clock.runUntil(world.clock.now + 120_000);
  assert.ok(one.isConnectedTo(two) && two.isConnectedTo(one));
  assert.deepEqual(
    world.sent.filter(({ from, to }) => from !== relay.udp && to !== relay.udp),
    [],
  );
  one.input({ kind: 'forward-only', on: false });
  world.clock.runUntilTrue(() => one.peer(two)?.path !== 'relay', 10_000, 'direct again');
});

test('a relay that vanishes is replaced by another, and two of three may', () => {
  const { world, hosts, relays } = scene(7, [OPEN, OPEN], 3, { forwardOnly: true });
  const [one, two] = pair(hosts);
  world.clock.runUntilTrue(
    () => one.snapshot().relays.every(({ state }) => state === 'connected') && together(hosts),
    5_000,
    'all relays',
  );
  world.clock.runUntil(world.clock.now + 10_000);
  for (const survivors of [2, 1]) {
    const used = one.peer(two)?.endpoint;
    const victim = relays.find((relay) => relay.running && used?.startsWith(`udp/${relay.udp}/`));
    assert.ok(victim, `in use: ${used}`);
    victim.kill();
    const killed = world.clock.now;
    let n = 0;
    for (let at = killed; at < killed + 6_000; at += 20)
      world.clock.at(at, () => one.send(two.device.config.mac, `${survivors} ${n++}`));
    const before = payloads(two).length;
    world.clock.runUntilTrue(() => payloads(two).length > before, 4_000, `${survivors} relays are enough`);
    world.clock.runUntil(killed + 30_000);
    assert.ok(one.isConnectedTo(two) && two.isConnectedTo(one));
    const answering = one.snapshot().relays.filter(({ state }) => state === 'connected').length;
    assert.equal(answering, survivors);
  }
});

test('a relay with another key than the pinned one is refused, loudly, and gets neither tags nor traffic', () => {
  const { world, hosts, relays } = scene(8, [OPEN]);
  const relay = only(relays);
  const [one] = hosts;
  assert.ok(one);
  world.clock.runUntilTrue(() => one.pins.size === 1, 3_000, 'pinned on first use');
  assert.deepEqual(one.pins.get(relay.udp), relay.publicKey);
  const other = world.host({ ip: '198.51.100.9', overlay: '10.10.10.9' });
  other.useRelay(relay, new Uint8Array(32).fill(9));
  world.clock.runUntil(10_000);
  const [state] = other.snapshot().relays;
  assert.equal(state?.state, 'wrong-key');
  assert.match(other.snapshot().problems.join(), /has the key [0-9a-f]{64}, not 0909.*p2p set -forget-relay/);
  assert.ok(other.notables.some((text) => text.includes('has the key')));
  assert.equal(relay.server.describe(world.clock.now).length, 1);
  const logins = world.sent.filter(({ from, datagram }) => from === other.endpoint && datagram[0] === 0x2b);
  assert.deepEqual(logins, []);
});

test('more clients than allowed: a clear refusal, and the next relay does', () => {
  const world = new World(9);
  world.wire.sharesLan = () => false;
  const small = world.relay({ ip: '192.0.2.200', limits: { clients: 2 } });
  const large = world.relay({ ip: '192.0.2.201' });
  const hosts = [1, 2, 3, 4].map((n) =>
    world.host({ ip: `198.51.100.${n}`, overlay: `10.10.10.${n}`, forwardOnly: true }),
  );
  for (const host of hosts) for (const relay of [small, large]) host.useRelay(relay);
  world.clock.runUntilTrue(() => together(hosts), 10_000, 'they met at the larger one');
  assert.equal(small.server.describe(world.clock.now).length, 2);
  assert.deepEqual(
    hosts.filter((host) => host.snapshot().relays.some(({ lastError }) => lastError === 'it is full')).length,
    2,
  );
});

test('too many clients of one address are refused', () => {
  const world = new World(10);
  const relay = world.relay({ ip: '192.0.2.200', limits: { clientsPerSource: 2 } });
  const nat = new Nat('203.0.113.1', 'endpoint-independent', 'endpoint-independent', 20_000);
  const hosts = [1, 2, 3].map((n) => world.host({ ip: `192.168.1.${n}`, overlay: `10.10.10.${n}`, nat }));
  for (const host of hosts) host.useRelay(relay);
  world.clock.runUntil(10_000);
  const errors = hosts.flatMap((host) => host.snapshot().relays.flatMap(({ lastError }) => lastError ?? []));
  assert.deepEqual(errors, ['it has too many clients of our address']);
});

for (const seed of [11, 12, 13]) {
  test(`a relay that drops, repeats, reorders, changes and replays delivers nothing wrong (seed ${seed})`, () => {
    const { world, hosts, relays } = scene(seed, [OPEN, OPEN, OPEN], 1, { forwardOnly: true });
    const relay = only(relays);
    const kept: Uint8Array[] = [];
    relay.mischief = (datagram) => {
      kept.push(datagram);
      if (kept.length > 200) kept.shift();
      if (world.chance(0.15)) return [];
      if (world.chance(0.15)) return [datagram, world.pick(kept), datagram];
      if (world.chance(0.1)) return [datagram.map((byte, i) => (i === 9 + (kept.length % 40) ? byte ^ 1 : byte))];
      return [datagram];
    };
    Object.assign(world.wire, { jitter: 30 });
    const sent = new Set<string>();
    for (let at = 1_000; at < 60_000; at += 100) {
      world.clock.at(at, () => {
        const [from, to] = [world.pick(hosts), world.pick(hosts)];
        const payload = `${world.clock.now} ${from.ip} ${to.ip}`;
        sent.add(payload);
        from.send(to.device.config.mac, payload);
      });
    }
    world.clock.runUntil(60_000);
    for (const host of hosts) {
      const got = payloads(host);
      for (const payload of got) assert.ok(sent.has(payload), `${payload} was never sent`);
      assert.equal(new Set(got).size, got.length, 'nothing came twice');
    }
    relay.mischief = (datagram) => [datagram];
    world.clock.runUntilTrue(() => together(hosts), 60_000, 'they are together once it is honest');
  });
}

test('two networks at one relay learn nothing of each other', () => {
  const { world, hosts } = scene(14, [OPEN, OPEN], 1, { forwardOnly: true });
  const [one, two] = pair(hosts);
  world.clock.runUntilTrue(() => together(hosts), 4_000, 'they met');
  const strangers = world.host({ ip: '198.51.100.50', overlay: '10.10.10.50', secrets: OTHER_NETWORK });
  strangers.useRelay(only(world.relays));
  world.clock.runUntil(30_000);
  assert.deepEqual(
    strangers.snapshot().relays.map(({ others }) => others),
    [0],
    'another network shares no tag',
  );
  assert.deepEqual(
    one.snapshot().relays.map(({ others }) => others),
    [1],
  );
  assert.ok(isRelayWay(one.peer(two)?.endpoint ?? ('' as never)));
});

test('a relay that invents pseudonyms costs a few hellos each, and those who are there go on', () => {
  const { world, hosts, relays } = scene(18, [OPEN, OPEN], 1, { forwardOnly: true });
  const [one, two] = pair(hosts);
  const relay = only(relays);
  world.clock.runUntilTrue(() => together(hosts), 4_000, 'they met');
  const invented = 40;
  invent(relay, invented);
  const began = world.clock.now;
  world.clock.runUntilTrue(
    () => one.snapshot().relays[0]?.others === invented + 1,
    5_000,
    'it says that they are there',
  );
  world.sent.splice(0);
  let sent = 0;
  for (let at = began + 5_000; at < began + 40_000; at += 100)
    world.clock.at(at, () => one.send(two.device.config.mac, String(sent++)));
  world.clock.runUntil(began + 41_000);
  const asked = new Map<string, number>();
  for (const { from, datagram } of world.sent) {
    if (from !== one.endpoint || datagram[0] !== ENVELOPE || datagram[16] !== HELLO) continue;
    const pseudonym = Buffer.from(datagram.subarray(8, 16)).toString('hex');
    asked.set(pseudonym, (asked.get(pseudonym) ?? 0) + 1);
  }
  assert.equal(asked.size, invented);
  for (const times of asked.values()) assert.ok(times <= 6, `${times} hellos to one pseudonym in 41 s`);
  assert.equal(new Set(payloads(two)).size, sent);
  assert.deepEqual(
    one.snapshot().peers.map(({ id }) => id),
    [two.identity.peerId],
  );
});

/** Logs in clients whom no member is behind, under the network's own tag, as a relay can that has seen it. */
function invent(relay: SimRelay, count: number): void {
  const { world } = relay;
  const [today = ''] = tagDays(EPOCH + world.clock.now);
  const tag = tagOf({ tagKey: SECRETS.relayTagKey, loginSecret: new Uint8Array() }, relay.publicKey, today);
  const attempts = new Map<string, Attempt>();
  relay.mischief = (datagram, to) => {
    const answer = attempts.get(to)?.received(world.clock.now, datagram);
    const from = to.slice('udp/'.length) as Endpoint;
    if (answer instanceof Uint8Array) world.clock.at(world.clock.now, () => relay.receive(from, answer));
    return attempts.has(to) ? [] : [datagram];
  };
  for (let i = 0; i < count; i++) {
    const from = makeEndpoint('203.0.113.200', 1_024 + i);
    const key = keyPair(world.random(32));
    const attempt = new Attempt(world.clock.now, i + 1, () => ({ key, tags: [tag] }), world.random);
    attempts.set(`udp/${from}`, attempt);
    const first = attempt.tick(world.clock.now);
    // One after the other: a relay takes few logins a second of one address.
    if (first instanceof Uint8Array) world.clock.at(world.clock.now + i * 20, () => relay.receive(from, first));
  }
}

test('over midnight names and tags change, and no frame is lost', () => {
  const { world, hosts } = scene(15, [OPEN, OPEN], 1, { forwardOnly: true });
  const [one, two] = pair(hosts);
  world.isRecording = false;
  world.clock.runUntilTrue(() => together(hosts), 4_000, 'they met');
  const names = () =>
    only(world.relays)
      .server.describe(world.clock.now)
      .map(({ pseudonym }) => pseudonym)
      .sort()
      .join();
  const before = names();
  const midnight = 12 * 3_600_000;
  let sent = 0;
  for (let at = midnight - 60_000; at < midnight + 900_000; at += 250)
    world.clock.at(at, () => one.send(two.device.config.mac, String(sent++)));
  world.clock.runUntil(midnight + 901_000);
  assert.notEqual(names(), before);
  assert.deepEqual(new Set(payloads(two)).size, sent);
});

test('nobody gets more than was sent before the address is proven', () => {
  const world = new World(16);
  const relay = world.relay({ ip: '192.0.2.200' });
  const victim = world.host({ ip: '198.51.100.1', overlay: '10.10.10.1' });
  const attacker = world.host({ ip: '198.51.100.2', overlay: '10.10.10.2' });
  attacker.useRelay(relay);
  world.clock.runUntil(2_000);
  const recorded = world.sent
    .filter(({ from, to }) => from === attacker.endpoint && to === relay.udp)
    .map(({ datagram }) => datagram);
  assert.ok(recorded.length >= 4);
  world.sent.splice(0);
  for (const datagram of recorded) world.carry(null, victim.endpoint, relay.udp, datagram);
  world.clock.runUntil(4_000);
  const bytes = (to: string) =>
    world.sent
      .filter((sent) => sent.to === to && (to === relay.udp ? sent.from === victim.endpoint : sent.from === relay.udp))
      .reduce((sum, { datagram }) => sum + datagram.length, 0);
  assert.ok(bytes(victim.endpoint) <= bytes(relay.udp), `${bytes(victim.endpoint)} for ${bytes(relay.udp)}`);
  assert.ok(
    world.sent.every(({ to, datagram }) => to !== victim.endpoint || datagram[0] === 0x29),
    'nothing but cookies',
  );
});

test('a pinned key that is forgotten makes room for the one that the relay has now', () => {
  const { world, hosts, relays } = scene(17, [OPEN]);
  const [one] = hosts;
  assert.ok(one);
  world.clock.runUntilTrue(() => one.pins.size === 1, 3_000, 'pinned');
  only(relays).kill();
  world.relays.splice(0);
  const successor = world.relay({ ip: '192.0.2.200' });
  world.clock.runUntilTrue(() => one.snapshot().problems.length > 0, 60_000, 'refused');
  assert.equal(one.snapshot().relays[0]?.refusedId, Buffer.from(successor.publicKey).toString('hex'));
  one.useRelay(successor);
  world.clock.runUntilTrue(() => one.snapshot().relays[0]?.state === 'connected', 3_000, 'taken');
  assert.deepEqual(one.pins.get(successor.udp), successor.publicKey);
});
