/** Keys that follow each other: nothing is lost between them, and who has no next one stops and says so. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedHash } from '../../src/network/secrets.js';
import { shiftedClock } from './harness/clock.js';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** Of a member whose clock is wrong, by how much it's ahead, in s. */
const SKEW = 60;
/** Times that a ping is asked whether all is answered. */
const TRIES = 200;

const unixTime = () => Math.ceil(Date.now() / 1000);
const key = (n: number) => generatedHash(new Uint8Array(16).fill(n));
/** Keys that end at those moments, and one more if the last has no end. */
const flags = (...ends: readonly (number | null)[]) =>
  ends.flatMap((end, i) => (end === null ? ['-key', key(i)] : ['-key', key(i), '-ttl', String(end)]));

test('a ping every millisecond over three rotations, one clock a minute ahead, and a restart in the middle loses nothing', (t) =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    await ada.daemon();
    await bob.daemon({ env: shiftedClock(`+${SKEW}s`) });
    await cleo.daemon();
    // By ada's clock the first ends after bob has made all three turns by his.
    const first = unixTime() + SKEW + 25;
    const queue = flags(first, first + 12, first + 24, null);
    for (const [host, ip] of [
      [ada, ADA],
      [bob, BOB],
      [cleo, '10.10.10.3'],
    ] as const)
      await host.joins(hash, ip, ...queue);
    await ada.meets(hash, BOB);
    await cleo.meets(hash, BOB);
    await ada.pings(BOB);
    const before = await fingerprintInUse(bob, hash);

    const pings = ada.start('ping', '-n', '-q', '-i', '0.001', '-W', '5', BOB);
    const inUse = (host: Host, place: number) =>
      waitFor(
        `${host.name} to use key ${place + 1}`,
        async () => (await queueOf(host, hash))[place]?.state === 'in-use',
        150_000,
      );
    await inUse(bob, 1);
    await cleo.killDaemon('SIGKILL');
    await cleo.daemon();
    await cleo.meets(hash, BOB);
    await inUse(bob, 3);
    await cleo.meets(hash, ADA);
    await inUse(ada, 3);
    await waitFor('the time after the last turn', () => unixTime() > first + 26);
    const { sent, received } = await endOf(pings);
    t.diagnostic(`${sent} pings, ${received} answers`);
    assert.equal(received, sent);
    assert.ok(sent > 10_000, `${sent} pings are too few to say anything`);
    assert.notEqual(await fingerprintInUse(bob, hash), before);
    for (const host of [ada, bob]) assert.equal((await host.member(hash, '10.10.10.3')).state, 'connected');
  }));

test('a member with an old queue stops at the moment and says why, goes on as soon as it has the key, and wipes what is over', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon();
    const end = unixTime() + 20;
    await ada.joins(hash, ADA, ...flags(end, null));
    await bob.joins(hash, BOB, ...flags(end));
    await ada.meets(hash, BOB);
    await bob.pings(ADA);
    await says(ada, /\(.*\) knows no key after .* UTC/);
    await says(bob, /its last key ends at .* UTC; it stops then/);
    assert.match(bob.daemonLog, /the last key ends at .*, within a minute/);

    await waitFor('bob to stop', async () => (await bob.network(hash)).state === 'key-expired');
    assert.ok(Date.now() >= end * 1000, 'not before the moment');
    await says(bob, /its last key ended at .* UTC; it goes on as soon as/);
    await waitFor('ada to know why', async () =>
      /knows no key after/.test((await ada.member(hash, BOB)).lastError ?? ''),
    );
    assert.notEqual((await bob.run('ping', '-n', '-c', '1', '-W', '1', ADA)).code, 0);
    assert.equal((await bob.interfaces()).length, 3, 'its device is still there');

    await bob.mustP2p('set', '-hash', hash, '-key', key(1));
    await bob.meets(hash, ADA);
    await bob.pings(ADA);
    const { problems, state } = await bob.network(hash);
    assert.deepEqual([state, problems], ['running', []]);
    // A clock that's right beyond the two minutes, and for a minute: then the old key goes.
    await bob.killDaemon('SIGTERM');
    const secret = savedKeys(bob)[0];
    assert.equal(savedKeys(bob).length, 2);
    await bob.daemon({ env: shiftedClock('+180s') });
    await waitFor('the old key to be wiped', () => savedKeys(bob).length === 1, 120_000);
    assert.ok(!savedText(bob).includes(secret ?? 'a key'));
  }));

async function queueOf(host: Host, hash: string) {
  const { keys } = JSON.parse(await host.mustP2p('show', '-hash', hash, '-keys', '-json')) as {
    keys: { fingerprint: string; state: string }[];
  };
  return keys;
}

async function fingerprintInUse(host: Host, hash: string): Promise<string | undefined> {
  return (await queueOf(host, hash)).find(({ state }) => state === 'in-use')?.fingerprint;
}

function says(host: Host, expected: RegExp): Promise<true> {
  return waitFor(`status of ${host.name} to say ${expected}`, async () => {
    const { stderr } = await host.p2p('status');
    if (expected.test(stderr)) return true;
    throw new Error(stderr);
  });
}

/**
 * Ends a ping once it has had an answer to everything that it sent; what a ping waits for when it's ended, it counts as lost. Asked by SIGQUIT, it tells
 * how it stands (ping(8)): one that is lost is missing for ever.
 */
async function endOf(ping: ReturnType<Host['start']>): Promise<{ sent: number; received: number }> {
  const counts = () => {
    const [received, sent] = [...ping.stderr.matchAll(/(\d+)\/(\d+) packets/g)].at(-1)?.slice(1).map(Number) ?? [];
    return sent === undefined || received === undefined ? null : { sent, received };
  };
  let last = counts();
  for (let tries = 0; tries < TRIES && (last === null || last.received < last.sent); tries++) {
    const before = ping.stderr;
    ping.signal('SIGQUIT');
    await waitFor('ping to say how it stands', () => ping.stderr !== before);
    last = counts();
  }
  await ping.stop('SIGINT');
  if (last === null) throw new Error(ping.stdout + ping.stderr);
  return last;
}

function savedText(host: Host): string {
  const folder = join(host.directory, 'state', 'networks');
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

function savedKeys(host: Host): string[] {
  const { keys } = JSON.parse(savedText(host)) as { keys: { secret: string }[] };
  return keys.map(({ secret }) => secret);
}
