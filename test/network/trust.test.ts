/** Peers that somebody blocks, and addresses that change hands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acquaintances } from '../../src/network/acquaintances.js';
import { admissionKey } from '../../src/network/secrets.js';
import { HELD_WHILE_AWAY } from '../../src/network/standing.js';
import { KIND } from '../../src/wire/envelope.js';
import { writeHello } from '../../src/wire/hello.js';
import type { SimHost } from '../sim/host.js';
import { BROADCAST, EPOCH, payloads, SECRETS, World } from '../sim/world.js';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const A = { ip: '192.0.2.1', overlay: '10.10.10.1' };
const B = { ip: '192.0.2.2', overlay: '10.10.10.2' };
const C = { ip: '192.0.2.3', overlay: '10.10.10.3' };

const block = (host: SimHost, ...others: readonly SimHost[]) =>
  host.input({ kind: 'block', ids: others.map(({ identity }) => identity.peerId) });

function threeThatMeet(seed: number) {
  const world = new World(seed);
  const [a, b, c] = [world.host(A), world.host(B), world.host(C)];
  world.clock.runUntilTrue(() => [a, b, c].every((host) => host.isConnectedTo(a, b, c)), MINUTE, 'they meet');
  return { world, a, b, c };
}

test('a blocked peer has no session at once, is told that it is refused, and all others go on', () => {
  const { world, a, b, c } = threeThatMeet(1);
  block(a, b);
  assert.equal(a.peer(b)?.state, 'blocked');
  b.send(BROADCAST, 'to whom it may concern');
  a.send(BROADCAST, 'to all but one');
  world.clock.runUntil(world.clock.now + 1_000);
  assert.deepEqual([payloads(a), payloads(b), payloads(c).length], [[], [], 2]);
  // It notices that nothing comes back, asks, and is told.
  world.clock.runUntilTrue(() => b.peer(a)?.state === 'refused', 5 * MINUTE, 'it is told');
  assert.equal(b.peer(a)?.lastError, 'it refuses this machine');
  assert.ok((a.snapshot().drops['peer-blocked'] ?? 0) > 0);
  world.clock.runUntil(world.clock.now + 10 * MINUTE);
  assert.equal(a.peer(b)?.state, 'blocked');
  assert.ok(c.isConnectedTo(a, b));

  block(a);
  world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), MINUTE, 'it is welcome again');
});

test('a blocked peer gets no answer to a hello, and none of what this machine does goes to it', () => {
  const world = new World(2);
  const b = world.host(B);
  const a = world.host({ ...A, blocked: [b.identity.peerId] });
  world.clock.runUntil(2 * MINUTE);
  const hello = writeHello(SECRETS.probeKey, admissionKey(SECRETS), world.random(24), b.identity.publicKey, 1n << 40n);
  world.carry(b, b.endpoint, a.endpoint, hello);
  world.clock.runUntil(3 * MINUTE);
  const toB = world.sent.filter(({ from, to }) => from === a.endpoint && to === b.endpoint);
  assert.ok(toB.length > 0, 'it is told why');
  assert.ok(toB.every(({ datagram }) => datagram[0] === KIND.notice));
  assert.equal(b.peer(a)?.state, 'refused');
});

test('another identity at an address that somebody had is shown until it is accepted, also over restarts', () => {
  const { world, a, b, c } = threeThatMeet(3);
  assert.equal(a.peer(b)?.knownSince !== null, true);
  assert.deepEqual(a.snapshot().problems, []);
  b.kill();
  world.clock.runUntilTrue(() => !a.isConnectedTo(b) && !c.isConnectedTo(b), 5 * MINUTE, 'they notice');
  const d = world.host({ ...B, ip: '192.0.2.4' });
  world.clock.runUntilTrue(() => a.isConnectedTo(d) && c.isConnectedTo(d), MINUTE, 'another comes');
  assert.deepEqual([a.peer(b)?.held, a.peer(d)?.held], [['10.10.10.2'], []], 'the first may come back');
  world.clock.runUntil(world.clock.now + HELD_WHILE_AWAY);
  assert.deepEqual([a.peer(b)?.held, a.peer(d)?.held], [[], ['10.10.10.2']]);
  const says = new RegExp(
    `^10\\.10\\.10\\.2 was ${b.identity.peerId}, is ${d.identity.peerId} \\(10\\.10\\.10\\.2\\) since 2026-`,
  );
  const shown = (host: SimHost) => host.snapshot().problems.filter((text) => says.test(text)).length;
  assert.equal(shown(a), 1);
  assert.ok(a.notables.some((text) => says.test(text)));

  a.kill();
  const { master, options, acquaintances } = a;
  const again = world.host({ ...options, master, acquaintances, bootCounter: 2 });
  assert.equal(shown(again), 1);
  again.input({ kind: 'accept', id: d.identity.peerId });
  assert.equal(shown(again), 0);
  assert.equal(shown(c), 1, 'the others have to be told themselves');
});

const DEE = 'dddddddddddddddd';
const EVE = 'eeeeeeeeeeeeeeee';
const FAY = 'ffffffffffffffff';
const IP = '10.10.10.7';

/** A claimant by its id, connected unless something else is said. */
const claims = (peerId: string, is: 'here' | 'around' | 'away' = 'here') => ({
  record: { peerId, name: 'n' },
  isConnected: is === 'here',
  isAround: is !== 'away',
});

test('whom this machine knew first holds an address; who stays away lends it to the next', () => {
  const table = new Acquaintances([]);
  const holder = (at: number, ...claimants: readonly ReturnType<typeof claims>[]) => {
    const { holder, news } = table.decide(EPOCH + at, IP, claimants);
    return [holder?.record.peerId, news === null ? null : news.length];
  };
  assert.deepEqual(holder(0), [undefined, null], 'nobody claims it');
  assert.deepEqual(holder(0, claims(FAY, 'around')), [FAY, null], 'one that was never met, and is the only one');
  assert.deepEqual(holder(0, claims(FAY)), [FAY, 0], 'met');
  assert.deepEqual(holder(5 * MINUTE, claims(FAY), claims(EVE)), [FAY, null], 'two at once: that is a conflict');
  assert.deepEqual(holder(6 * MINUTE, claims(FAY, 'around'), claims(EVE)), [FAY, null], 'away for a moment');
  assert.deepEqual(holder(7 * MINUTE, claims(FAY, 'away'), claims(EVE)), [EVE, 1], 'away for long');
  assert.deepEqual(holder(8 * MINUTE, claims(EVE, 'away'), claims(DEE)), [DEE, 1]);
  assert.match(table.problems(EPOCH + 9 * MINUTE).join(), new RegExp(`${IP} was ${FAY}, is ${DEE}`));
  assert.deepEqual(holder(9 * MINUTE, claims(FAY), claims(DEE)), [FAY, 0], 'the first is back');
  assert.deepEqual(table.problems(EPOCH + 9 * MINUTE), []);
});

test('of two that come at once all members see the same one hold the address, whichever they met first', () => {
  for (const [first, second] of [[DEE, EVE] as const, [EVE, DEE] as const]) {
    const table = new Acquaintances([]);
    table.decide(EPOCH, IP, [claims(first), claims(second, 'around')]);
    assert.equal(table.decide(EPOCH + 50_000, IP, [claims(first), claims(second)]).holder?.record.peerId, DEE);
    assert.equal(table.decide(EPOCH + 10 * MINUTE, IP, [claims(first), claims(second)]).holder?.record.peerId, DEE);
    assert.deepEqual(table.problems(EPOCH + MINUTE), []);
  }
});

test('who is accepted holds what it claims, and a change is old after a week', () => {
  const table = new Acquaintances([]);
  const both = [claims(DEE), claims(EVE)];
  table.decide(EPOCH, IP, [claims(DEE)]);
  assert.equal(table.decide(EPOCH + DAY, IP, both).holder?.record.peerId, DEE);
  assert.ok(table.accept(EPOCH + DAY, { id: EVE, name: 'n' }, [IP]));
  assert.equal(table.decide(EPOCH + 2 * DAY, IP, both).holder?.record.peerId, EVE);
  assert.ok(!table.accept(EPOCH + 2 * DAY, { id: EVE, name: 'n' }, [IP]), 'nothing new');
  table.decide(EPOCH + 3 * DAY, IP, [claims(EVE, 'away'), claims(FAY)]);
  assert.equal(table.problems(EPOCH + 10 * DAY - 1).length, 1);
  assert.equal(table.problems(EPOCH + 10 * DAY).length, 0);
  assert.ok(table.accept(EPOCH, { id: FAY, name: 'n' }, []));
});

test('what is remembered is bounded', () => {
  const table = new Acquaintances([]);
  for (let i = 0; i < 2_000; i++) table.decide(EPOCH, `10.${i >> 8}.${i & 255}.1`, [claims(DEE)]);
  assert.equal(table.all().length, 1_024);
});
