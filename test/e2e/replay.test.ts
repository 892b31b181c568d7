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
const PORT = 4900;
const BEACON_PORT = 4909;
const DEV = 'mesh';
const KIND = { handshake1: 0x22, handshake2: 0x23, beacon: 0x26, frame: 0x40, control: 0x41 } as const;
const FIRST = 'aa11bb22cc33dd44';
const SECOND = '44dd33cc22bb11aa';

test('captured handshakes, control messages, frames and beacons do nothing when they come again', () =>
  onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    await meet(ada, bob, hash);
    await ada.pings(BOB, '-p', FIRST, '-c', '3', '-i', '0.2');
    const recorded = wire.datagrams.filter(({ toPort }) => toPort === PORT || toPort === BEACON_PORT);
    for (const [name, kind] of Object.entries(KIND))
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

test('captured handshakes do nothing after a restart of the receiver either', () =>
  onLan(['ada', 'bob', 'cleo', 'eve'], async ({ ada, bob, cleo, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    await meet(ada, bob, hash);
    const toBob = wire.datagrams.filter(({ out, toPort }) => !out && (toPort === PORT || toPort === BEACON_PORT));
    await ada.killDaemon('SIGKILL');
    await bob.killDaemon('SIGTERM');

    await bob.daemon();
    const atEve = await eve.capture('eth0');
    await replayFrom(eve, bob, toBob);
    await replayFrom(eve, bob, toBob);
    // cleo's handshake comes after eve's replays, to the same socket.
    await cleo.daemon();
    await cleo.joins(hash, '10.10.10.3', '-port', String(PORT));
    await cleo.meets(hash, BOB);
    await bob.meets(hash, '10.10.10.3');
    assert.deepEqual(answersFrom(bob, eve, atEve), []);
    assert.equal((await bob.p2p('show', '-check', ADA, '-hash', hash)).code, 12);
  }));

async function meet(ada: Host, bob: Host, hash: string): Promise<void> {
  for (const host of [ada, bob]) {
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
