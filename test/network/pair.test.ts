/** Two and three members under virtual time: meeting, talking, rekeying, moving, going away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { networkSecrets } from '../../src/network/secrets.js';
import { REKEY_AFTER, SESSION_LIFETIME } from '../../src/session/session.js';
import { BROADCAST, PORT, payloads, type SimHost, World } from '../sim/world.js';

const A = { ip: '192.0.2.1', overlay: '10.10.10.1' };
const B = { ip: '192.0.2.2', overlay: '10.10.10.2' };
const C = { ip: '192.0.2.3', overlay: '10.10.10.3' };

function connected(...hosts: readonly SimHost[]): boolean {
  return hosts.every((host) => host.isConnectedTo(...hosts));
}

function pair(seed: number) {
  const world = new World(seed);
  const a = world.host(A);
  const b = world.host(B);
  return { world, a, b };
}

test('two members on a LAN find each other by beacons and carry frames both ways', () => {
  const { world, a, b } = pair(1);
  const took = world.clock.runUntilTrue(() => connected(a, b), 2_000, 'a and b connected');
  assert.ok(took < 200, `took ${took} ms on a wire of 5 ms`);
  assert.equal(a.peer(b)?.path, 'lan');
  a.send(b.device.config.mac, 'to b');
  b.send(BROADCAST, 'to all');
  world.clock.runUntil(world.clock.now + 100);
  assert.deepEqual(payloads(b), ['to b']);
  assert.deepEqual(payloads(a), ['to all']);
});

test('a chain of -peer: A and C meet by the gossip of B', () => {
  const world = new World(2);
  world.wire.sharesLan = () => false;
  const [a, b, c] = [world.host(A), world.host(B), world.host(C)];
  const toB = { kind: 'static-peer', name: 'b', id: null, endpoints: [makeEndpoint(B.ip, PORT)] } as const;
  a.input(toB);
  c.input(toB);
  world.clock.runUntilTrue(() => connected(a, b, c), 5_000, 'all three connected');
  assert.equal(a.peer(c)?.source, 'gossip');
});

test('a -peer with another id than the member there stays unanswered and says so', () => {
  const world = new World(3);
  world.wire.sharesLan = () => false;
  const [a, b] = [world.host(A), world.host(B)];
  a.input({ kind: 'static-peer', name: 'b', id: 'ffffffffffffffff', endpoints: [b.endpoint] });
  world.clock.runUntil(3_000);
  assert.equal(connected(a, b), false);
  assert.match(
    a.snapshot().unanswered[0]?.lastError ?? '',
    new RegExp(`is ${b.identity.peerId}, not ffffffffffffffff`),
  );
});

test('sessions are replaced before they end, without losing a frame', () => {
  const { world, a, b } = pair(4);
  world.wire.jitter = 20;
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  const end = world.clock.now + 3 * SESSION_LIFETIME;
  let sent = 0;
  for (let at = world.clock.now; at < end; at += 50) {
    world.clock.at(at, () => a.send(b.device.config.mac, String(sent++)));
    world.clock.at(at + 25, () => b.send(a.device.config.mac, 'back'));
  }
  world.clock.runUntil(end + 1_000);
  assert.equal(b.frames.length, sent);
  assert.equal(a.frames.length, sent);
  const handshakes = world.sent.filter(({ datagram }) => datagram[0] === 0x23).length;
  assert.ok(handshakes >= Math.floor((3 * SESSION_LIFETIME) / REKEY_AFTER.responder), `${handshakes} handshakes`);
});

test('no nonce is ever used twice under one key, and no counter goes back', () => {
  const { world, a, b } = pair(5);
  world.wire.duplicates = 0.3;
  world.wire.jitter = 30;
  world.clock.runUntilTrue(() => connected(a, b), 5_000, 'connected');
  for (let i = 0; i < 500; i++) world.clock.at(world.clock.now + i * 500, () => a.send(BROADCAST, String(i)));
  world.clock.runUntil(world.clock.now + 300_000);
  const sealed = world.sent.filter(({ datagram }) => datagram[0] === 0x40 || datagram[0] === 0x41);
  const nonces = sealed.map(({ from, datagram }) => `${from} ${Buffer.from(datagram.subarray(2, 16)).toString('hex')}`);
  assert.equal(new Set(nonces).size, nonces.length);
  assert.equal(b.frames.length, 500);
});

test('with another -key there is no session, and both sides say why', () => {
  const world = new World(6);
  const a = world.host({ ...A, key: new Uint8Array(32).fill(1) });
  const b = world.host(B);
  world.clock.runUntil(60_000);
  for (const [host, other] of [
    [a, b],
    [b, a],
  ] as const) {
    assert.equal(host.peer(other)?.state, 'refused');
    assert.match(host.peer(other)?.lastError ?? '', /the keys differ/);
  }
  a.send(BROADCAST, 'nobody hears this');
  world.clock.runUntil(61_000);
  assert.equal(b.frames.length, 0);
});

test('members of another hash are strangers: nothing that they send is answered', () => {
  const world = new World(7);
  const a = world.host(A);
  const x = world.host({ ...B, secrets: networkSecrets(new Uint8Array(32).fill(9)) });
  x.input({ kind: 'static-peer', name: 'a', id: null, endpoints: [a.endpoint] });
  world.clock.runUntil(60_000);
  assert.deepEqual(a.snapshot().peers, []);
  assert.ok(world.sent.some(({ to }) => to === a.endpoint));
  assert.equal(world.sent.filter(({ from }) => from === a.endpoint).length, 0);
  assert.ok((a.device.stats().drops['handshake-mac'] ?? 0) > 0);
});

test('everything recorded and sent again, from the same and from another address, changes nothing and is not answered', () => {
  const { world, a, b } = pair(8);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  a.send(b.device.config.mac, 'once');
  world.clock.runUntil(20_000);
  const recorded = world.sent.filter(({ to }) => to === b.endpoint);
  const before = b.frames.length;
  const replayer = makeEndpoint('203.0.113.66', 6_666);
  const mark = world.sent.length;
  for (const { from, datagram } of recorded) {
    world.carry(null, from, b.endpoint, datagram);
    world.carry(null, replayer, b.endpoint, datagram);
  }
  world.clock.runUntil(world.clock.now + 1_000);
  assert.equal(b.frames.length, before);
  assert.equal(world.sent.slice(mark).filter(({ to }) => to === replayer).length, 0);
  assert.equal(b.peer(a)?.endpoint, a.endpoint);
  assert.ok(connected(a, b));
});

test('a member that was killed comes back under its identity and is reconnected', () => {
  const { world, a, b } = pair(9);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  world.clock.runUntil(10_000);
  b.kill();
  world.wire.sharesLan = () => false; // only what it remembers leads it back
  const again = world.host({ ...B, master: b.master, remembered: b.remembered, bootCounter: 2 });
  const took = world.clock.runUntilTrue(() => connected(a, again), 10_000, 'reconnected');
  assert.ok(took < 1_000, `took ${took} ms`);
  a.send(again.device.config.mac, 'welcome back');
  world.clock.runUntil(world.clock.now + 100);
  assert.deepEqual(payloads(again), ['welcome back']);
});

test('what was recorded before a restart is not answered after it', () => {
  const { world, a, b } = pair(14);
  a.input({ kind: 'static-peer', name: 'b', id: null, endpoints: [b.endpoint] });
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  a.input({ kind: 'interfaces', addresses: [] });
  world.clock.runUntil(40_000);
  const recorded = world.sent.filter(({ to, datagram }) => to === b.endpoint && (datagram[0] ?? 0) < 0x40);
  assert.ok(recorded.some(({ datagram }) => datagram[0] === 0x20));
  b.kill();
  const again = world.host({ ...B, master: b.master, remembered: b.remembered, bootCounter: 2 });
  world.clock.runUntilTrue(() => connected(a, again), 10_000, 'reconnected');
  const mark = world.sent.length;
  const replayer = makeEndpoint('203.0.113.66', 6_666);
  for (const { datagram } of recorded) world.carry(null, replayer, again.endpoint, datagram);
  for (const payload of world.beacons) again.input({ kind: 'beacon', payload, from: replayer });
  world.clock.runUntil(world.clock.now + 5_000);
  assert.deepEqual(
    world.sent.slice(mark).filter(({ to }) => to.startsWith('203.0.113.')),
    [],
  );
});

test('a member that vanishes is noticed, at once if there is traffic, and found again', () => {
  const { world, a, b } = pair(10);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  world.wire.passes = () => false;
  for (let i = 0; i < 100; i++) world.clock.at(world.clock.now + i * 100, () => a.send(b.device.config.mac, 'hello?'));
  world.clock.runUntilTrue(() => a.peer(b)?.state !== 'connected', 10_000, 'noticed');
  world.clock.runUntilTrue(() => b.peer(a)?.state !== 'connected', 40_000, 'noticed without traffic');
  world.wire.passes = () => true;
  world.clock.runUntilTrue(() => connected(a, b), 60_000, 'together again');
});

test('a member that leaves is gone at once, and not asked for', () => {
  const { world, a, b } = pair(11);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  world.clock.runUntil(1_000);
  b.input({ kind: 'leave' });
  b.kill();
  world.clock.runUntil(world.clock.now + 100);
  assert.equal(a.peer(b)?.state, 'unreachable');
  assert.equal(a.peer(b)?.lastError, 'it left the network');
  const mark = world.sent.length;
  world.clock.runUntil(world.clock.now + 120_000);
  assert.equal(world.sent.slice(mark).length, 0);
});

test('a member whose address changes keeps its session; traffic follows after a challenge', () => {
  const { world, a, b } = pair(12);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  world.clock.runUntil(5_000);
  const handshakes = () => world.sent.filter(({ datagram }) => datagram[0] === 0x22).length;
  const before = handshakes();
  b.moveTo('198.51.100.9');
  const took = world.clock.runUntilTrue(() => a.peer(b)?.endpoint === b.endpoint, 5_000, 'a uses the new address');
  assert.ok(took < 2_000, `took ${took} ms`);
  a.send(b.device.config.mac, 'still there');
  world.clock.runUntil(world.clock.now + 100);
  assert.deepEqual(payloads(b), ['still there']);
  assert.equal(handshakes(), before);
});

test('nobody can draw traffic to an address by sending recorded datagrams from it', () => {
  const { world, a, b } = pair(13);
  world.clock.runUntilTrue(() => connected(a, b), 2_000, 'connected');
  const victim = makeEndpoint('203.0.113.99', 9_999);
  // An attacker on the way holds a's datagrams back and sends them from the victim's address instead.
  world.wire.passes = (from) => from !== a;
  const mark = world.sent.length;
  for (let i = 0; i < 50; i++)
    world.clock.at(world.clock.now + i * 20, () => a.send(b.device.config.mac, 'x'.repeat(1_000)));
  world.clock.runUntil(world.clock.now + 1_100);
  for (const { datagram } of world.sent.slice(mark).filter(({ from }) => from === a.endpoint))
    world.carry(null, victim, b.endpoint, datagram);
  const stolen = world.sent.length;
  world.clock.runUntil(world.clock.now + 3_000);
  const toVictim = world.sent.slice(stolen).filter(({ to }) => to === victim);
  const bytes = toVictim.reduce((sum, { datagram }) => sum + datagram.length, 0);
  assert.ok(bytes < 3_000, `${bytes} bytes went to an address that never answered`);
  assert.notEqual(b.peer(a)?.endpoint, victim);
});
