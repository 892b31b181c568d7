/** A network with a `-key`: who has another key, or none, never connects, and both sides say why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';

test('another key never connects and both sides say why; the right one connects', () =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    for (const host of [ada, bob, cleo]) await host.daemon();
    await ada.joins(hash, ADA, '-key', 'the right key');
    await bob.joins(hash, BOB, '-key', 'a wrong key');
    await cleo.joins(hash, '10.10.10.3', '-key', 'the right key');

    await cleo.meets(hash, ADA);
    await cleo.pings(ADA);
    await bothSayWhy(ada, bob);
    await apart(ada, bob, hash);

    await bob.mustP2p('stop', '-hash', hash);
    await bob.joins(hash, BOB, '-key', 'the right key');
    await bob.meets(hash, ADA);
    await bob.pings(ADA);
    await ada.meets(hash, BOB);
    assert.equal(lastError(await ada.mustP2p('status'), BOB), '-');
  }));

test('with and without a key never connect', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['-no-lan'] });
    await ada.joins(hash, ADA, '-port', '4900', '-key', 'some key');
    await bob.joins(hash, BOB, '-peer', `${ada.addresses.ipv4}:4900`);
    await bothSayWhy(ada, bob);
    await apart(ada, bob, hash);
  }));

async function bothSayWhy(ada: Host, bob: Host): Promise<void> {
  for (const [host, ip] of [
    [ada, BOB],
    [bob, ADA],
  ] as const) {
    await waitFor(`${host.name}'s status to say that the keys differ`, async () => {
      const text = await host.mustP2p('status');
      if (/\bkeys?\b/i.test(lastError(text, ip))) return true;
      throw new Error(text);
    });
  }
}

async function apart(ada: Host, bob: Host, hash: string): Promise<void> {
  for (const [host, ip] of [
    [ada, BOB],
    [bob, ADA],
  ] as const) {
    assert.equal((await host.p2p('show', '-check', ip, '-hash', hash)).code, 12);
    assert.notEqual((await host.run('ping', '-n', '-c', '1', '-W', '1', ip)).code, 0);
    const { state, path } = await host.member(hash, ip);
    assert.deepEqual([state, path], ['refused', 'none']);
  }
}

/** The last field of the status line of the member with that address. */
function lastError(status: string, ip: string): string {
  const line = status.split('\n').find((text) => text.split('|')[1]?.split('/')[0] === ip);
  return line?.split('|').slice(7).join('|') ?? `no line for ${ip}`;
}
