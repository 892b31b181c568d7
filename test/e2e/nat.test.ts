/**
 * Members behind NATs that keep strangers out, and no server but a DHT: they meet by punching holes from the data socket.
 *
 *     ada ── router of ada ──┐              ┌── router of bob ── bob
 *     198.51.100.202         └── internet ──┘         198.51.100.202
 *                                   │
 *                                  dht
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dhtAt, servesDht } from './harness/dht.js';
import type { Host } from './harness/host.js';
import { behind, leave, type Nat } from './harness/nat.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PAIRS: readonly (readonly [Nat, Nat])[] = [
  ['none', 'masquerade'],
  ['none', 'random'],
  ['masquerade', 'masquerade'],
];

for (const [one, two] of PAIRS) {
  test(`NAT ${one} × ${two}: direct, by DHT alone`, (t) =>
    onRoutedSubnets(['left', 'right', 'dht'], async ({ left, right, dht }) => {
      await servesDht(dht);
      const [ada, bob] = [await behind(left, one, 'ada'), await behind(right, two, 'bob')];
      try {
        await meetDirectly(t, ada, bob, dhtAt(dht));
      } finally {
        for (const host of [ada, bob]) await leave(host);
      }
    }));
}

async function meetDirectly(t: TestContext, ada: Host, bob: Host, dht: string): Promise<void> {
  const hash = freshHash();
  for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dht, '--no-lan'] });
  await ada.joins(hash, ADA);
  const { ms } = await timed(async () => {
    await bob.joins(hash, BOB);
    await bob.pings(ADA);
  });
  t.diagnostic(`from start to the first answered ping: ${ms} ms`);
  assert.equal((await ada.member(hash, BOB)).path, 'direct');
}
