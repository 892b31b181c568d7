/** Which DHT, or none: per machine, per network, and what becomes of values that lead nowhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DHT_PORT, dhtAt, dhtProcess, dhtSays, servesDht } from './harness/dht.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const ANNOUNCED = /announced \d+ s ago/;

test('a DHT for one network, none for another, and two networks in two DHTs', () =>
  onRoutedSubnets(['ada', 'bob', 'dht', 'other'], async ({ ada, bob, dht, other }) => {
    const [first, second, third] = [freshHash(), freshHash(), freshHash()];
    await servesDht(dht);
    await servesDht(other, 50_000);
    for (const host of [ada, bob]) {
      await host.daemon({ args: ['--dht', dhtAt(dht)] });
      const n = host === ada ? 1 : 2;
      await host.joins(first, `10.10.10.${n}`);
      await host.joins(second, `10.20.20.${n}`, '-dht', dhtAt(other, 50_000));
      await host.joins(third, `10.30.30.${n}`, '-no-dht');
    }
    await ada.pings(BOB);
    await ada.pings('10.20.20.2');
    for (const hash of [first, second]) await dhtSays(ada, hash, ANNOUNCED);
    assert.equal((await ada.network(third)).dht, 'off');

    // Each of the two lives by its own DHT alone: with the one gone, the other goes on.
    await dht.killDaemon('SIGKILL');
    for (const host of [ada, bob]) {
      await host.killDaemon('SIGTERM');
      await host.daemon({ args: ['--dht', dhtAt(dht)] });
    }
    await dhtSays(ada, second, /announced \d+ s ago, 1 member found/);
    await dhtSays(ada, first, /^0 nodes, not announced/);
    assert.equal((await ada.network(third)).dht, 'off');
    assert.deepEqual((await ada.network(third)).peers, []);
  }));

test('--no-dht on the daemon: its networks are in none, unless they name one', () =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const [hash, spare] = [freshHash(), freshHash()];
    await servesDht(dht);
    await ada.daemon({ args: ['--no-dht'] });
    await bob.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(spare, '10.20.20.1');
    assert.equal((await ada.network(spare)).dht, 'off');
    await ada.joins(hash, ADA, '-dht', dhtAt(dht));
    await bob.joins(hash, BOB);
    await ada.pings(BOB);
    assert.equal((await ada.network(spare)).dht, 'off');
  }));

test('--no-dht needs no DHT process at all', () =>
  onRoutedSubnets(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon({ args: ['--no-dht'] });
    await ada.joins(hash, ADA);
    assert.equal(await dhtProcess(ada), 'not needed');
    assert.match((await ada.p2p('status')).stderr, /DHT: off; /);
  }));

test('a machine that is a DHT of its own meets others there', () =>
  onRoutedSubnets(['ada', 'dht'], async ({ ada, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await dht.joins(hash, BOB);
    await ada.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await ada.pings(BOB);
  }));

test('the public DHT is not asked where that is forbidden, as in every test, and -peer works all the same', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    const capture = await ada.capture('eth0');
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan', '--no-port-mapping'] });
    await bob.joins(hash, BOB, '-port', '4900');
    await ada.joins(hash, ADA, '-peer', `${bob.addresses.ipv4}:4900`);
    await dhtSays(ada, hash, /P2P_NO_PUBLIC_DHT is set: the public DHT is left alone/);
    await ada.pings(BOB);
    const targets = new Set(capture.datagrams.filter(({ out }) => out).map(({ to }) => to));
    assert.deepEqual([...targets], [bob.addresses.ipv4], 'no datagram went anywhere else');
  }));

const BAD = [
  ['empty', ''],
  ['without a port', '192.0.2.10'],
  ['IPv6', '[2001:db8:3::10]:49737'],
  ['IPv6 without brackets', '2001:db8:3::10:49737'],
  ['with a port out of range', '192.0.2.10:65536'],
  ['with an empty member', '192.0.2.10:49737,,198.51.100.10:49737'],
  ['of too many nodes', Array.from({ length: 17 }, (_, i) => `192.0.2.${i + 1}:49737`).join(',')],
] as const;

test('a -dht value that can lead nowhere is refused, and said what was expected', () =>
  onRoutedSubnets(['ada'], async ({ ada }) => {
    await ada.daemon({ args: ['--no-dht'] });
    for (const [what, value] of BAD) {
      const start = await ada.p2p('start', '-hash', freshHash(), '-ip', ADA, `-dht=${value}`);
      assert.equal(start.code, 2, `${what}: ${start.stdout}${start.stderr}`);
      assert.match(start.stderr, /expected|needs/, what);
      const daemon = await ada.launchDaemon(`bad-${what.replaceAll(' ', '-')}`, { args: [`--dht=${value}`] });
      assert.ok([2, 11].includes(await daemon.end()), `${what}: ${daemon.log}`);
      assert.match(daemon.log, /expected|needs/, what);
    }
    assert.deepEqual(await ada.status(), []);
  }));

const NOWHERE = [
  ['a name that nobody knows', 'nobody.example:49737', "nobody.example can't be resolved"],
  ['a name that has only IPv6', 'only-ipv6.example:49737', 'only-ipv6.example has no IPv4 address'],
  ['a port where nobody listens', `203.0.113.10:${DHT_PORT}`, 'no DHT node answers at 203.0.113.10'],
  ['an address that nobody has', `203.0.113.40:${DHT_PORT}`, 'no DHT node answers at 203.0.113.40'],
] as const;

test('DHT nodes that cannot be reached cost the DHT, and nothing else', () =>
  onRoutedSubnets(['ada', 'bob', 'empty'], async ({ ada, bob }) => {
    await bob.daemon({ args: ['--no-dht'] });
    const hosts = '127.0.0.1 localhost\n2001:db8:3::10 only-ipv6.example\n';
    await ada.daemon({ args: ['--no-lan', '--dht', NOWHERE[0][1]], hosts });
    const hashes = NOWHERE.map(([, value]) => [freshHash(), value] as const);
    for (const [i, [hash, value]] of hashes.entries()) {
      const port = String(4_900 + i);
      await bob.joins(hash, `10.${i}.10.2`, '-port', port);
      await ada.joins(hash, `10.${i}.10.1`, '-dht', value, '-peer', `${bob.addresses.ipv4}:${port}`);
    }
    for (const [i, [what, , words]] of NOWHERE.entries()) {
      await ada.pings(`10.${i}.10.2`);
      const state = await dhtSays(ada, hashes[i]?.[0] ?? '', /^0 nodes, not announced: \S/, 90_000);
      assert.ok(state.includes(words), `${what}: ${state}`);
    }
    assert.equal(await dhtProcess(ada), 'running');
    await waitFor('status to answer', async () => (await ada.p2p('status')).code === 0);
  }));
