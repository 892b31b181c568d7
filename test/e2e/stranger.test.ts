/** Who doesn't know the hash learns nothing, not even that somebody is there, and disturbs nobody. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { answersFrom, Stranger } from './harness/stranger.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const PORT = 4900;
/** Lines that a daemon may add to its log while thousands of bad datagrams come. */
const QUIET_LINES = 60;
/** Lengths of the datagrams outside a session (docs/protocol.md), by kind. */
const LENGTHS: Readonly<Record<number, number>> = { 32: 1032, 33: 1032, 34: 1032, 35: 972, 36: 80, 37: 72, 38: 944 };

test("a stranger's probes get no answer, and the network doesn't notice", (t) =>
  onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const hash = freshHash();
    const wire = await bob.capture('eth0');
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon();
      await host.joins(hash, host === ada ? ADA : BOB, '-port', String(PORT));
    }
    await ada.meets(hash, BOB);
    await bob.meets(hash, ADA);
    await ada.pings(BOB);
    const genuine = wire.datagrams.filter(({ toPort }) => toPort === PORT).map(({ payload }) => payload);
    const atEve = await eve.capture('eth0');
    const linesBefore = lines(bob);
    const connectedBefore = (await bob.member(hash, ADA)).connectedMs ?? 0;

    const probes = [...garbage(), ...misshapen(), ...damaged(genuine)];
    const stranger = await Stranger.at(eve, bob.addresses.ipv4, PORT);
    stranger.send(probes);
    await waitFor('bob to have counted the probes', async () => (await dropped(bob, hash)) >= probes.length * 0.9);
    await probeWithOtherHash(eve, bob);

    assert.deepEqual(stranger.answers, []);
    assert.deepEqual(answersFrom(bob, eve, atEve), []);
    const added = lines(bob) - linesBefore;
    t.diagnostic(`${probes.length} probes, ${added} lines in bob's log`);
    assert.ok(added <= QUIET_LINES, `${added} lines in bob's log:\n${bob.daemonLog}`);
    await ada.pings(BOB);
    assert.ok(((await bob.member(hash, ADA)).connectedMs ?? 0) > connectedBefore, 'the session goes on');

    // The same host, once it knows the hash: so it was the hash, and neither the way nor the capture.
    await eve.joins(hash, '10.10.10.3', '-port', String(PORT));
    await eve.meets(hash, BOB);
    await waitFor("bob's answers in the capture", () => answersFrom(bob, eve, atEve).length > 0);
  }));

test('garbage to the beacon port, over IPv4 and IPv6, disturbs nobody', () =>
  onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const hash = freshHash();
    await ada.daemon();
    await ada.joins(hash, ADA, '-port', String(PORT));
    const atEve = await eve.capture('eth0');
    const linesBefore = lines(ada);
    const strangers: Stranger[] = [];
    for (const target of [ada.addresses.ipv4, ada.addresses.ipv6]) {
      for (const port of [4909, PORT]) {
        const stranger = await Stranger.at(eve, target, port);
        stranger.send([...garbage(), ...misshapen()]);
        strangers.push(stranger);
      }
    }
    await bob.daemon();
    await bob.joins(hash, BOB);
    await bob.meets(hash, ADA);
    for (const { answers } of strangers) assert.deepEqual(answers, []);
    assert.deepEqual(answersFrom(ada, eve, atEve), []);
    assert.ok(lines(ada) - linesBefore <= QUIET_LINES, ada.daemonLog);
  }));

/** A daemon of another network, told that a member is there: its hellos are well-formed, under another key. */
async function probeWithOtherHash(eve: Host, bob: Host): Promise<void> {
  const other = freshHash();
  const hellos = await bob.capture('eth0');
  await eve.daemon();
  await eve.joins(other, '10.20.20.1', '-peer', `${bob.addresses.ipv4}:${PORT}`);
  await waitFor("two of eve's hellos", () => {
    const seen = hellos.datagrams.filter(
      ({ out, from, payload }) => !out && from === eve.addresses.ipv4 && payload[0] === 0x20,
    );
    return seen.length >= 2;
  });
  const { unanswered, peers } = await eve.network(other);
  assert.deepEqual([unanswered.length, peers.length], [1, 0]);
}

function garbage(): Buffer[] {
  const sizes = [...Array(70).keys(), 71, 72, 80, 128, 500, 944, 972, 1031, 1032, 1033, 1200, 1452, 1472, 8000];
  return sizes.map((size) => randomBytes(size));
}

/** Every first byte; and each kind's own length, one more and one less. */
function misshapen(): Buffer[] {
  const starts = [...Array(256).keys()].map((kind) => Buffer.concat([Buffer.from([kind, 1, 0, 0]), randomBytes(60)]));
  const kinds = Object.entries(LENGTHS).flatMap(([kind, length]) =>
    [length - 1, length, length + 1].map((size) =>
      Buffer.concat([Buffer.from([Number(kind), 1, 0, 0]), randomBytes(size - 4)]),
    ),
  );
  return [...starts, ...kinds];
}

/** Genuine datagrams cut short, lengthened, and with one bit turned. */
function damaged(genuine: readonly Buffer[]): Buffer[] {
  return genuine.slice(0, 40).flatMap((datagram) => {
    const cuts = [1, 4, 16, 19, 20, 36, datagram.length - 1].filter((length) => length < datagram.length);
    const turned = [0, 1, 5, 12, 20, datagram.length - 1].map((at) => {
      const copy = Buffer.from(datagram);
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ 0x10;
      return copy;
    });
    return [
      ...cuts.map((length) => datagram.subarray(0, length)),
      Buffer.concat([datagram, randomBytes(1)]),
      ...turned,
    ];
  });
}

function lines(host: Host): number {
  return host.daemonLog.split('\n').length;
}

async function dropped(host: Host, hash: string): Promise<number> {
  const { drops } = await host.network(hash);
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}
