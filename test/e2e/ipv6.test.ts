/** Machines that have no IPv4 on the underlay, and machines that have no IPv6 at all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const PORT = '4900';

test('an IPv6-only network: one -peer each, and gossip does the rest', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    for (const host of [ada, bob, cleo]) {
      await host.namespace.ip(`address delete ${host.addresses.ipv4}/26 dev eth0`);
      await host.daemon({ args: ['--no-lan'] });
    }
    const peer = (host: Host) => ['-port', PORT, '-peer', `[${host.addresses.ipv6}]:${PORT}`];
    await cleo.joins(hash, '10.10.10.3', '-port', PORT);
    await bob.joins(hash, '10.10.10.2', ...peer(cleo));
    await ada.joins(hash, '10.10.10.1', ...peer(bob));
    for (const [host, ip] of [
      [ada, '10.10.10.2'],
      [ada, '10.10.10.3'],
      [bob, '10.10.10.3'],
    ] as const) {
      await host.meets(hash, ip);
      await host.pings(ip);
      const { path, endpoint } = await host.member(hash, ip);
      assert.equal(path, 'direct');
      assert.match(endpoint ?? '', /^\[2001:db8:/);
    }
    assert.match((await ada.member(hash, '10.10.10.3')).source, /^(gossip|incoming)$/, 'never told of by hand');
  }));

test('with both, IPv6 is the way where it is no slower', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan'] });
    await bob.joins(hash, '10.10.10.2', '-port', PORT);
    await ada.joins(hash, '10.10.10.1', '-peer', `${bob.addresses.ipv4}:${PORT}`);
    await ada.meets(hash, '10.10.10.2');
    await waitFor('IPv6 to be the path in use', async () => {
      const { endpoint } = await ada.member(hash, '10.10.10.2');
      return endpoint === `[${bob.addresses.ipv6}]:${PORT}`;
    });
  }));

test('a machine without any IPv6 is a member like others', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    await ada.namespace.sysctl({ 'net/ipv6/conf/all/disable_ipv6': 1, 'net/ipv6/conf/default/disable_ipv6': 1 });
    for (const host of [ada, bob]) await host.daemon();
    await ada.joins(hash, '10.10.10.1');
    await bob.joins(hash, '10.10.10.2');
    await ada.meets(hash, '10.10.10.2');
    await ada.pings('10.10.10.2');
    const { path, endpoint } = await ada.member(hash, '10.10.10.2');
    assert.equal(path, 'lan');
    assert.match(endpoint ?? '', /^192\.0\.2\.2:/);
    assert.deepEqual((await ada.network(hash)).problems, []);
  }));

test('a machine without a default route says what it tried, and is found once it has one', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.useIpv4Only();
    await ada.namespace.ip('route delete default');
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan'] });
    const peer = `${bob.addresses.ipv4}:${PORT}`;
    await bob.joins(hash, '10.10.10.2', '-port', PORT);
    await ada.joins(hash, '10.10.10.1', '-peer', peer);
    await waitFor('ada to say that nobody answers', async () => {
      const { unanswered } = await ada.network(hash);
      return unanswered.some(({ name, lastError }) => name === peer && lastError === 'no answer');
    });
    await ada.namespace.ip('route add default via 192.0.2.1');
    await ada.meets(hash, '10.10.10.2');
    await ada.pings('10.10.10.2');
  }));
