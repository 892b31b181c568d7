/** Whatever was captured can be sent again by anyone, from anywhere, at any time, and nothing happens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CapturedDatagram, replayable } from './harness/capture.js';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { answersFrom, Stranger } from './harness/stranger.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CLEO = '10.10.10.3';
const PORT = 4900;
const BEACON_PORT = 4909;
const DEV = 'mesh';
const KIND = {
  hello: 0x20,
  handshake1: 0x22,
  handshake2: 0x23,
  cookie: 0x24,
  beacon: 0x26,
  frame: 0x40,
  control: 0x41,
} as const;
const FIRST = 'aa11bb22cc33dd44';
const SECOND = '44dd33cc22bb11aa';

test('captured handshakes, control messages, frames and beacons do nothing when they come again', () =>
  onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    await meet(ada, bob, hash);
    await ada.pings(BOB, '-p', FIRST, '-c', '3', '-i', '0.2');
    const recorded = wire.datagrams.filter(({ toPort }) => toPort === PORT || toPort === BEACON_PORT);
    for (const [name, kind] of Object.entries(KIND).filter(([name]) => name !== 'hello' && name !== 'cookie'))
      assert.ok(
        recorded.some(({ payload }) => payload[0] === kind),
        `the capture has a ${name}`,
      );
    const toBob = recorded.filter(({ out }) => !out);
    const before = await bob.member(hash, ADA);
    const droppedBefore = await dropped(bob, hash);

    const device = await bob.capture(DEV);
    const atEve = await eve.capture('eth0');
    const repliesBefore = handshakes2(wire.datagrams);
    await replayFrom(eve, bob, toBob);
    await ada.sendFrames('eth0', ...toBob.map(replayable));
    const sealed = toBob.filter(({ payload }) => payload[0] === KIND.frame || payload[0] === KIND.control).length;
    await waitFor(
      'bob to have counted the replays',
      async () => (await dropped(bob, hash)) >= droppedBefore + 2 * sealed,
    );

    await ada.pings(BOB, '-p', SECOND);
    await waitFor("ada's new ping", () => device.frames.some(({ frame }) => frame.includes(SECOND)));
    assert.equal(
      device.frames.some(({ frame }) => frame.includes(FIRST)),
      false,
      'no frame comes twice',
    );
    assert.deepEqual(answersFrom(bob, eve, atEve), [], 'eve gets no answer');
    assert.equal(handshakes2(wire.datagrams), repliesBefore, 'no handshake is answered again');
    const after = await bob.member(hash, ADA);
    assert.equal(after.endpoint, before.endpoint);
    assert.ok((after.connectedMs ?? 0) > (before.connectedMs ?? 0), 'the session goes on');
  }));

test('captured hellos and handshakes do nothing after a restart of the receiver either', () =>
  onLan(['ada', 'bob', 'cleo', 'eve'], async ({ ada, bob, cleo, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    const knowsBob = ['-peer', `${bob.addresses.ipv4}:${PORT}`];
    for (const host of [bob, ada]) {
      await host.useIpv4Only();
      await host.daemon({ args: ['-no-lan'] });
      await host.joins(hash, host === ada ? ADA : BOB, '-port', String(PORT), ...(host === ada ? knowsBob : []));
    }
    await bob.meets(hash, ADA);
    const toBob = wire.datagrams.filter(({ out, toPort }) => !out && toPort === PORT);
    for (const kind of [KIND.hello, KIND.handshake1]) assert.ok(toBob.some(({ payload }) => payload[0] === kind));
    await ada.killDaemon('SIGKILL');
    await bob.killDaemon('SIGTERM');

    await bob.daemon({ args: ['-no-lan'] });
    const atEve = await eve.capture('eth0');
    await replayFrom(eve, bob, toBob);
    await cleo.daemon({ args: ['-no-lan'] });
    await cleo.joins(hash, CLEO, ...knowsBob);
    await cameThrough(cleo, bob, hash);
    // A cookie proves nothing and promises nothing: it's what a machine restored from an older image needs (docs/protocol.md section 4).
    assert.deepEqual(
      answersFrom(bob, eve, atEve).filter((frame) => kindOf(frame) !== KIND.cookie),
      [],
    );
    assert.equal((await bob.p2p('show', '-check', ADA, '-hash', hash)).code, 12);
  }));

test('captured beacons do nothing after a restart of the receiver either', () =>
  onLan(['ada', 'bob', 'cleo', 'eve'], async ({ ada, bob, cleo, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    await meet(ada, bob, hash);
    const beacons = wire.datagrams.filter(({ out, toPort }) => !out && toPort === BEACON_PORT);
    assert.notDeepEqual(beacons, []);
    await ada.killDaemon('SIGKILL');
    await bob.killDaemon('SIGTERM');

    await bob.daemon();
    const atEve = await eve.capture('eth0');
    await replayFrom(eve, bob, beacons);
    await cleo.daemon();
    await cleo.joins(hash, CLEO);
    await cameThrough(cleo, bob, hash);
    assert.deepEqual(answersFrom(bob, eve, atEve), []);
  }));

/** What cleo sent comes after eve's replays, to the same sockets: when cleo is there, bob is done with them. */
async function cameThrough(cleo: Host, bob: Host, hash: string): Promise<void> {
  await cleo.meets(hash, BOB);
  await bob.meets(hash, CLEO);
  await cleo.pings(BOB);
}

/** First byte of the datagram in an Ethernet frame (hex) with IPv4 and UDP. */
function kindOf(frame: string): number {
  return Number.parseInt(frame.slice(84, 86), 16);
}

async function meet(ada: Host, bob: Host, hash: string): Promise<void> {
  // bob first: then he has heard all beacons that ada sent.
  for (const host of [bob, ada]) {
    await host.useIpv4Only();
    await host.daemon();
    await host.joins(hash, host === ada ? ADA : BOB, '-port', String(PORT), '-dev', DEV);
  }
  await ada.meets(hash, BOB);
  await bob.meets(hash, ADA);
}

/** Sends the payloads to the ports that they went to, from a socket of another host. */
async function replayFrom(eve: Host, bob: Host, datagrams: readonly CapturedDatagram[]): Promise<void> {
  for (const port of [PORT, BEACON_PORT]) {
    const stranger = await Stranger.at(eve, bob.addresses.ipv4, port);
    stranger.send(datagrams.filter(({ toPort }) => toPort === port).map(({ payload }) => payload));
  }
}

function handshakes2(datagrams: readonly CapturedDatagram[]): number {
  return datagrams.filter(({ out, payload }) => out && payload[0] === KIND.handshake2).length;
}

async function dropped(host: Host, hash: string): Promise<number> {
  const { drops } = await host.network(hash);
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}
