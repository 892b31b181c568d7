/** Machines that no multicast joins and that nobody introduced: they meet in a DHT with nothing but the hash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dhtAt, dhtSays, servesDht } from './harness/dht.js';
import type { Host } from './harness/host.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed, waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CLEO = '10.10.10.3';
const DORA = '10.10.10.4';
const EMIL = '10.10.10.5';

test('three members meet by DHT alone', (t) =>
  onRoutedSubnets(['ada', 'bob', 'cleo', 'dht'], async ({ ada, bob, cleo, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob, cleo]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await firstPing(t, cleo, hash, CLEO, ADA);
    for (const [host, others] of [
      [ada, [BOB, CLEO]],
      [bob, [ADA, CLEO]],
      [cleo, [ADA, BOB]],
    ] as const)
      for (const other of others) {
        await host.meets(hash, other);
        await host.pings(other);
      }
    const { path } = await ada.member(hash, BOB);
    assert.equal(path, 'direct');
    const sources = await Promise.all([ada.member(hash, BOB), bob.member(hash, ADA)]);
    assert.ok(
      sources.some(({ source }) => source === 'dht'),
      'ada and bob, who had nobody to gossip with, met in the DHT',
    );
  }));

test('two that start at once meet as soon as when one waits for the other', (t) =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    const bobs = bob.joins(hash, BOB);
    await firstPing(t, ada, hash, ADA, BOB);
    await bobs;
    await bob.pings(ADA);
  }));

test("status and debug say how the DHT fares, in words, and debug holds nobody's secrets", () =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const [hash, key] = [freshHash(), 'a second secret of some length'];
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA, '-key', key, '-name', 'ada-lovelace');
    await bob.joins(hash, BOB, '-key', key);
    await ada.pings(BOB);
    const words = /^\d+ nodes?, announced \d+ s ago, 1 member found$/;
    await dhtSays(ada, hash, words);

    const status = await ada.p2p('status');
    assert.match(status.stderr, /^p2p: p2p-[a-z2-7]{26}: .*; DHT: \d+ nodes?, announced \d+ s ago, 1 member found; /m);
    const json = (await ada.p2p('status', '--json')).json() as { networks: { dht: string }[] };
    assert.match(json.networks[0]?.dht ?? '', words);

    const { id } = await ada.network(hash);
    const text = await ada.mustP2p('debug');
    assert.match(text, /^DHT process: +running$/m);
    assert.match(text, /^DHT: +\d+ nodes?, announced/m);
    assert.match(
      await dht.mustP2p('debug'),
      new RegExp(`^DHT process: +running, DHT of its own at ${dhtAt(dht)}$`, 'm'),
    );
    const debug = await ada.mustP2p('debug', '--json');
    assert.match((JSON.parse(debug) as { networks: { dht: string }[] }).networks[0]?.dht ?? '', words);
    for (const output of [text, debug]) {
      assert.ok(output.includes(id) && output.includes(bob.addresses.ipv4), 'it is about this network');
      for (const secret of secretsOf(hash, key)) assert.equal(output.includes(secret), false, secret);
    }
  }));

test('a member that starts after all DHT nodes were restarted still meets the others', (t) =>
  onRoutedSubnets(['ada', 'bob', 'cleo', 'dora', 'dht'], async ({ ada, bob, cleo, dora, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob, cleo, dora]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    for (const [host, ip] of [
      [ada, ADA],
      [bob, BOB],
      [cleo, CLEO],
    ] as const)
      await host.joins(hash, ip);
    await Promise.all([ada.meets(hash, BOB), bob.meets(hash, CLEO), cleo.meets(hash, ADA)]);

    await dht.killDaemon('SIGKILL');
    await servesDht(dht);
    await dora.joins(hash, DORA);
    const { ms } = await timed(() => dora.meets(hash, ADA, 240));
    t.diagnostic(`after a restart of all DHT nodes, from start to meeting: ${ms} ms`);
    for (const ip of [ADA, BOB, CLEO]) {
      await dora.meets(hash, ip);
      await dora.pings(ip);
    }
    // Not only gossip tells of them: each has noticed that the DHT forgot it, and has put itself there again.
    await dhtSays(dora, hash, /announced \d+ s ago, 3 members found/, 180_000);
  }));

test('a DHT gone for good parts nobody, and one -peer leads a newcomer to all', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo', 'emil', 'dht'], async ({ ada, bob, cleo, emil, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob, cleo, emil]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA, '-port', '4900');
    await bob.joins(hash, BOB);
    await cleo.joins(hash, CLEO);
    await Promise.all([ada.meets(hash, BOB), bob.meets(hash, CLEO), cleo.meets(hash, ADA)]);
    const since = await connectedFor(ada, hash, BOB);

    await dht.killDaemon('SIGKILL');
    await emil.joins(hash, EMIL, '-peer', `${ada.addresses.ipv4}:4900`);
    for (const [ip, host] of [
      [ADA, ada],
      [BOB, bob],
      [CLEO, cleo],
    ] as const) {
      await emil.meets(hash, ip);
      await emil.pings(ip);
      await host.pings(EMIL);
    }
    assert.match(
      (await emil.member(hash, BOB)).source,
      /^(gossip|incoming)$/,
      'whoever of the two heard first of the other',
    );
    assert.match((await emil.network(hash)).dht, /^0 nodes, not announced/);
    await dhtSays(ada, hash, /not announced: no DHT node answer/, 120_000);
    assert.ok((await connectedFor(ada, hash, BOB)) > since, 'ada and bob were never apart');
  }));

test('two that knew each other meet again after a restart of both, with no DHT node left', () =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const hash = freshHash();
    const args = ['--no-lan', '--dht', dhtAt(dht)];
    await servesDht(dht);
    for (const host of [ada, bob]) await host.daemon({ args });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await ada.pings(BOB);
    await waitFor('both to have noted each other', async () => {
      const noted = await Promise.all([ada, bob].map((host) => host.mustP2p('debug')));
      return noted.every((text) => /^last run: +1 member remembered$/m.test(text));
    });
    await dht.killDaemon('SIGKILL');
    for (const host of [ada, bob]) await host.killDaemon('SIGTERM');
    for (const host of [ada, bob]) await host.daemon({ args });
    await ada.pings(BOB);
    await bob.pings(ADA);
    assert.equal((await ada.member(hash, BOB)).source, 'remembered');
  }));

/** Types `start` on a host, and measures until `other` answers its ping. */
async function firstPing(
  t: { diagnostic(message: string): void },
  host: Host,
  hash: string,
  ip: string,
  other: string,
): Promise<void> {
  const { ms } = await timed(async () => {
    await host.mustP2p('start', '-hash', hash, '-ip', ip);
    await host.pings(other, '-W', '0.2');
  });
  t.diagnostic(`over the DHT alone, from start to the first answered ping: ${ms} ms`);
}

/** In ms; -1 if they aren't connected. */
async function connectedFor(host: Host, hash: string, ip: string): Promise<number> {
  return (await host.member(hash, ip)).connectedMs ?? -1;
}

function secretsOf(hash: string, key: string): string[] {
  return [hash, hash.slice(4), key, Buffer.from(hash).toString('hex'), Buffer.from(key).toString('base64')];
}
