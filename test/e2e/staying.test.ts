/** What happens to the underlay while TCP transfers run through the overlay, both ways: they go on, and nothing is lost. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Flow, flowsBetween } from './harness/flow.js';
import type { Host } from './harness/host.js';
import type { Namespace } from './harness/namespace.js';
import { behind, forgetMappings, leave } from './harness/nat.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import type { Program } from './harness/shell.js';
import { timed, waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = '4900';
/** How long the network is away where that's the point, in ms. */
const OUTAGE = 20_000;

test('an address on the LAN changes', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon();
    }
    await meet(hash, ada, bob);
    await surviving(t, ada, bob, async () => {
      await ada.namespace.ip(`address delete ${ada.addresses.ipv4}/24 dev eth0`, 'address add 192.0.2.77/24 dev eth0');
    });
  }));

test('a link is down for 20 s', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }, middle) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon();
    await meet(hash, ada, bob);
    await surviving(t, ada, bob, async () => {
      await middle.ip('link set ada down');
      await pause(OUTAGE);
      await middle.ip('link set ada up');
    });
  }));

test('something between two members is down for 20 s, and neither sees its own link go', (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }, middle) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan'] });
    await meet(hash, ada, bob);
    await surviving(t, ada, bob, async () => {
      await nft(middle, 'table inet outage { chain dark { type filter hook forward priority 0; policy drop; }; }');
      await pause(OUTAGE);
      await nft(middle, 'delete table inet outage');
    });
  }));

test('the default route goes for 20 s and comes back', (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon({ args: ['--no-lan'] });
    }
    await meet(hash, ada, bob);
    await surviving(t, ada, bob, async () => {
      await ada.namespace.ip('route delete default');
      await pause(OUTAGE);
      await ada.namespace.ip('route add default via 192.0.2.1');
    });
  }));

for (const talker of ['ada', 'bob'] as const)
  test(`a NAT gives its only mapping another port while ${talker === 'ada' ? 'the member behind it' : 'the other one'} sends`, (t) =>
    onRoutedSubnets(['router', 'bob'], async ({ router, bob }) => {
      const hash = freshHash();
      const ada = await behind(router, 'random', 'ada');
      try {
        await bob.useIpv4Only();
        for (const host of [ada, bob]) await host.daemon({ args: ['--no-lan'] });
        await meet(hash, ada, bob);
        const before = (await bob.member(hash, ADA)).endpoint;
        const flow = talker === 'ada' ? await Flow.start(ada, bob, BOB) : await Flow.start(bob, ada, ADA);
        await pause(3_000);
        await forgetMappings(router);
        await waitFor('bob to have the new endpoint', async () => (await bob.member(hash, ADA)).endpoint !== before);
        await pause(3_000);
        t.diagnostic(`longest pause of the transfer: ${await flow.end()} ms`);
        assert.equal((await bob.member(hash, ADA)).state, 'connected');
      } finally {
        await leave(ada);
      }
    }));

async function nft(namespace: Namespace, rules: string): Promise<void> {
  const { code, stderr } = await namespace.run('nft', ['-f', '-'], { input: rules });
  assert.equal(code, 0, stderr);
}

async function meet(hash: string, ada: Host, bob: Host): Promise<void> {
  await bob.joins(hash, BOB, '-port', PORT);
  await ada.joins(hash, ADA, '-port', PORT, '-peer', `${bob.addresses.ipv4}:${PORT}`);
  await ada.meets(hash, BOB);
  await ada.pings(BOB);
  await bob.meets(hash, ADA);
}

/** Says how long nothing got through after `happens` was over; the transfers end with what they were given. */
async function surviving(t: TestContext, ada: Host, bob: Host, happens: () => Promise<void>): Promise<void> {
  const flows = await flowsBetween(ada, ADA, bob, BOB);
  const pinging = ada.start('ping', '-n', '-i', '0.1', BOB);
  await waitFor('the first answers', () => pinging.stdout.includes('icmp_seq=20 '));
  await happens();
  const back = await untilAnswered(pinging);
  t.diagnostic(`from the network's return to an answered ping: ${back} ms`);
  const pauses = await Promise.all(flows.map((flow) => flow.end()));
  t.diagnostic(`longest pauses of the transfers: ${pauses.join(' and ')} ms`);
}

/** In ms, until a ping that's sent from now on is answered. */
async function untilAnswered(pinging: Program): Promise<number> {
  const seen = pinging.stdout.length;
  const { ms } = await timed(() => waitFor('answers again', () => pinging.stdout.slice(seen).includes('bytes from')));
  return ms;
}
