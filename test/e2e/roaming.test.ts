/** A machine that changes its underlay address goes on talking, and one that dies is noticed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed, waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = '4900';

for (const asker of ['ada', 'bob'] as const) {
  test(`ada's address changes; ${asker} knew the other by -peer`, (t) =>
    onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
      const hash = freshHash();
      for (const host of [ada, bob]) {
        await host.useIpv4Only();
        await host.daemon({ args: ['-no-lan'] });
        const other = host === ada ? bob : ada;
        const peer = host.name === asker ? ['-peer', `${other.addresses.ipv4}:${PORT}`] : [];
        await host.joins(hash, host === ada ? ADA : BOB, '-port', PORT, ...peer);
      }
      await ada.pings(BOB);
      await bob.meets(hash, ADA);

      await ada.namespace.ip(
        `address delete ${ada.addresses.ipv4}/26 dev eth0`,
        'address add 192.0.2.33/26 dev eth0',
        'route replace default via 192.0.2.1',
      );
      const { ms } = await timed(() => bob.pings(ADA));
      t.diagnostic(`from the new address to an answered ping: ${ms} ms`);
      await ada.pings(BOB);
      await waitFor('bob to have the new endpoint', async () => {
        const { endpoint, state } = await bob.member(hash, ADA);
        return endpoint === `192.0.2.33:${PORT}` && state === 'connected';
      });
    }));
}

test('a host on a LAN gets another address while a transfer runs', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.daemon();
      await host.joins(hash, host === ada ? ADA : BOB);
    }
    await ada.meets(hash, BOB);
    await ada.pings(BOB);
    const pinging = ada.start('ping', '-n', '-i', '0.2', BOB);
    await waitFor('the first answers', () => pinging.stdout.includes('icmp_seq=3 '));
    await ada.namespace.ip(
      `address delete ${ada.addresses.ipv4}/24 dev eth0`,
      `address delete ${ada.addresses.ipv6}/64 dev eth0`,
      'address add 192.0.2.77/24 dev eth0',
    );
    const seen = pinging.stdout.length;
    const { ms } = await timed(() => waitFor('answers again', () => pinging.stdout.slice(seen).includes('bytes from')));
    t.diagnostic(`from the new address to the next answer: ${ms} ms`);
    await bob.meets(hash, ADA);
  }));

test('a member that dies without a word is shown as not connected', (t) =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    const ips = ['10.10.10.1', '10.10.10.2', '10.10.10.3'];
    for (const [index, host] of [ada, bob, cleo].entries()) {
      await host.daemon();
      await host.joins(hash, ips[index] ?? '');
    }
    for (const host of [bob, cleo]) await host.meets(hash, ADA);
    await bob.meets(hash, '10.10.10.3');
    await ada.killDaemon('SIGKILL');
    for (const host of [bob, cleo]) {
      const { ms } = await timed(() =>
        waitFor(
          `${host.name} to notice that ada is gone`,
          async () => (await host.p2p('show', '-check', ADA, '-hash', hash)).code === 12,
          90_000,
        ),
      );
      t.diagnostic(`${host.name} noticed after ${ms} ms`);
      const { state, path } = await host.member(hash, ADA);
      assert.notEqual(state, 'connected');
      assert.equal(path, 'none');
    }
    await bob.pings('10.10.10.3');
  }));
