/** Every kind of NAT before one member against every kind before the other: who meets directly, and how soon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Nat } from './nat.js';
import { canMeet, meet, SIDES, type Side } from './nat-pairs.js';
import { payloads, World } from './world.js';

for (const [i, a] of SIDES.entries()) {
  for (const b of SIDES.slice(i)) {
    test(`${a.name} × ${b.name}: ${canMeet(a, b) ? 'direct' : 'only a relay could help'}`, () => {
      const { world, hosts } = meet(a, b, 1);
      const [one, two] = hosts;
      const together = () => one.isConnectedTo(two) && two.isConnectedTo(one);
      if (!canMeet(a, b)) {
        world.clock.runUntil(30_000);
        assert.equal(together(), false);
        return;
      }
      world.clock.runUntilTrue(together, 15_000, 'they met');
      one.send(two.device.config.mac, 'through');
      world.clock.runUntil(world.clock.now + 200);
      assert.deepEqual(payloads(two), ['through']);
    });
  }
}

test('the kind of NAT is worked out', () => {
  const kinds = SIDES.map((side) => {
    const { world, hosts } = meet(side, { name: 'open', nat: null }, 2);
    world.clock.runUntil(5_000);
    return hosts[0].network.details(world.clock.now).nat;
  });
  const expected = SIDES.map(({ nat }) =>
    nat === null
      ? 'none'
      : nat('203.0.113.1').mapping === 'endpoint-independent'
        ? 'endpoint-independent'
        : 'dependent',
  );
  assert.deepEqual(kinds, expected);
});

test('two members behind one NAT meet inside, not through it', () => {
  const world = new World(4);
  const nat = new Nat('203.0.113.1', 'endpoint-independent', 'address-and-port-dependent', 20_000);
  const nodes = [world.reflector('192.0.2.200'), world.reflector('198.51.100.200')];
  world.wire.sharesLan = () => false;
  const hosts = [10, 11].map((n) => world.host({ ip: `192.168.1.${n}`, overlay: `10.10.10.${n}`, nat }));
  for (const host of hosts) host.input({ kind: 'dht-nodes', nodes, isTrusted: false });
  for (let at = 300; at < 10_000; at += 1_000) world.clock.at(at, () => world.publish());
  const [a, b] = hosts;
  assert.ok(a && b);
  world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), 10_000, 'they met');
  assert.equal(a.peer(b)?.path, 'lan');
});

test('a NAT that forgets everything is survived within seconds, with the session kept', () => {
  const eim: Side = {
    name: 'home',
    nat: (ip) => new Nat(ip, 'endpoint-independent', 'address-and-port-dependent', 20_000),
  };
  const { world, hosts } = meet(eim, { name: 'open', nat: null }, 5);
  const [inside, outside] = hosts;
  world.clock.runUntilTrue(() => inside.isConnectedTo(outside) && outside.isConnectedTo(inside), 15_000, 'they met');
  world.clock.runUntil(20_000);
  const handshakes = () => world.sent.filter(({ datagram }) => datagram[0] === 0x22).length;
  const before = handshakes();
  inside.options.nat?.reboot();
  inside.send(outside.device.config.mac, 'after the reboot');
  const moved = world.clock.now;
  world.clock.runUntil(moved + 3_000);
  outside.send(inside.device.config.mac, 'and back');
  world.clock.runUntil(moved + 3_200);
  assert.deepEqual(payloads(inside), ['and back']);
  assert.equal(handshakes(), before);
});
