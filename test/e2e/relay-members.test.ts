/** Two members behind NATs that no direct path leads through, and a third at a public address that offers its relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { behind, leave } from './harness/nat.js';
import { relayAt, relayInfo, servesRelay, usesPath } from './harness/relay.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CAROL = '10.10.10.3';
const PORT = 4900;

test('two members behind random NATs meet at the relay that a third member offers', () =>
  onRoutedSubnets(['left', 'right', 'carol'], async ({ left, right, carol }) => {
    await servesRelay(carol, '--relay-offer');
    const { id } = await relayInfo(carol);
    const hash = freshHash();
    await carol.joins(hash, CAROL, '-port', `${PORT}`, '-name', 'carol');
    const [ada, bob] = [await behind(left, 'random', 'ada'), await behind(right, 'random', 'bob')];
    try {
      for (const host of [ada, bob]) await host.daemon({ args: ['--no-dht', '--no-lan', '-relay', 'members'] });
      const peer = ['-peer', `${carol.addresses.ipv4}:${PORT}`];
      await ada.joins(hash, ADA, ...peer);
      await bob.joins(hash, BOB, ...peer);
      await bob.pings(ADA);
      await usesPath(bob, hash, ADA, 'relay');
      const shown = await ada.mustP2p('show', '-relays');
      assert.match(shown, new RegExp(`${relayAt(carol)} +${id} +udp +connected .* offered by carol`));
      // Carol no longer offers it, though it's still there for those who name it.
      await carol.killDaemon('SIGTERM');
      await servesRelay(carol);
      await waitFor('the relay of carol is given up', async () => (await ada.network(hash)).relays.length === 0);
    } finally {
      for (const host of [ada, bob]) await leave(host);
    }
  }));
