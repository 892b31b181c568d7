/** Two networks in one daemon: the same addresses in both, and nothing crosses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** Ping's filling, by which its packets are recognised. */
const FILL = { red: 'a1b2c3d4e5f60718', blue: '8f7e6d5c4b3a2918' } as const;

test('two networks with the same addresses on the same hosts stay apart', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hashes = { red: freshHash(), blue: freshHash() } as const;
    for (const host of [ada, bob]) {
      await host.daemon();
      for (const dev of ['red', 'blue'] as const) await host.joins(hashes[dev], host === ada ? ADA : BOB, '-dev', dev);
      await answerWhereAsked(host, 'red', 'blue');
    }
    for (const dev of ['red', 'blue'] as const) await ada.meets(hashes[dev], BOB);
    const captures = { red: await bob.capture('red'), blue: await bob.capture('blue') } as const;

    for (const dev of ['red', 'blue'] as const) {
      await ada.must('arping', '-c', '1', '-w', '10', '-I', dev, BOB);
      await ada.pings(BOB, '-I', dev, '-p', FILL[dev]);
    }
    const crossed = (dev: 'red' | 'blue', fill: string) =>
      captures[dev].frames.some(({ frame }) => frame.includes(fill));
    await waitFor('both pings in their captures', () => crossed('red', FILL.red) && crossed('blue', FILL.blue));
    assert.equal(crossed('red', FILL.blue), false);
    assert.equal(crossed('blue', FILL.red), false);

    const macs = { red: await ada.mac('red'), blue: await ada.mac('blue') } as const;
    assert.notEqual(macs.red, macs.blue);
    assert.equal(
      captures.red.frames.some(({ frame }) => frame.includes(macs.blue)),
      false,
    );
    assert.equal(
      captures.blue.frames.some(({ frame }) => frame.includes(macs.red)),
      false,
    );

    // Stopping one leaves the other.
    await ada.mustP2p('stop', '-hash', hashes.red);
    await ada.pings(BOB, '-I', 'blue');
    assert.equal((await ada.interfaces()).includes('red'), false);
  }));

test('hosts with different hashes on one LAN know nothing of each other', () =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const [mine, theirs] = [freshHash(), freshHash()];
    for (const host of [ada, bob, cleo]) await host.daemon();
    await ada.joins(mine, '10.10.10.1');
    await bob.joins(theirs, '10.10.10.2');
    await cleo.joins(theirs, '10.10.10.3');
    await cleo.meets(theirs, '10.10.10.2');
    assert.deepEqual((await ada.network(mine)).peers, []);
    assert.equal((await cleo.network(theirs)).peers.length, 1);
  }));

/** With one subnet on two devices Linux answers by whichever route is first; here the answer leaves where the question came in. */
async function answerWhereAsked(host: Host, ...devices: string[]): Promise<void> {
  await host.namespace.sysctl({ 'net/ipv4/fwmark_reflect': 1 });
  await host.must('nft', 'add table ip marks; add chain ip marks in { type filter hook prerouting priority mangle; }');
  for (const [index, device] of devices.entries()) {
    const mark = index + 1;
    await host.must('nft', `add rule ip marks in iifname ${device} meta mark set ${mark}`);
    await host.namespace.ip(
      `rule add fwmark ${mark} table ${100 + mark}`,
      `route add 10.10.10.0/24 dev ${device} table ${100 + mark}`,
    );
  }
}
