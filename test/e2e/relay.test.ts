/**
 * Members whose only help is a relay: no DHT, no LAN, no -peer.
 *
 *     ada ── NAT or firewall ──┐              ┌── NAT or firewall ── bob
 *                              └── internet ──┘
 *                                     │
 *                                   relay
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { RELAY_SIDES, tryPairAtRelay } from './harness/meeting.js';
import type { Namespace } from './harness/namespace.js';
import { relayAt, relayInfo, servesRelay, usesPath } from './harness/relay.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { Transfer } from './harness/transfer.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const ALONE = ['--no-dht', '--no-lan'];

for (const [i, one] of RELAY_SIDES.entries()) {
  for (const two of RELAY_SIDES.slice(i)) {
    test(`${one} × ${two}: they meet at the relay`, async (t) => {
      const { pingMs, member } = await tryPairAtRelay(one, two);
      t.diagnostic(`from start to the first answered ping: ${pingMs} ms; path then: ${member.path} ${member.endpoint}`);
    });
  }
}

test('-fwd: not one datagram goes between the two members, from the start or when it is set', () =>
  onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }) => {
    await servesRelay(relay);
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon({ args: ['--no-dht'] });
    }
    const capture = await ada.capture('eth0');
    const other = [bob.addresses.ipv4, ada.addresses.ipv4];
    for (const [i, host] of [ada, bob].entries())
      await host.joins(
        hash,
        i === 0 ? ADA : BOB,
        '-relay',
        relayAt(relay),
        '-peer',
        `${other[i]}:4900`,
        '-port',
        '4900',
        '-fwd',
      );
    await bob.pings(ADA);
    await bob.must('ping', '-n', '-c', '20', '-i', '0.05', ADA);
    assert.equal((await ada.member(hash, BOB)).path, 'relay');
    const between = capture.frames.filter(({ frame }) => isBetween(frame, ada.addresses.ipv4, bob.addresses.ipv4));
    assert.deepEqual(between, []);
    const relayed = capture.datagrams.filter(({ to, from }) => [to, from].includes(relay.addresses.ipv4));
    assert.ok(relayed.length > 40, `${relayed.length} datagrams at the relay`);
    // Switched off it goes direct, and then there are some: the capture would show them.
    for (const host of [ada, bob]) await host.mustP2p('set', '-fwd', 'off');
    await usesPath(ada, hash, BOB, 'direct');
    await usesPath(bob, hash, ADA, 'direct');
    assert.ok(capture.frames.some(({ frame }) => isBetween(frame, ada.addresses.ipv4, bob.addresses.ipv4)));
    await capture.stop();
    // Switched on at run time it's the relay again, and kept.
    for (const host of [ada, bob]) await host.mustP2p('set', '-fwd', 'on');
    await usesPath(ada, hash, BOB, 'relay');
    await usesPath(bob, hash, ADA, 'relay');
    await bob.pings(ADA);
    const later = await ada.capture('eth0');
    await bob.must('ping', '-n', '-c', '20', '-i', '0.05', ADA);
    assert.deepEqual(
      later.frames.filter(({ frame }) => isBetween(frame, ada.addresses.ipv4, bob.addresses.ipv4)),
      [],
    );
    await waitFor('what was relayed', () => later.datagrams.length >= 40);
  }));

function isBetween(frame: string, a: string, b: string): boolean {
  const hex = (ip: string) =>
    ip
      .split('.')
      .map((n) => Number(n).toString(16).padStart(2, '0'))
      .join('');
  const [source, destination] = [frame.slice(52, 60), frame.slice(60, 68)];
  return frame.slice(24, 28) === '0800' && [source, destination].sort().join() === [hex(a), hex(b)].sort().join();
}

test('a ping every millisecond: relay to direct loses nothing, direct to relay takes less than three seconds', (t) =>
  onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }, middle) => {
    for (const host of [ada, bob]) await host.useIpv4Only();
    await servesRelay(relay);
    await cut(middle, ada, bob);
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: [...ALONE, '-relay', relayAt(relay)] });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await bob.pings(ADA);
    await usesPath(bob, hash, ADA, 'relay');
    const ping = bob.start('ping', '-n', '-D', '-i', '0.001', '-w', '120', ADA);
    await waitFor('answers', () => ping.stdout.split('\n').length > 1_000);
    await mend(middle);
    await usesPath(bob, hash, ADA, 'direct');
    await usesPath(ada, hash, BOB, 'direct');
    const answered = answers(ping.stdout).length;
    await waitFor('answers by the direct path', () => answers(ping.stdout).length > answered + 1_000);
    const before = answers(ping.stdout);
    assert.deepEqual(missing(before.map(({ sequence }) => sequence)), []);
    await cut(middle, ada, bob);
    await usesPath(bob, hash, ADA, 'relay');
    await waitFor('answers by the relay', () => answers(ping.stdout).length > before.length + 2_000);
    await ping.stop('SIGINT');
    const times = answers(ping.stdout).map(({ at }) => at);
    const gap = Math.max(...times.slice(1).map((at, i) => at - (times[i] ?? at)));
    t.diagnostic(
      `relay to direct: 0 of ${before.length} lost; direct to relay: ${Math.round(gap * 1000)} ms without an answer`,
    );
    assert.ok(gap < 10, `${gap} s without an answer`); // three seconds are for a machine that has time: test/sim/relay.test.ts
  }));

/** Nothing passes between two hosts. */
async function cut(middle: Namespace, a: Host, b: Host): Promise<void> {
  const pair = `{ ${a.addresses.ipv4}, ${b.addresses.ipv4} }`;
  const rules = `
    table ip p2pcut {
      chain forwarded {
        type filter hook forward priority filter
        ip saddr ${pair} ip daddr ${pair} drop
      }
    }
`;
  const { code, stderr } = await middle.run('nft', ['-f', '-'], { input: rules });
  assert.equal(code, 0, stderr);
}

async function mend(middle: Namespace): Promise<void> {
  await middle.run('nft', ['delete', 'table', 'ip', 'p2pcut']);
}

/** Answers of `ping -D`, in order. */
function answers(output: string): { readonly at: number; readonly sequence: number }[] {
  return [...output.matchAll(/^\[(\d+\.\d+)\].*icmp_seq=(\d+) ttl/gm)].map(([, at, sequence]) => ({
    at: Number(at),
    sequence: Number(sequence),
  }));
}

/** Numbers that lack between the first and the last but a few: those at the end are still under way. */
function missing(sequences: readonly number[]): number[] {
  const seen = new Set(sequences);
  const last = Math.max(...sequences) - 50;
  return Array.from({ length: last }, (_, i) => i + 1).filter((sequence) => !seen.has(sequence));
}

test('a relay killed in the middle of a transfer is survived by another', () =>
  onRoutedSubnets(['ada', 'bob', 'first', 'second'], async ({ ada, bob, first, second }) => {
    const relays = [first, second];
    for (const relay of relays) await servesRelay(relay);
    const hash = freshHash();
    const choose = relays.flatMap((relay) => ['-relay', relayAt(relay)]);
    for (const host of [ada, bob]) await host.daemon({ args: ALONE });
    await ada.joins(hash, ADA, ...choose, '-fwd');
    await bob.joins(hash, BOB, ...choose, '-fwd');
    await bob.pings(ADA);
    const connected = async (host: Host) =>
      (await host.network(hash)).relays.every(({ state }) => state === 'connected');
    await waitFor('both relays', async () => (await connected(ada)) && (await connected(bob)));
    const transfer = await Transfer.start(ada, bob, ADA, { mebibytes: 24, mebibytesPerSecond: 4 });
    await transfer.reaches(0.3);
    const used = (await ada.member(hash, BOB)).endpoint ?? '';
    const victim = used.includes(relayAt(first)) ? first : second;
    await victim.killDaemon('SIGKILL');
    await transfer.arrives();
    const survivor = victim === first ? second : first;
    assert.ok((await ada.member(hash, BOB)).endpoint?.includes(relayAt(survivor)));
  }));

test('a relay shows what it does; its key is pinned, another one is refused, loudly, until it is forgotten', () =>
  onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }) => {
    await servesRelay(relay);
    const { id } = await relayInfo(relay);
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ALONE });
    await ada.joins(hash, ADA, '-relay', relayAt(relay), '-fwd');
    await bob.joins(hash, BOB, '-relay', `${id}@${relayAt(relay)}`, '-fwd');
    await bob.pings(ADA);
    const shown = await ada.mustP2p('show', '-relays');
    assert.match(shown, new RegExp(`${relayAt(relay)} +${id} +udp +connected +.* +1 +20\\d\\d-`));
    const { clients, bytesForwarded } = await relayInfo(relay);
    assert.equal(clients.length, 2);
    assert.ok(bytesForwarded > 0);
    assert.match((await relay.p2p('status')).stderr, /relay here: 2 clients/);
    assert.match(await relay.mustP2p('debug'), new RegExp(`relay here: +UDP port 4910[^]*${ada.addresses.ipv4}`));
    // Somebody else answers at its address.
    await relay.killDaemon('SIGKILL');
    await relay.must('sh', '-c', `rm ${relay.directory}/state/relay-key`);
    await servesRelay(relay);
    assert.notEqual((await relayInfo(relay)).id, id);
    for (const host of [ada, bob]) {
      const problem = await waitFor('a loud refusal', async () =>
        (await host.network(hash)).problems.find((text) => text.includes('has the key')),
      );
      assert.match(problem, new RegExp(`not ${id}.*p2p set -forget-relay`));
    }
    assert.match(ada.daemonLog, /has the key/);
    assert.match((await ada.p2p('status')).stderr, /has the key/);
    assert.equal((await relayInfo(relay)).clients.length, 0);
    await ada.mustP2p('set', '-forget-relay', relayAt(relay));
    await waitFor('the new key is pinned', async () => (await relayInfo(relay)).clients.length === 1);
  }));
