/** Machines that no multicast joins: one contact each is enough, gossip does the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';

const PORT = '4900';

test('a chain of -peer becomes a mesh', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    for (const host of [ada, bob, cleo]) await host.daemon({ args: ['--no-lan'] });
    await cleo.joins(hash, '10.10.10.3', '-port', PORT);
    await bob.joins(hash, '10.10.10.2', '-port', PORT, '-peer', `${cleo.addresses.ipv4}:${PORT}`);
    await ada.joins(hash, '10.10.10.1', '-port', PORT, '-peer', `${bob.addresses.ipv4}:${PORT}`);

    await ada.meets(hash, '10.10.10.3');
    await cleo.meets(hash, '10.10.10.1');
    await ada.pings('10.10.10.3');
    await cleo.pings('10.10.10.2');
    const { path, endpoint, source } = await ada.member(hash, '10.10.10.3');
    assert.equal(path, 'direct');
    assert.match(
      source,
      /^(gossip|incoming)$/,
      'nobody named it; whoever of the two heard first of the other greeted it',
    );
    const expected = [`${cleo.addresses.ipv4}:${PORT}`, `[${cleo.addresses.ipv6}]:${PORT}`];
    assert.ok(expected.includes(endpoint ?? ''), `expected an endpoint of cleo, got ${endpoint}`);

    await bob.killDaemon('SIGKILL');
    await ada.pings('10.10.10.3');
  }));

test('a -peer over IPv6, with the id that it must have', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan'] });
    const { peerId } = await bob.joins(hash, '10.10.10.2', '-port', PORT);
    await ada.joins(hash, '10.10.10.1', '-peer', `${peerId}@[${bob.addresses.ipv6}]:${PORT}`);
    await ada.meets(hash, '10.10.10.2');
    await ada.pings('10.10.10.2');
  }));

test('a -peer with another id than the one named is not taken', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    for (const host of [ada, bob, cleo]) await host.daemon({ args: ['--no-lan'] });
    await bob.joins(hash, '10.10.10.2', '-port', PORT);
    const wrong = `0123456789abcdef@${bob.addresses.ipv4}:${PORT}`;
    const started = await ada.p2p('start', '-hash', hash, '-ip', '10.10.10.1', '-peer', wrong);
    assert.equal(started.code, 0, started.stderr);
    // cleo, who names no id, is through before the check.
    await cleo.joins(hash, '10.10.10.3', '-peer', `${bob.addresses.ipv4}:${PORT}`);
    await cleo.meets(hash, '10.10.10.2');
    assert.equal((await ada.p2p('show', '-check', '10.10.10.2', '-hash', hash)).code, 12);
    const { unanswered } = await ada.network(hash);
    assert.deepEqual(
      unanswered.map(({ name }) => name),
      [wrong],
    );
  }));
