/** Paths of every size: measured, used, and noticed when they shrink under a transfer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import type { Namespace } from './harness/namespace.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { Transfer } from './harness/transfer.js';
import { timed, waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = '4900';
/** Long enough that something can be done to the way meanwhile. */
const LONG = { mebibytes: 32, mebibytesPerSecond: 8 };
const SHORT = { mebibytes: 8, mebibytesPerSecond: 1_000 };

test('an ordinary LAN is measured as one, and nothing that leaves may be fragmented', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    for (const host of [ada, bob]) await host.useIpv4Only();
    const capture = await ada.capture('eth0');
    const hash = await joined(ada, bob);
    await measures(ada, hash, BOB, 1_500);
    await measures(bob, hash, ADA, 1_500);
    const transfer = await Transfer.start(ada, bob, ADA, SHORT);
    await transfer.arrives();
    const sealed = capture.datagrams.filter(({ out, payload }) => out && (payload[0] ?? 0) >= 0x40);
    assert.ok(sealed.length > 0);
    const mayFragment = sealed.filter(({ frame }) => (Number.parseInt(frame.slice(40, 42), 16) & 0x40) === 0);
    assert.deepEqual(mayFragment, []);
    assert.match(await ada.mustP2p('show', '-hash', hash), / MTU .*\n.* 1500 /);
  }));

test('an underlay of 1,280 bytes: a transfer goes through', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    for (const host of [ada, bob]) await host.namespace.ip('link set eth0 mtu 1280');
    const hash = await joined(ada, bob);
    await measures(ada, hash, BOB, 1_280);
    const { ms } = await timed(async () => (await Transfer.start(ada, bob, ADA, SHORT)).arrives());
    t.diagnostic(`${SHORT.mebibytes} MiB in ${ms} ms`);
  }));

test('jumbo frames where the underlay has them', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }, middle) => {
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.namespace.ip('link set eth0 mtu 9000');
    }
    await middle.ip('link set ada mtu 9000', 'link set bob mtu 9000', 'link set br0 mtu 9000');
    const hash = await joined(ada, bob, '-mtu', '8900');
    await measures(ada, hash, BOB, 9_000);
    const capture = await ada.capture('eth0');
    await ada.pings(BOB, '-M', 'do', '-s', '8872');
    await waitFor('the ping in one datagram', () => capture.datagrams.some(({ payload }) => payload.length > 8_900));
    await (await Transfer.start(ada, bob, ADA, SHORT)).arrives();
  }));

test('a router whose far link is smaller', (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }, middle) => {
    await middle.ip('link set bob mtu 1300');
    await bob.namespace.ip('link set eth0 mtu 1300');
    await whole(ada, bob);
    const hash = await joinedByAddress(ada, bob);
    await measures(ada, hash, BOB, 1_280);
    await measures(bob, hash, ADA, 1_280);
    const { ms } = await timed(async () => (await Transfer.start(ada, bob, ADA, SHORT)).arrives());
    t.diagnostic(`${SHORT.mebibytes} MiB in ${ms} ms`);
  }));

test('a link that drops what is larger in silence, from the start', () =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }, middle) => {
    await whole(ada, bob);
    await swallow(middle, 1_400);
    const hash = await joinedByAddress(ada, bob);
    await measures(ada, hash, BOB, 1_400);
    await measures(bob, hash, ADA, 1_400);
    await (await Transfer.start(ada, bob, ADA, SHORT)).arrives();
  }));

test('a link that begins to drop what is larger, in silence, under a transfer', (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }, middle) => {
    await whole(ada, bob);
    const hash = await joinedByAddress(ada, bob);
    await measures(ada, hash, BOB, 1_500);
    const transfer = await Transfer.start(ada, bob, ADA, LONG);
    await transfer.reaches(0.25);
    await swallow(middle, 1_420);
    const { ms } = await timed(() => measures(ada, hash, BOB, 1_420));
    t.diagnostic(`the new size was found and in use after ${ms} ms`);
    await transfer.arrives();
    const { state } = await ada.member(hash, BOB);
    assert.equal(state, 'connected');
  }));

test("the interface's own MTU is lowered under a transfer", (t) =>
  onRoutedSubnets(['ada', 'bob'], async ({ ada, bob }, middle) => {
    await whole(ada, bob);
    const hash = await joinedByAddress(ada, bob);
    await measures(ada, hash, BOB, 1_500);
    const transfer = await Transfer.start(ada, bob, ADA, LONG);
    await transfer.reaches(0.25);
    await ada.namespace.ip('link set eth0 mtu 1400');
    await middle.ip('link set ada mtu 1400');
    const { ms } = await timed(() => measures(ada, hash, BOB, 1_400));
    t.diagnostic(`the new size was found and in use after ${ms} ms`);
    await transfer.arrives();
    const { drops } = await ada.network(hash);
    assert.equal(drops['send-failed'] ?? 0, 0, 'what the interface refused has left in fragments');
    assert.match(ada.daemonLog, /^((?!udp-gso).)*$/s, 'cutting is not to blame');
  }));

test('with -mss-clamp no segment of a TCP connection needs to be cut for a small path', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.namespace.ip('link set eth0 mtu 1280');
    }
    await whole(ada, bob);
    const plain = await joined(ada, bob);
    assert.ok((await piecesOfATransfer(ada, bob)) > 0);
    for (const host of [ada, bob]) await host.mustP2p('stop', '-hash', plain);
    const clamped = freshHash();
    for (const host of [ada, bob]) await host.joins(clamped, host === ada ? ADA : BOB, '-mss-clamp');
    await ada.meets(clamped, BOB);
    await bob.meets(clamped, ADA);
    await measures(ada, clamped, BOB, 1_280);
    assert.equal(await piecesOfATransfer(ada, bob), 0);
    assert.match(await ada.mustP2p('show'), /MSS clamped/);
  }));

/** Datagrams that carry pieces of a frame that was too large for the path, while `from` sends a file to `to`. */
async function piecesOfATransfer(from: Host, to: Host): Promise<number> {
  const capture = await from.capture('eth0');
  await (await Transfer.start(from, to, ADA, { mebibytes: 1, mebibytesPerSecond: 1_000 })).arrives();
  await waitFor('the datagrams', () => capture.datagrams.filter(({ out }) => out).length > 500);
  await capture.stop();
  const [FRAME, CUT_BYTES] = [0x40, 1];
  return capture.datagrams.filter(({ out, payload }) => out && payload[0] === FRAME && payload[1] === CUT_BYTES).length;
}

/** A daemon and the same network on both, which find each other on the LAN; its hash. */
async function joined(ada: Host, bob: Host, ...options: string[]): Promise<string> {
  const hash = freshHash();
  for (const host of [ada, bob]) {
    await host.daemon();
    await host.joins(hash, host === ada ? ADA : BOB, ...options);
  }
  await ada.meets(hash, BOB);
  await bob.meets(hash, ADA);
  return hash;
}

/** The same by -peer, over IPv4 only. */
async function joinedByAddress(ada: Host, bob: Host): Promise<string> {
  const hash = freshHash();
  for (const host of [ada, bob]) {
    await host.useIpv4Only();
    await host.daemon({ args: ['-no-lan'] });
    const other = host === ada ? bob : ada;
    await host.joins(hash, host === ada ? ADA : BOB, '-port', PORT, '-peer', `${other.addresses.ipv4}:${PORT}`);
  }
  await ada.meets(hash, BOB);
  await bob.meets(hash, ADA);
  return hash;
}

async function measures(host: Host, hash: string, ip: string, mtu: number): Promise<void> {
  await waitFor(`${host.name} to use ${mtu} bytes to ${ip}`, async () => {
    const { pathMtu } = await host.member(hash, ip);
    if (pathMtu !== mtu) throw new Error(`it uses ${pathMtu}`);
    return true;
  });
}

/** Has datagrams pass the middle one by one: a message that's to be cut later would be judged by its whole length there. */
async function whole(...hosts: readonly Host[]): Promise<void> {
  for (const host of hosts) await host.must('ethtool', '-K', 'eth0', 'tx-udp-segmentation', 'off');
}

/** The middle drops packets larger than `mtu` and tells nobody. */
async function swallow(middle: Namespace, mtu: number): Promise<void> {
  const rules = `table inet swallow { chain forward { type filter hook forward priority 0; meta length > ${mtu} drop; }; }`;
  const { code, stderr } = await middle.run('nft', [rules]);
  assert.equal(code, 0, stderr);
}
