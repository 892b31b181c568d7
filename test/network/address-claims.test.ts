/** Overlay addresses that several members claim, and frames that claim another's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeIp } from '../../src/core/ip.js';
import { HELD_WHILE_AWAY } from '../../src/network/standing.js';
import type { SimHost } from '../sim/host.js';
import { World } from '../sim/world.js';

const MINUTE = 60_000;
const A = { ip: '192.0.2.1', overlay: '10.10.10.1' };
const B = { ip: '192.0.2.2', overlay: '10.10.10.2' };
const C = { ip: '192.0.2.3', overlay: '10.10.10.3' };
const RIVAL = { ip: '192.0.2.4', overlay: '10.10.10.2' };

function meeting(seed: number) {
  const world = new World(seed);
  const [a, b, c] = [world.host(A), world.host(B), world.host(C)];
  world.clock.runUntilTrue(() => [a, b, c].every((host) => host.isConnectedTo(a, b, c)), MINUTE, 'they meet');
  return { world, a, b, c };
}

const v4 = (ip: string) => encodeIp(ip).subarray(12);

/** A gratuitous ARP by which `from` says that `ip` is its own. */
function announcement(from: SimHost, ip: string): Uint8Array {
  const mac = from.device.config.mac;
  const head = [...Array<number>(6).fill(0xff), ...mac, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2];
  return Uint8Array.from([...head, ...mac, ...v4(ip), ...Array<number>(6).fill(0xff), ...v4(ip)]);
}

/** What arrives at `to` of the announcements that `from` makes, by address. */
function believed(world: World, from: SimHost, to: SimHost, ...ips: readonly string[]): string[] {
  return ips.filter((ip) => {
    const before = to.frames.length;
    from.device.sendFrame(announcement(from, ip));
    world.clock.runUntil(world.clock.now + 100);
    return to.frames.length > before;
  });
}

test("a member's frames claim its own address and such as nobody holds, and no other", () => {
  const { world, a, b, c } = meeting(1);
  const all = ['10.10.10.1', '10.10.10.2', '10.10.10.3', '10.10.10.9', '0.0.0.0'];
  assert.deepEqual(believed(world, b, a, ...all), ['10.10.10.2', '10.10.10.9', '0.0.0.0']);
  assert.deepEqual(believed(world, c, b, ...all), ['10.10.10.3', '10.10.10.9', '0.0.0.0']);
  assert.equal(a.device.stats().drops['address-of-another'], 4, 'two of b, two of c');
});

test('of two that claim an address the one that was known first holds it, and that is shown', () => {
  const { world, a, b, c } = meeting(2);
  world.clock.runUntil(world.clock.now + 2 * MINUTE);
  const rival = world.host(RIVAL);
  world.clock.runUntilTrue(() => rival.isConnectedTo(a, b, c) && a.isConnectedTo(rival), MINUTE, 'the rival comes');
  for (const host of [a, c]) {
    assert.deepEqual([host.peer(b)?.held, host.peer(rival)?.held], [['10.10.10.2'], []]);
    assert.deepEqual(believed(world, b, host, '10.10.10.2'), ['10.10.10.2']);
    assert.deepEqual(believed(world, rival, host, '10.10.10.2', '10.10.10.8'), ['10.10.10.8']);
    const says = `address 10.10.10.2 is claimed by 10.10.10.2 (${b.identity.peerId}) and 10.10.10.2 (${rival.identity.peerId}); 10.10.10.2 (${b.identity.peerId}) holds it`;
    assert.deepEqual(host.snapshot().problems, [says]);
  }
  assert.match(b.snapshot().problems.join(), /; this machine holds it$/);
  assert.deepEqual(believed(world, rival, b, '10.10.10.2'), []);

  a.input({ kind: 'accept', id: rival.identity.peerId });
  assert.deepEqual([a.peer(b)?.held, a.peer(rival)?.held], [[], ['10.10.10.2']]);
  assert.deepEqual(believed(world, rival, a, '10.10.10.2'), ['10.10.10.2']);
  assert.deepEqual(believed(world, b, a, '10.10.10.2'), []);
});

test('an address passes on when its holder says goodbye or stays away, and comes back with it', () => {
  const { world, a, b, c } = meeting(3);
  world.clock.runUntil(world.clock.now + 2 * MINUTE);
  const rival = world.host(RIVAL);
  world.clock.runUntilTrue(() => a.isConnectedTo(rival), MINUTE, 'the rival comes');
  b.moveTo();
  world.clock.runUntilTrue(() => !a.isConnectedTo(b), 5 * MINUTE, 'b is missed');
  assert.deepEqual(a.peer(rival)?.held, [], 'it may be back in a moment');
  world.clock.runUntil(world.clock.now + HELD_WHILE_AWAY);
  assert.deepEqual([a.peer(b)?.held, a.peer(rival)?.held], [[], ['10.10.10.2']]);
  assert.ok(a.notables.some((text) => text.startsWith(`10.10.10.2 was ${b.identity.peerId}, is`)));
  b.moveTo(B.ip);
  world.clock.runUntilTrue(() => a.isConnectedTo(b), 5 * MINUTE, 'b is back');
  assert.deepEqual([a.peer(b)?.held, a.peer(rival)?.held], [['10.10.10.2'], []]);
  b.input({ kind: 'leave' });
  world.clock.runUntilTrue(() => !a.isConnectedTo(b), MINUTE, 'b leaves');
  assert.deepEqual([a.peer(b)?.held, a.peer(rival)?.held], [[], ['10.10.10.2']]);
  assert.ok(c.isConnectedTo(a));
});

test('two that come at once: all who see both agree on one', () => {
  for (const seed of [4, 5, 6, 7]) {
    const world = new World(seed);
    const hosts = [world.host(A), world.host(B), world.host(C), world.host(RIVAL)];
    const [a, b, c, rival] = hosts;
    assert.ok(a !== undefined && b !== undefined && c !== undefined && rival !== undefined);
    world.clock.runUntilTrue(() => hosts.every((host) => host.isConnectedTo(...hosts)), MINUTE, 'they meet');
    const holder = b.identity.peerId < rival.identity.peerId ? b : rival;
    for (const host of [a, c]) assert.deepEqual(host.peer(holder)?.held, ['10.10.10.2'], `seed ${seed}`);
  }
});

test('who is blocked holds nothing', () => {
  const { world, a, b } = meeting(8);
  world.clock.runUntil(world.clock.now + 2 * MINUTE);
  const rival = world.host(RIVAL);
  world.clock.runUntilTrue(() => a.isConnectedTo(rival), MINUTE, 'the rival comes');
  a.input({ kind: 'block', ids: [b.identity.peerId] });
  assert.deepEqual([a.peer(b)?.held, a.peer(rival)?.held], [[], ['10.10.10.2']]);
});

test('who is remembered as the holder is it after a restart, also if the other one is met first', () => {
  const { world, a, b } = meeting(9);
  world.clock.runUntil(world.clock.now + 2 * MINUTE);
  const { master, acquaintances, remembered } = a;
  a.kill();
  b.moveTo();
  const rival = world.host(RIVAL);
  const again = world.host({ ...A, master, acquaintances, remembered, bootCounter: 2 });
  world.clock.runUntilTrue(() => again.isConnectedTo(rival), MINUTE, 'the rival is met');
  assert.deepEqual([again.peer(b)?.held, again.peer(rival)?.held], [['10.10.10.2'], []]);
});
