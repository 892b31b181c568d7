/** A DHT whose nodes and users lie, dawdle and read along; clocks that are wrong; two machines with one identity. */
import assert from 'node:assert/strict';
import { cpSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dayOf } from '../../src/core/days.js';
import { openRecord } from '../../src/discovery/dht/sealed-record.js';
import { shiftedClock } from './harness/clock.js';
import {
  dhtAt,
  dhtSays,
  floodsTopic,
  joinsSlowly,
  lookIntoDht,
  rendezvousSecrets,
  servesDht,
  topicsOf,
} from './harness/dht.js';
import type { Host } from './harness/host.js';
import { PYTHON } from './harness/places.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CLEO = '10.10.10.3';

test('what lies in the DHT is one length, and nothing in it can be read', () =>
  onRoutedSubnets(['ada', 'bob', 'eve', 'dht'], async ({ ada, bob, eve, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA, '-name', 'lovelace');
    await bob.joins(hash, '10.10.10.200', '-name', 'b');
    await ada.pings('10.10.10.200');
    const topics = await topicsOf(hash);
    const stored = await waitFor('both records', async () => {
      const found = await lookIntoDht(eve, dhtAt(dht), topics);
      return found.length === 2 && found.every(({ value }) => value !== null) && found;
    });

    assert.deepEqual(new Set(stored.map(({ topic }) => topic)), new Set([topics[1]]), 'under the topic of today alone');
    const values = stored.map(({ value }) => Buffer.from(value ?? '', 'hex'));
    assert.deepEqual(
      values.map(({ length }) => length),
      [941, 941],
    );
    const { mac, port, id, peerId } = await ada.network(hash);
    const traces: [string, Buffer][] = [
      ['hash', Buffer.from(hash.slice(4))],
      ['name', Buffer.from('lovelace')],
      ['overlay address', ipBytes(ADA)],
      ['endpoint', Buffer.concat([ipBytes(ada.addresses.ipv4), Buffer.of(port >> 8, port & 0xff)])],
      ['underlay address', ipBytes(ada.addresses.ipv4)],
      ['MAC', Buffer.from(mac.replaceAll(':', ''), 'hex')],
      ['network id', Buffer.from(id, 'hex')],
      ['peer id', Buffer.from(peerId, 'hex')],
    ];
    const everything = [...values, ...stored.map(({ key, topic }) => Buffer.from(key + topic, 'hex'))];
    for (const [what, bytes] of traces) {
      assert.equal(bytes.length >= 4, true, `${what} is long enough not to be there by chance`);
      for (const seen of everything) assert.equal(seen.includes(bytes), false, what);
    }

    // The same look at what a member reads there, so that it's known to find what it looks for.
    const secrets = await rendezvousSecrets(hash);
    const opened = stored.map(({ key, value }) =>
      openRecord(secrets, dayOf(Date.now()), Buffer.from(key, 'hex'), Buffer.from(value ?? '', 'hex')),
    );
    const plain = Buffer.concat(opened.map((record) => record ?? Buffer.of()));
    for (const what of ['name', 'overlay address', 'endpoint', 'MAC'])
      assert.ok(plain.includes(new Map(traces).get(what) ?? 'nothing'), `a member reads the ${what}`);
  }));

test('forged records under the topic are dropped and counted, and members meet among them', () =>
  onRoutedSubnets(['ada', 'bob', 'eve', 'dht'], async ({ ada, bob, eve, dht }) => {
    const hash = freshHash();
    const [, today] = await topicsOf(hash);
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await dhtSays(ada, hash, /announced/);
    await floodsTopic(eve, dhtAt(dht), 20, today);
    await bob.joins(hash, BOB);
    await bob.pings(ADA);
    const state = await dhtSays(bob, hash, /, ([2-9]\d|\d{3,}) foreign records dropped$/);
    assert.match(state, /announced \d+ s ago, 1 member found/);
    const { peers, state: network } = await bob.network(hash);
    assert.deepEqual([peers.length, network], [1, 'running'], 'nobody was made up');
  }));

test('DHT nodes that answer late, never or with garbage keep nobody apart', (t) =>
  onRoutedSubnets(['ada', 'bob', 'slow', 'garbage', 'mute', 'dht'], async (hosts) => {
    const { ada, bob, slow, garbage, mute, dht } = hosts;
    const hash = freshHash();
    await servesDht(dht);
    const late = await joinsSlowly(slow, dhtAt(dht), 1_500);
    await answersGarbage(garbage);
    const nodes = [dhtAt(mute), dhtAt(garbage), late, dhtAt(dht)].join(',');
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', nodes] });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    const before = performance.now();
    await ada.pings(BOB);
    t.diagnostic(`with one DHT node late, one mute, one talking garbage: ${Math.round(performance.now() - before)} ms`);
    await dhtSays(ada, hash, /announced/);
  }));

for (const [which, shift] of [
  ['ahead', '+1d'],
  ['behind', '-1d'],
] as const) {
  test(`a clock a day ${which} keeps nobody apart, and status says so`, () =>
    onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
      const hash = freshHash();
      await servesDht(dht);
      await ada.daemon({ args: ['--no-lan', '--dht', dhtAt(dht)] });
      await bob.daemon({ args: ['--no-lan', '--dht', dhtAt(dht)], env: shiftedClock(shift) });
      await ada.joins(hash, ADA);
      await bob.joins(hash, BOB);
      await ada.pings(BOB);
      await bob.pings(ADA);
      await someoneSays([ada, bob], /one of the clocks is a day off/);
    }));
}

test('a machine whose clock starts at 1970 says that the DHT needs a clock, and meets others otherwise', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo', 'dht'], async ({ ada, bob, cleo, dht }) => {
    const hash = freshHash();
    const args = ['--no-lan', '--dht', dhtAt(dht)];
    await servesDht(dht);
    for (const host of [ada, cleo]) await host.daemon({ args });
    await bob.daemon({ args, env: shiftedClock('@1970-01-01 00:00:10') });
    await ada.joins(hash, ADA, '-port', '4900');
    await cleo.joins(hash, CLEO);
    await ada.meets(hash, CLEO);
    await bob.joins(hash, BOB, '-peer', `${ada.addresses.ipv4}:4900`);
    for (const ip of [ADA, CLEO]) {
      await bob.meets(hash, ip);
      await bob.pings(ip);
    }
    await someoneSays(
      [bob],
      /this machine's clock says 1970-01-01: members can't be found over the DHT until it's right/,
    );
  }));

test('a machine and its copy: the original says that there are two, and how to mend it', () =>
  withCopy(async ({ ada, copy, dht }, hash) => {
    await saysThatThereAreTwo(ada, hash);
    assert.equal((await ada.p2p('status', '--check')).code, 9);

    // Mended as it was told.
    await copy.killDaemon('SIGTERM');
    await copy.must('rm', '-r', join(copy.directory, 'state'));
    await copy.daemon({ args: ['--no-lan', '--dht', dhtAt(dht)] });
    await copy.joins(hash, CLEO);
    await copy.pings(BOB);
    await copy.pings(ADA);
    await ada.pings(BOB);
  }));

test('a machine and its copy: the copy says it as well', () =>
  withCopy(async ({ copy }, hash) => {
    await saysThatThereAreTwo(copy, hash);
  }));

type Cast = Readonly<Record<'ada' | 'copy' | 'bob' | 'dht', Host>>;

/** ada and bob have met in the DHT; then a machine starts that was cloned from ada. */
function withCopy(play: (hosts: Cast, hash: string) => Promise<void>): Promise<void> {
  return onRoutedSubnets(['ada', 'copy', 'bob', 'dht'], async (hosts) => {
    const { ada, copy, bob, dht } = hosts;
    const hash = freshHash();
    const args = ['--no-lan', '--dht', dhtAt(dht)];
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await ada.pings(BOB);
    await dhtSays(ada, hash, /announced/);
    const isNoSocket = (path: string) => !statSync(path).isSocket();
    cpSync(join(ada.directory, 'state'), join(copy.directory, 'state'), { recursive: true, filter: isNoSocket });
    await copy.daemon({ args });
    assert.equal((await copy.network(hash)).peerId, (await ada.network(hash)).peerId);
    await play(hosts, hash);
  });
}

async function saysThatThereAreTwo(host: Host, hash: string): Promise<void> {
  const { peerId } = await host.network(hash);
  await someoneSays(
    [host],
    new RegExp(`two machines have the identity ${peerId} .*: on one of them stop the daemon and delete`),
  );
}

function someoneSays(hosts: readonly Host[], expected: RegExp): Promise<true> {
  return waitFor(`status of one to say ${expected}`, async () => {
    const said = await Promise.all(hosts.map(async (host) => (await host.p2p('status')).stderr));
    if (!said.some((text) => expected.test(text))) throw new Error(said.join(''));
    return true;
  });
}

async function answersGarbage(host: Host): Promise<void> {
  const program = host.start(
    PYTHON,
    '-c',
    'import os, socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(("", 49737))\nprint("ready", flush=True)\n' +
      'while True:\n  data, sender = s.recvfrom(2000)\n  s.sendto(b"\\x13\\x04" + data[2:4] + os.urandom(60), sender)\n',
  );
  await waitFor('garbage to be served', () => program.stdout === 'ready\n');
}

function ipBytes(ip: string): Buffer {
  return Buffer.from(ip.split('.').map(Number));
}
