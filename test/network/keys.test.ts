/** Members whose key queue moves on, under virtual time: whatever their clocks and the wire do, they stay together, and stop when they have no key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyEntry } from '../../src/network/secrets.js';
import type { KeyEntry } from '../../src/session/key-queue.js';
import type { SimHost } from '../sim/host.js';
import { BROADCAST, EPOCH, payloads, SECRETS, World } from '../sim/world.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const A = { ip: '192.0.2.1', overlay: '10.10.10.1' };
const B = { ip: '192.0.2.2', overlay: '10.10.10.2' };

/** Keys that end at these moments of the world, in ms; Infinity for one that has no end. */
const keys = (...ends: readonly number[]): KeyEntry[] =>
  ends.map((end, i) => keyEntry(SECRETS, new Uint8Array(32).fill(i + 1), EPOCH + end));

function talk(world: World, hosts: readonly SimHost[], from: number, until: number, every: number): number {
  let sent = 0;
  for (let at = from; at < until; at += every)
    world.clock.at(at, () => {
      for (const host of hosts) host.send(BROADCAST, `${host.ip} ${sent++}`);
    });
  return Math.ceil((until - from) / every);
}

const meet = (world: World, a: SimHost, b: SimHost) =>
  world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), MINUTE, 'they meet');

test('three rotations lose no frame and deliver none twice, whatever the clocks show within a minute, with jitter and duplicates', () => {
  const ends = fc.array(fc.integer({ min: 5 * SECOND, max: 4 * MINUTE }), { minLength: 3, maxLength: 3 });
  const skew = fc.integer({ min: -30 * SECOND, max: 30 * SECOND });
  fc.assert(
    fc.property(fc.nat(), ends, skew, skew, fc.nat(40), (seed, turns, aheadA, aheadB, jitter) => {
      const world = new World(seed);
      Object.assign(world.wire, { jitter, duplicates: 0.05 });
      const [first, second, third] = turns.map((_, i) => 2 * MINUTE + turns.slice(0, i + 1).reduce((x, y) => x + y, 0));
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      const queue = () => keys(first, second, third, Number.POSITIVE_INFINITY);
      const a = world.host({ ...A, keys: queue(), wallAhead: aheadA });
      const b = world.host({ ...B, keys: queue(), wallAhead: aheadB });
      meet(world, a, b);
      const count = talk(world, [a, b], world.clock.now + SECOND, third + 3 * MINUTE, 250);
      world.clock.runUntil(third + 4 * MINUTE);
      for (const host of [a, b]) {
        assert.equal(host.frames.length, count, `${host.ip} has all frames`);
        assert.equal(new Set(payloads(host)).size, count, `${host.ip} has each once`);
        assert.equal(host.snapshot().peers[0]?.state, 'connected');
      }
    }),
    { numRuns: 12 },
  );
});

test('a minute between two clocks loses nothing either, at the end of what is allowed for', () => {
  for (const ahead of [MINUTE, -MINUTE]) {
    const world = new World(3);
    const ends = [3 * MINUTE, 3 * MINUTE + 10 * SECOND, 3 * MINUTE + 20 * SECOND, Number.POSITIVE_INFINITY];
    const a = world.host({ ...A, keys: keys(...ends) });
    const b = world.host({ ...B, keys: keys(...ends), wallAhead: ahead });
    meet(world, a, b);
    const count = talk(world, [a, b], world.clock.now + SECOND, 8 * MINUTE, 100);
    world.clock.runUntil(9 * MINUTE);
    assert.deepEqual([a.frames.length, b.frames.length], [count, count]);
  }
});

test('with the same queue nobody stays apart for ever, whatever is lost, cut, restarted, and however the clocks are set meanwhile', () => {
  const disturbance = fc.record({
    at: fc.integer({ min: 0, max: 10 * MINUTE }),
    what: fc.constantFrom('cut', 'join', 'clock-a', 'clock-b', 'restart'),
    by: fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE }),
  });
  const ends = fc.array(fc.integer({ min: 2 * SECOND, max: 3 * MINUTE }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(
      fc.nat(),
      ends,
      fc.array(disturbance, { maxLength: 8 }),
      fc.double({ min: 0, max: 0.4, noNaN: true }),
      (seed, turns, disturbances, loss) => {
        const world = new World(seed);
        Object.assign(world.wire, { jitter: 30, loss, duplicates: 0.05 });
        let end = MINUTE;
        const moments = turns.map((turn) => {
          end += turn;
          return end;
        });
        const queue = () => keys(...moments, Number.POSITIVE_INFINITY);
        const a = world.host({ ...A, keys: queue() });
        let b = world.host({ ...B, keys: queue() });
        for (const { at, what, by } of disturbances)
          world.clock.at(at, () => {
            if (what === 'cut' || what === 'join') world.wire.passes = () => what === 'join';
            else if (what === 'clock-a') a.setWall(by);
            else if (what === 'clock-b') b.setWall(by);
            else {
              b.kill();
              const { master, remembered, options } = b;
              b = world.host({
                ...options,
                master,
                remembered,
                bootCounter: (options.bootCounter ?? 1) + 1,
                keys: queue(),
              });
            }
          });
        world.clock.runUntil(10 * MINUTE);
        Object.assign(world.wire, { loss: 0, passes: () => true });
        a.setWall(0);
        b.setWall(-30 * SECOND);
        // The longest pause between two tries of a handshake is a minute.
        world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), 4 * MINUTE, 'they are together');
      },
    ),
    { numRuns: 40 },
  );
});

test('the member with the old queue stops at the moment and says why; the other goes on, and knows why as well', () => {
  const world = new World(5);
  const [end, later] = [70 * MINUTE, 80 * MINUTE];
  const a = world.host({ ...A, keys: keys(end, later) });
  const b = world.host({ ...B, keys: keys(end) });
  meet(world, a, b);
  world.clock.runUntil(9 * MINUTE);
  const when = '2026-01-01 01:10:00 UTC';
  assert.ok(a.snapshot().problems.includes(`10.10.10.2 (${b.identity.peerId}) knows no key after ${when}`));
  assert.ok(
    b
      .snapshot()
      .problems.includes(`10.10.10.1 (${a.identity.peerId}) has keys for after ${when}, this machine has none`),
  );
  const warned = () => b.notables.filter((text) => text.startsWith('the last key ends'));
  assert.equal(warned().length, 0);
  for (const [at, words] of [
    [10 * MINUTE, 'within an hour'],
    [60 * MINUTE, 'within ten minutes'],
    [69 * MINUTE, 'within a minute'],
  ] as const) {
    const before = warned().length;
    world.clock.runUntil(at - 1);
    assert.equal(warned().length, before);
    world.clock.runUntil(at);
    assert.match(warned().at(-1) ?? '', new RegExp(`${when}, ${words}`));
  }
  assert.match(b.snapshot().problems.join(), /its last key ends at 2026-01-01 01:10:00 UTC/);

  world.clock.runUntil(end - 1);
  assert.deepEqual([a.snapshot().state, b.snapshot().state], ['running', 'running']);
  assert.ok(a.isConnectedTo(b));
  world.clock.runUntil(end + SECOND);
  assert.deepEqual([a.snapshot().state, b.snapshot().state], ['running', 'key-expired']);
  assert.match(b.snapshot().problems.join(), /its last key ended at/);
  assert.equal(a.peer(b)?.lastError, `it knows no key after ${when}`);
  b.send(BROADCAST, 'nobody hears this');
  world.clock.runUntil(end + MINUTE);
  assert.equal(a.frames.length, 0);

  b.input({ kind: 'keys', keys: keys(end, later) });
  assert.equal(b.snapshot().state, 'running');
  world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), 10 * SECOND, 'it goes on at once');
  world.clock.runUntil(world.clock.now + SECOND);
  assert.deepEqual(
    a.snapshot().problems.filter((text) => text.includes('10.10.10.2')),
    [],
  );
});

for (const when of ['while it runs', 'before it starts'] as const)
  test(`a network whose last key ended ${when} sends a relay nothing, and uses it again when there is another key`, () => {
    const world = new World(8);
    world.wire.sharesLan = () => false;
    const relay = world.relay({ ip: '203.0.113.1' });
    if (when === 'before it starts') world.clock.runUntil(2 * MINUTE);
    const end = when === 'while it runs' ? 2 * MINUTE : MINUTE;
    const a = world.host({ ...A, forwardOnly: true, keys: keys(end, Number.POSITIVE_INFINITY) });
    const b = world.host({ ...B, forwardOnly: true, keys: keys(end) });
    for (const host of [a, b]) host.useRelay(relay);
    if (when === 'while it runs') meet(world, a, b);
    world.clock.runUntil(2 * MINUTE + 30 * SECOND);
    assert.equal(b.snapshot().state, 'key-expired');

    b.moveTo('192.0.2.3');
    world.clock.runUntil(5 * MINUTE);
    const others = [a.endpoint, relay.udp];
    assert.deepEqual(
      world.sent.filter(({ from, at }) => at > end + SECOND && !others.includes(from)),
      [],
    );
    assert.deepEqual(
      [a, b].map((host) => host.snapshot().relays[0]?.state),
      ['connected', 'connecting'],
    );

    b.input({ kind: 'keys', keys: keys(end, Number.POSITIVE_INFINITY) });
    world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), 2 * MINUTE, 'they meet at the relay');
    assert.equal(b.snapshot().relays[0]?.id, Buffer.from(relay.publicKey).toString('hex'));
  });

test('another next key is said long before its time; when it comes, they part, and the old session ends', () => {
  const world = new World(6);
  const end = 20 * MINUTE;
  const mine = keys(end, Number.POSITIVE_INFINITY);
  const other = [...keys(end), keyEntry(SECRETS, new Uint8Array(32).fill(77), Number.POSITIVE_INFINITY)];
  const a = world.host({ ...A, keys: mine });
  const b = world.host({ ...B, keys: other });
  meet(world, a, b);
  world.clock.runUntil(MINUTE);
  for (const host of [a, b])
    assert.match(host.snapshot().problems.join(), /has another key than this machine from 2026-01-01 00:20:00 UTC on/);
  world.clock.runUntil(end - SECOND);
  // The last session under the old key began at T - 180 s at the earliest, and lives for 180 s.
  assert.ok(a.isConnectedTo(b), 'they part when the key ends, not when one of them moves on');
  world.clock.runUntil(end + 2 * MINUTE + SECOND);
  assert.ok(!a.isConnectedTo(b) && !b.isConnectedTo(a));
  world.clock.runUntil(end + 4 * MINUTE);
  assert.match(a.peer(b)?.lastError ?? '', /the keys differ/);
});

test('keys are wiped two minutes after their end, but not by a clock that was just set', () => {
  const world = new World(7);
  const end = 5 * MINUTE;
  const queue = keys(end, Number.POSITIVE_INFINITY);
  const a = world.host({ ...A, keys: queue });
  a.setWall(60 * MINUTE);
  world.clock.runUntil(30 * SECOND);
  a.setWall(0);
  world.clock.runUntil(end + 2 * MINUTE - SECOND);
  assert.deepEqual(a.wiped, []);
  assert.ok(queue[0]?.psk.some((byte) => byte !== 0));
  world.clock.runUntil(end + 2 * MINUTE + SECOND);
  assert.deepEqual(a.wiped, [EPOCH + end]);
  assert.ok(
    queue[0]?.psk.every((byte) => byte === 0),
    'it is overwritten',
  );
  assert.ok(queue[1]?.psk.some((byte) => byte !== 0));
});

test('a network whose keys have all ended begins standing still, and answers nobody', () => {
  const world = new World(8);
  const a = world.host({ ...A, keys: keys(-MINUTE) });
  const b = world.host({ ...B, keys: keys(Number.POSITIVE_INFINITY) });
  const c = world.host({ ip: '192.0.2.3', overlay: '10.10.10.3', keys: [] });
  world.clock.runUntil(MINUTE);
  assert.deepEqual(
    [a.snapshot().state, b.snapshot().state, c.snapshot().state],
    ['key-expired', 'running', 'key-expired'],
  );
  assert.deepEqual(
    world.sent.filter(({ from }) => from === a.endpoint || from === c.endpoint),
    [],
  );
});
