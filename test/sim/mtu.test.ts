/** Path MTU with the real machines under virtual time: many paths, each of a size of its own, that shrink and grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, World } from './world.js';

/** What paths have here, and what's found of it: the largest size that's asked for. */
const SIZES = [
  { mtu: 1_280, found: 1_280 },
  { mtu: 1_350, found: 1_280 },
  { mtu: 1_420, found: 1_420 },
  { mtu: 1_492, found: 1_492 },
  { mtu: 1_500, found: 1_500 },
  { mtu: 9_000, found: 1_500 },
] as const;
/** IP packets of more bytes than any path is sure to take. */
const LARGE = 1_280;

function members(seed: number, count: number): { world: World; hosts: readonly SimHost[] } {
  const world = new World(seed);
  const hosts = Array.from({ length: count }, (_, i) =>
    world.host({ ip: `192.0.2.${i + 1}`, overlay: `10.10.10.${i + 1}` }),
  );
  return { world, hosts };
}

/** The size of the path between two hosts, the same both ways. */
function sizeOf(hosts: readonly SimHost[], from: SimHost, to: SimHost) {
  const [a, b] = [hosts.indexOf(from), hosts.indexOf(to)];
  return SIZES[(a * b + a + b) % SIZES.length] ?? SIZES[0];
}

for (const seed of [1, 2, 3]) {
  test(`every path of a network gets its own size, with loss on the way (seed ${seed})`, () => {
    const { world, hosts } = members(seed, 8);
    world.wire.loss = 0.03;
    world.wire.mtu = (from, to) => sizeOf(hosts, from, to).mtu;
    const all = () => hosts.every((host) => host.isConnectedTo(...hosts));
    world.clock.runUntilTrue(all, 30_000, 'all connected');
    const measured = () =>
      hosts.every((from) =>
        hosts.every((to) => from === to || from.peer(to)?.pathMtu === sizeOf(hosts, from, to).found),
      );
    world.clock.runUntilTrue(measured, world.clock.now + 5_000, 'all measured');
    world.clock.runUntil(world.clock.now + 300_000);
    assert.ok(all() && measured(), 'and nothing changes without a reason');
  });
}

test('a path that shrinks is noticed by who uses it, within seconds; who is idle sends nothing large to find out', () => {
  const { world, hosts } = members(4, 3);
  const [a, b, c] = hosts;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const measured = () => hosts.every((from) => hosts.every((to) => from === to || from.peer(to)?.pathMtu === 1_500));
  world.clock.runUntilTrue(measured, 10_000, 'all measured');
  world.wire.mtu = () => 1_400;
  const large = () => world.sent.filter(({ datagram }) => datagram.length + 28 > LARGE).length;
  const before = large();
  world.clock.runUntil(world.clock.now + 120_000);
  assert.equal(large(), before);
  const sending = () => {
    a.send(b.device.config.mac, 'x'.repeat(1_300));
    world.clock.at(world.clock.now + 20, sending);
  };
  sending();
  const since = world.clock.now;
  world.clock.runUntilTrue(() => a.peer(b)?.pathMtu === 1_400, since + 10_000, 'the new size');
  assert.ok(world.clock.now - since < 4_000, `took ${world.clock.now - since} ms`);
  assert.equal(a.peer(c)?.pathMtu, 1_500, 'nobody has had a reason to look');
  assert.ok(a.isConnectedTo(b, c) && b.isConnectedTo(a, c));
});

test('a size that went unanswered is tried again after ten minutes', () => {
  const { world, hosts } = members(5, 2);
  const [a, b] = hosts;
  assert.ok(a !== undefined && b !== undefined);
  world.wire.mtu = () => 1_420;
  world.clock.runUntilTrue(() => a.peer(b)?.pathMtu === 1_420, 10_000, 'the size');
  world.wire.mtu = () => 1_500;
  world.clock.runUntilTrue(() => a.peer(b)?.pathMtu === 1_500, world.clock.now + 620_000, 'the greater size');
});

test('an interface that refuses a size brings the base at once, and then what still passes', () => {
  const { world, hosts } = members(6, 2);
  const [a, b] = hosts;
  assert.ok(a !== undefined && b !== undefined);
  world.clock.runUntilTrue(() => a.peer(b)?.pathMtu === 1_500, 10_000, 'the size');
  world.wire.mtu = () => 1_460;
  const at = world.clock.now;
  a.input({ kind: 'device', event: { kind: 'too-large', at, to: b.endpoint, bytes: 1_444 } });
  assert.equal(a.peer(b)?.pathMtu, 1_280);
  world.clock.runUntilTrue(() => a.peer(b)?.pathMtu === 1_460, at + 200, 'what passes');
});
