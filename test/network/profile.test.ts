/** What a member says of itself, changed while it runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../sim/world.js';

const ROUTES = [{ ip: '192.168.7.0', prefix: 24 }];

test('a new name, another MTU and other subnets are known to all members in a moment, and all of it but what changed stays', () => {
  const world = new World(1);
  const hosts = ['1', '2', '3'].map((n) => world.host({ ip: `192.0.2.${n}`, overlay: `10.10.10.${n}` }));
  const [a, b, c] = hosts;
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), 2_000, 'all connected');
  const before = b.peer(a);
  a.input({ kind: 'profile', profile: { name: 'workshop', mtu: 1300, routes: ROUTES } });
  const knows = () => [b, c].every((host) => host.peer(a)?.name === 'workshop');
  const took = world.clock.runUntilTrue(knows, 2_000, 'the new name known');
  assert.ok(took < 200, `took ${took} ms on a wire of 5 ms`);
  assert.deepEqual(b.peer(a)?.routes, ['192.168.7.0/24']);
  assert.deepEqual(b.peer(a)?.addresses, before?.addresses);
  assert.equal(b.peer(a)?.state, 'connected', 'the session goes on');
  a.input({ kind: 'profile', profile: { name: 'workshop', mtu: 1300, routes: [] } });
  world.clock.runUntilTrue(() => c.peer(a)?.routes.length === 0, 2_000, 'no subnet offered any more');
});
