/**
 * Members under loss, reordering, duplicates, partitions, moves and kills, from a seed. While it goes on: no frame is delivered that its
 * sender didn't send, no nonce is used twice. When it's over: everyone is connected with everyone within a minute.
 * A failure names its seed; SEED=n replays one.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { BROADCAST, payloads, type SimHost, World } from './world.js';

const MEMBERS = 6;
const CHAOS = 120_000;
const FIXED = [1, 2, 3, 4, 5];
const seeds =
  process.env['SEED'] === undefined
    ? [...FIXED, randomInt(2 ** 31), randomInt(2 ** 31)]
    : [Number(process.env['SEED'])];

for (const seed of seeds) {
  test(`chaos with SEED=${seed}`, () => {
    const world = new World(seed);
    const members = Array.from({ length: MEMBERS }, (_, i) =>
      world.host({ ip: `192.0.2.${i + 1}`, overlay: `10.10.10.${i + 1}` }),
    );
    Object.assign(world.wire, { jitter: 40, loss: 0.2, duplicates: 0.1 });
    const sentFrames = new Set<string>();
    for (let at = 0; at < CHAOS; at += 500) world.clock.at(at, () => speak(world, members, sentFrames));
    for (let at = 5_000; at < CHAOS; at += 10_000) world.clock.at(at, () => disturb(world, members, at));
    world.clock.runUntil(CHAOS);

    Object.assign(world.wire, { loss: 0, duplicates: 0, passes: () => true });
    const everyone = () => members.every((member) => member.isConnectedTo(...members));
    world.clock.runUntilTrue(everyone, 90_000, `SEED=${seed}: everyone is connected with everyone`);
    for (const member of members) {
      for (const payload of payloads(member))
        assert.ok(sentFrames.has(payload), `SEED=${seed}: ${payload} was never sent`);
    }
    assertNoNonceTwice(world, seed);
  });
}

function pick<T>(world: World, list: readonly T[]): T {
  const item = list[Math.floor(world.fraction() * list.length)];
  assert.ok(item !== undefined);
  return item;
}

function speak(world: World, members: readonly SimHost[], sentFrames: Set<string>): void {
  const [from, to] = [pick(world, members), pick(world, members)];
  const payload = `${world.clock.now} ${from.ip}`;
  sentFrames.add(payload);
  from.send(world.fraction() < 0.3 ? BROADCAST : to.device.config.mac, payload);
}

/** A partition, a move to another address, or a kill with a restart. */
function disturb(world: World, members: SimHost[], at: number): void {
  const kind = world.fraction();
  const victim = pick(world, members);
  if (kind < 0.4) {
    const left = new Set(members.filter(() => world.fraction() < 0.5));
    world.wire.passes = (from, to) => left.has(from) === left.has(to);
  } else if (kind < 0.7) {
    world.wire.passes = () => true;
    victim.moveTo(`198.51.100.${1 + (Math.floor(at / 10_000) % 250)}`);
  } else {
    victim.kill();
    const { remembered, master, options } = victim;
    const bootCounter = (options.bootCounter ?? 1) + 1;
    members[members.indexOf(victim)] = world.host({ ...options, ip: victim.ip, master, remembered, bootCounter });
  }
}

function assertNoNonceTwice(world: World, seed: number): void {
  const seen = new Map<string, string>();
  for (const { datagram } of world.sent) {
    if (datagram[0] !== 0x40 && datagram[0] !== 0x41) continue;
    const bytes = Buffer.from(datagram);
    const nonce = bytes.subarray(2, 16).toString('hex');
    const content = bytes.toString('hex');
    assert.equal(seen.get(nonce) ?? content, content, `SEED=${seed}: nonce ${nonce} sealed two datagrams`);
    seen.set(nonce, content);
  }
}
