/** The daemon's datagrams are marked, so that rules can tell them from everything else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = '4900';
const DEV = 'mesh';

test('the overlay may carry the default route: the underlay stays off it by its mark, as the manual has it', (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = await joined(ada, bob, '');
    await ada.namespace.ip(
      `route add default via ${BOB} dev ${DEV} table 4146`,
      'rule add not fwmark 0x1032 table 4146',
      'rule add table main suppress_prefixlength 0',
    );
    assert.match(await ada.must('ip', 'route', 'get', '203.0.113.99'), new RegExp(`dev ${DEV}`));
    assert.match(await ada.must('ip', 'route', 'get', bob.addresses.ipv4), new RegExp(`dev ${DEV}`));
    const { ms } = await timed(() => ada.pings(BOB));
    t.diagnostic(`a ping after ${ms} ms`);
    // A session that begins anew needs handshakes to get through as well.
    await bob.killDaemon('SIGKILL');
    await bob.daemon({ args: ['-no-lan'] });
    await ada.pings(BOB);
    await ada.meets(hash, BOB);
  }));

test('fwmark in the configuration is the mark that is used', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    for (const host of [ada, bob])
      await host.must(
        'nft',
        `table inet only { chain out { type filter hook output priority 0; udp sport ${PORT} meta mark != 0x51 drop; }; }`,
      );
    await joined(ada, bob, 'fwmark: 0x51');
    await ada.pings(BOB);
  }));

async function joined(ada: Host, bob: Host, config: string): Promise<string> {
  const hash = freshHash();
  for (const host of [ada, bob]) {
    await host.useIpv4Only();
    await host.daemon({ args: ['-no-lan'], config });
    const other = host === ada ? bob : ada;
    const peer = `${other.addresses.ipv4}:${PORT}`;
    await host.joins(hash, host === ada ? ADA : BOB, '-dev', DEV, '-port', PORT, '-peer', peer);
  }
  await ada.meets(hash, BOB);
  await bob.meets(hash, ADA);
  return hash;
}
