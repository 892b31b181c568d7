/** Under a flood members go on talking, what's thrown away is counted, memory stays, and a newcomer gets in. How fast they talk then: `make flood`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CapturedDatagram } from './harness/capture.js';
import { Flood, firstMessages, garbageFrames, garbageHandshakes } from './harness/flood.js';
import { Flow } from './harness/flow.js';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CLEO = '10.10.10.3';
const PORT = 4900;
/** Datagrams a second of each flood: less than MACs are checked, so that those of a newcomer are among them. */
const RATE = 10_000;
/** Datagrams of each kind that are thrown away before it's looked what became of the rest. */
const MANY = 5_000;
/** What a flooded daemon may need more than before, in bytes: JavaScript's heap breathes. */
const GROWTH = 48 * 2 ** 20;

test('a flood of garbage, guesses and replays costs members nothing that they notice, and a newcomer gets in', (t) =>
  onLan(['ada', 'bob', 'cleo', 'eve'], async ({ ada, bob, cleo, eve }) => {
    const hash = freshHash();
    const captured = await meet(ada, bob, hash);
    const before = { memory: memoryOf(bob), drops: await drops(bob, hash) };
    const flow = await Flow.start(ada, bob, BOB);
    const floods = await Promise.all([
      Flood.start(eve, bob.addresses.ipv4, PORT, garbageHandshakes(), { rate: RATE }),
      Flood.start(eve, bob.addresses.ipv4, PORT, garbageFrames(), { rate: RATE }),
      Flood.start(eve, bob.addresses.ipv4, PORT, firstMessages(captured), { rate: RATE }),
      Flood.start(eve, bob.addresses.ipv6, PORT, firstMessages(captured), { rate: RATE, sources: '20010db8ffff' }),
    ]);
    const since = async () => {
      const now = await drops(bob, hash);
      return (...reasons: string[]) => sum(reasons.map((reason) => (now[reason] ?? 0) - (before.drops[reason] ?? 0)));
    };
    await waitFor('garbage thrown away', async () => (await since())('handshake-mac', 'unread') > MANY);
    await waitFor('guesses thrown away', async () => (await since())('unread-session', 'unknown-session') > MANY);
    await waitFor('replays thrown away', async () => (await since())('handshake-rate', 'handshake-cookie') > MANY);

    const { stdout } = await ada.run('ping', '-n', '-c', '50', '-i', '0.05', '-W', '5', BOB);
    await cleo.daemon({ args: ['--no-dht', '--no-lan'] });
    await cleo.joins(hash, CLEO, '-peer', `${bob.addresses.ipv4}:${PORT}`);
    await cleo.meets(hash, BOB, 120);
    await cleo.pings(BOB);
    const rates = await Promise.all(floods.map((flood) => flood.end()));
    await flow.end();

    const answered = Number(/(\d+) received/.exec(stdout)?.[1]);
    const grown = memoryOf(bob) - before.memory;
    const thousands = rates.map((rate) => (rate / 1000).toFixed(1)).join(', ');
    t.diagnostic(`${thousands} k/s; ${answered} of 50 pings answered; ${(grown / 2 ** 20).toFixed(1)} MiB more memory`);
    assert.ok(answered >= 45, `${answered} of 50 answered`);
    assert.ok(grown < GROWTH, `${grown} bytes more`);
    assert.equal((await bob.member(hash, ADA)).state, 'connected');
  }));

/** Both members, connected, without a LAN: so that who comes later is heard at the flooded port alone. What came to bob meanwhile. */
async function meet(ada: Host, bob: Host, hash: string): Promise<CapturedDatagram[]> {
  const capture = await bob.capture('eth0');
  for (const host of [bob, ada]) {
    await host.daemon({ args: ['--no-dht', '--no-lan'] });
    const knowsBob = host === ada ? ['-peer', `${bob.addresses.ipv4}:${PORT}`] : [];
    await host.joins(hash, host === ada ? ADA : BOB, '-port', String(PORT), ...knowsBob);
  }
  await ada.meets(hash, BOB);
  await bob.meets(hash, ADA);
  const toBob = () => capture.datagrams.filter(({ out, toPort }) => !out && toPort === PORT);
  await waitFor('a handshake 1 in the capture', () => toBob().some(({ payload }) => payload[0] === 0x22));
  await capture.stop();
  return toBob();
}

async function drops(host: Host, hash: string): Promise<Readonly<Record<string, number>>> {
  return (await host.network(hash)).drops;
}

/** PSS of a host's daemon, in bytes. */
function memoryOf(host: Host): number {
  const rollup = readFileSync(`/proc/${host.daemonPid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
