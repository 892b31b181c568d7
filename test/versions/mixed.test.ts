/**
 * A daemon of another version and one of this, on a LAN and through relays of either. P2P_OTHER is the folder of the other's build;
 * `make try-versions` makes it. What daemons are asked, they're asked by their own command: only the wire is common.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedHash } from '../../src/network/secrets.js';
import type { Host } from '../e2e/harness/host.js';
import { relayAt } from '../e2e/harness/relay.js';
import { onLan, onRoutedSubnets } from '../e2e/harness/scene.js';
import { freshHash } from '../e2e/harness/secrets.js';
import { waitFor } from '../e2e/harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** How long the first of two keys lasts, in s. Daemons move on to the second within it. */
const FIRST_KEY = 40;

const other = process.env['P2P_OTHER'];
if (other === undefined) throw new Error('P2P_OTHER: expected the folder of another build; make try-versions sets it');
const OTHER = { p2p: join(other, 'bin/p2p') };
const THIS = {};
const key = (n: number) => generatedHash(new Uint8Array(16).fill(n));

test('on a LAN they meet, ping, know each other by name, and meet again after a restart of either', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    await ada.daemon({ args: ['--no-dht'], ...OTHER });
    await bob.daemon({ args: ['--no-dht'], ...THIS });
    await ada.mustP2p('start', '-hash', hash, '-ip', ADA, '-name', 'ada');
    await bob.mustP2p('start', '-hash', hash, '-ip', BOB, '-name', 'bob');
    await bothWays(ada, bob, hash);
    await ada.mustP2p('ping', 'bob', '-c', '1', '--timeout', '10');
    await bob.mustP2p('ping', 'ada', '-c', '1', '--timeout', '10');
    assert.equal(await pathOf(bob, hash, ADA), 'lan');

    for (const [host, version] of [
      [ada, OTHER],
      [bob, THIS],
    ] as const) {
      await host.killDaemon('SIGKILL');
      await host.daemon({ args: ['--no-dht'], ...version });
      await bothWays(ada, bob, hash);
    }
  }));

test('one becomes the other, as in an upgrade: its networks come back, and it is the same member', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    await ada.daemon({ args: ['--no-dht'], ...OTHER });
    await bob.daemon({ args: ['--no-dht'], ...THIS });
    for (const [host, ip] of [
      [ada, ADA],
      [bob, BOB],
    ] as const)
      await host.mustP2p('start', '-hash', hash, '-ip', ip);
    await bothWays(ada, bob, hash);
    const before = await idOf(bob, hash, ADA);
    assert.equal(await ada.killDaemon('SIGTERM'), 0);
    await ada.daemon({ args: ['--no-dht'], ...THIS });
    await bothWays(ada, bob, hash);
    assert.equal(await idOf(bob, hash, ADA), before);
  }));

test('they move from one key to the next, and not one ping is lost', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    await ada.daemon({ args: ['--no-dht'], ...OTHER });
    await bob.daemon({ args: ['--no-dht'], ...THIS });
    const until = Math.ceil(Date.now() / 1000) + FIRST_KEY;
    const queue = ['-key', key(1), '-ttl', String(until), '-key', key(2)];
    await ada.mustP2p('start', '-hash', hash, '-ip', ADA, ...queue);
    await bob.mustP2p('start', '-hash', hash, '-ip', BOB, ...queue);
    await bothWays(ada, bob, hash);
    const pings = ada.start('ping', '-n', '-i', '0.005', '-W', '5', BOB);
    await waitFor('the end of the first key', () => Date.now() / 1000 > until + 2, (FIRST_KEY + 30) * 1_000);
    await pings.stop('SIGINT');
    const answered = [...pings.stdout.matchAll(/icmp_seq=(\d+) /g)].map(([, sequence]) => Number(sequence));
    t.diagnostic(`${answered.length} answers`);
    assert.ok(answered.length > 1_000, pings.stdout.slice(-500));
    // What was on its way when ping was ended counts for nothing.
    const missing = Array.from({ length: Math.max(...answered) }, (_, i) => i + 1).filter((n) => !answered.includes(n));
    assert.deepEqual(missing, []);
    await bothWays(ada, bob, hash);
  }));

for (const [of, version] of [
  ['the other version', OTHER],
  ['this version', THIS],
] as const) {
  test(`through a relay of ${of} they meet, and meet again when it comes back`, () =>
    onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }) => {
      const hash = freshHash();
      const serve = () => relay.daemon({ args: ['--relay', '--no-dht', '--no-lan'], ...version });
      await serve();
      const args = ['--no-dht', '--no-lan', '-relay', relayAt(relay)];
      await ada.daemon({ args, ...OTHER });
      await bob.daemon({ args, ...THIS });
      await ada.mustP2p('start', '-hash', hash, '-ip', ADA, '-fwd');
      await bob.mustP2p('start', '-hash', hash, '-ip', BOB, '-fwd');
      await bothWays(ada, bob, hash);
      for (const [host, ip] of [
        [ada, BOB],
        [bob, ADA],
      ] as const)
        assert.equal(await pathOf(host, hash, ip), 'relay');
      await relay.killDaemon('SIGKILL');
      await serve();
      await bothWays(ada, bob, hash);
    }));
}

/** Waits until each knows the other as connected, and pings get through either way. */
async function bothWays(ada: Host, bob: Host, hash: string): Promise<void> {
  await ada.meets(hash, BOB, 60);
  await bob.meets(hash, ADA, 60);
  await ada.pings(BOB);
  await bob.pings(ADA);
}

async function lineOf(host: Host, hash: string, ip: string) {
  const network = (await host.status()).find((network) => network.hash === hash);
  const peer = network?.peers.find((peer) => peer.ip.split(',').includes(ip));
  assert.ok(peer !== undefined, `${host.name} knows no ${ip}: ${JSON.stringify(network)}`);
  return peer;
}

const pathOf = async (host: Host, hash: string, ip: string) => (await lineOf(host, hash, ip)).path;
const idOf = async (host: Host, hash: string, ip: string) => (await lineOf(host, hash, ip)).id;
