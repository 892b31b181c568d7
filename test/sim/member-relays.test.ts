/** Relays that members offer in their records: found, chosen, given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveIdentity } from '../../src/network/identity.js';
import { Nat } from './nat.js';
import { RELAY_PORT, RELAY_TLS_PORT, type SimRelay } from './relay.js';
import { type HostOptions, payloads, SECRETS, type SimHost, World } from './world.js';

function quiet(seed: number): World {
  const world = new World(seed);
  world.wire.sharesLan = () => false;
  return world;
}

/** An open member who serves a relay and offers it; `key`: the one that its record names. */
function offers(world: World, n: number, key?: Uint8Array): { relay: SimRelay; host: SimHost } {
  const ip = `192.0.2.${n}`;
  const relay = world.relay({ ip });
  const relayOffer = { udpPort: RELAY_PORT, tlsPort: RELAY_TLS_PORT, key: key ?? relay.publicKey };
  return { relay, host: world.host({ ip, overlay: `10.10.10.${n}`, relayOffer }) };
}

/** A member behind a NAT that takes another port for each destination and lets in nobody else. */
function hidden(world: World, n: number, more: Partial<HostOptions> = {}): SimHost {
  const nat = new Nat(`203.0.113.${n}`, 'address-and-port-dependent', 'address-and-port-dependent', 20_000);
  return world.host({ ip: '192.168.1.10', nat, overlay: `10.10.20.${n}`, useMemberRelays: true, ...more });
}

function knows(host: SimHost, others: readonly SimHost[]): void {
  for (const { endpoint } of others)
    host.input({ kind: 'static-peer', name: endpoint, id: null, endpoints: [endpoint] });
}

function used(host: SimHost): string[] {
  return host.snapshot().relays.map(({ name }) => name);
}

test('two members whom no direct path joins meet at the relay that a third one offers', () => {
  const world = quiet(1);
  const { relay, host: open } = offers(world, 3);
  const [one, two] = [hidden(world, 1), hidden(world, 2)];
  for (const host of [one, two]) knows(host, [open]);
  world.clock.runUntilTrue(
    () => one.peer(two)?.path === 'relay' && two.peer(one)?.path === 'relay',
    15_000,
    'they met',
  );
  one.send(two.device.config.mac, 'through a member');
  world.clock.runUntil(world.clock.now + 200);
  assert.deepEqual(payloads(two), ['through a member']);
  const [shown] = one.snapshot().relays;
  assert.equal(shown?.offeredBy, '10.10.10.3');
  assert.equal(shown?.id, Buffer.from(relay.publicKey).toString('hex'));
  assert.equal(one.pins.size, 0, 'the key is in the record: nothing is pinned');
});

test('who does not want relays of members uses none', () => {
  const world = quiet(2);
  const { host: open } = offers(world, 3);
  const one = hidden(world, 1, { useMemberRelays: false });
  knows(one, [open]);
  world.clock.runUntil(20_000);
  assert.ok(one.isConnectedTo(open));
  assert.deepEqual(used(one), []);
});

test('of many offers three are used, and any two members have some in common', () => {
  const world = quiet(3);
  const offering = [11, 12, 13, 14, 15, 16].map((n) => offers(world, n).host);
  const [one, two] = [hidden(world, 1), hidden(world, 2)];
  for (const host of [one, two]) knows(host, offering);
  world.clock.runUntil(40_000);
  for (const host of [one, two]) assert.equal(used(host).length, 3);
  assert.ok(used(one).filter((name) => used(two).includes(name)).length >= 2);
  assert.ok(one.isConnectedTo(two));
});

test('an offer that is withdrawn is given up', () => {
  const world = quiet(4);
  const master = new Uint8Array(32).fill(4);
  const relay = world.relay({ ip: '192.0.2.3' });
  const relayOffer = { udpPort: RELAY_PORT, tlsPort: RELAY_TLS_PORT, key: relay.publicKey };
  const before = world.host({ ip: '192.0.2.3', overlay: '10.10.10.3', master, relayOffer });
  const one = hidden(world, 1);
  knows(one, [before]);
  world.clock.runUntilTrue(() => one.snapshot().relays[0]?.state === 'connected', 15_000, 'in use');
  before.kill();
  const after = world.host({ ip: '192.0.2.3', overlay: '10.10.10.3', master, bootCounter: 2 });
  knows(after, []);
  world.clock.runUntilTrue(() => used(one).length === 0, 120_000, 'given up');
  world.clock.runUntil(world.clock.now + 200); // the goodbye is under way
  assert.deepEqual(relay.server.describe(world.clock.now), []);
});

test('a relay with another key than its member announces is refused, gets no tags, and after a while is left alone', () => {
  const world = quiet(5);
  const { relay, host: open } = offers(world, 3, new Uint8Array(32).fill(9));
  const one = hidden(world, 1);
  knows(one, [open]);
  world.clock.runUntilTrue(() => one.snapshot().relays[0]?.state === 'wrong-key', 15_000, 'refused');
  assert.match(one.snapshot().problems.join(), /not 0909.* as 10\.10\.10\.3 announces/);
  assert.deepEqual(relay.server.describe(world.clock.now), []);
  world.clock.runUntilTrue(() => used(one).length === 0, 90_000, 'left alone');
  world.sent.splice(0);
  world.clock.runUntil(world.clock.now + 300_000);
  assert.deepEqual(
    world.sent.filter(({ to }) => to === relay.udp),
    [],
  );
});

test('a relay that people named comes first: the same one is not used twice, and the fourth makes room', () => {
  const world = quiet(6);
  const offering = [11, 12, 13].map((n) => offers(world, n));
  const one = hidden(world, 1);
  knows(
    one,
    offering.map(({ host }) => host),
  );
  world.clock.runUntilTrue(() => used(one).length === 3, 20_000, 'three of members');
  const [first] = offering;
  assert.ok(first);
  one.useRelay(first.relay);
  for (const n of [21, 22, 23]) one.useRelay(world.relay({ ip: `192.0.2.${n}` }));
  world.clock.runUntil(world.clock.now + 20_000);
  const names = used(one);
  assert.equal(names.length, 4);
  for (const n of [11, 21, 22, 23]) assert.ok(names.includes(`192.0.2.${n}:${RELAY_PORT}`), names.join());
  assert.deepEqual(
    one.snapshot().relays.flatMap(({ offeredBy }) => offeredBy ?? []),
    [],
  );
});

test('nobody is asked for a relay where it did not answer itself: an announced address alone is not enough', () => {
  const world = quiet(7);
  const { relay, host: open } = offers(world, 3);
  const one = hidden(world, 1);
  assert.ok(open.record);
  open.kill();
  one.input({ kind: 'found', record: open.record, source: 'gossip' });
  world.clock.runUntil(120_000);
  assert.equal(one.snapshot().peers[0]?.id, deriveIdentity(open.master, SECRETS.networkId).peerId);
  assert.deepEqual(
    world.sent.filter(({ to }) => to === relay.udp || to === relay.tls),
    [],
  );
});
