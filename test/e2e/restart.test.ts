/** Daemons that end, in every way, and what's there afterwards. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed, waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';

test('a daemon killed with -9 comes back with its networks, and its peers reconnect', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const [first, second] = [freshHash(), freshHash()];
    for (const host of [ada, bob]) await host.daemon();
    const before = await ada.joins(first, ADA);
    await ada.joins(second, '10.20.20.1', '-dev', 'spare', '-mtu', '1300');
    await bob.joins(first, BOB);
    await ada.meets(first, BOB);

    await ada.killDaemon('SIGKILL');
    assert.equal(existsSync(ada.socket), true, 'a stale socket file lies there');
    await ada.daemon();
    const { ms } = await timed(async () => ada.pings(BOB));
    t.diagnostic(`from the daemon's return to an answered ping: ${ms} ms`);
    await ada.meets(first, BOB);
    await bob.meets(first, ADA);

    const after = await ada.network(first);
    for (const field of ['device', 'mac', 'port', 'peerId', 'addresses'] as const)
      assert.deepEqual(after[field], before[field], `${field} is the same as before`);
    const spare = await ada.network(second);
    assert.deepEqual([spare.device, spare.mtu], ['spare', 1300]);
  }));

test('kills at any moment of a start lose no network that was there', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon();
    await ada.joins(hash, ADA);
    for (let round = 0; round < 5; round++) {
      const starting = ada.p2p('start', '-hash', freshHash(), '-ip', `10.20.2${round}.1`);
      const killed = ada.killDaemon('SIGKILL');
      await Promise.all([starting, killed]);
      await ada.daemon();
      assert.equal((await ada.network(hash)).state, 'running');
    }
  }));

test('peers by -peer reconnect after a kill on either side', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['-no-lan'] });
    await bob.joins(hash, BOB, '-port', '4900');
    await ada.joins(hash, ADA, '-peer', `${bob.addresses.ipv4}:4900`);
    await ada.pings(BOB);
    for (const [host, ip] of [
      [ada, BOB],
      [bob, ADA],
    ] as const) {
      await host.killDaemon('SIGKILL');
      await host.daemon({ args: ['-no-lan'] });
      await host.pings(ip);
      await host.meets(hash, ip);
    }
  }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} leaves no device and no socket file`, () =>
    onLan(['ada', 'bob'], async ({ ada, bob }) => {
      const hash = freshHash();
      for (const host of [ada, bob]) await host.daemon();
      const { device } = await ada.joins(hash, ADA);
      await bob.joins(hash, BOB);
      await bob.meets(hash, ADA);
      assert.equal((await ada.interfaces()).includes(device), true);
      assert.equal(await ada.killDaemon(signal), 0);
      assert.deepEqual((await ada.interfaces()).sort(), ['eth0', 'lo']);
      assert.equal(existsSync(ada.socket), false);
      await waitFor('bob to notice', async () => (await bob.p2p('show', '-check', ADA, '-hash', hash)).code === 12);
      await ada.daemon();
      await ada.meets(hash, BOB);
    }));
}

test('a second daemon on the same socket is refused, and the first goes on', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon();
    await ada.joins(hash, ADA);
    const second = await ada.launchDaemon('.');
    assert.notEqual(await second.end(), 0);
    assert.match(second.log, /already|another/i);
    assert.ok(second.log.includes(ada.socket), second.log);
    assert.equal((await ada.network(hash)).state, 'running');
  }));

test('after stop nothing comes back', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon();
    const { device } = await ada.joins(hash, ADA);
    await ada.mustP2p('stop', '-hash', hash);
    assert.equal((await ada.interfaces()).includes(device), false);
    assert.equal((await ada.p2p('show', '-hash', hash)).code, 15);
    await ada.killDaemon('SIGKILL');
    await ada.daemon();
    assert.deepEqual(await ada.status(), []);
    assert.deepEqual((await ada.interfaces()).sort(), ['eth0', 'lo']);
    assert.equal((await ada.p2p('stop', '-hash', hash)).code, 15);
    await ada.joins(hash, ADA, '-dev', device);
  }));
