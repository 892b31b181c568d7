/**
 * `make flood`: how much of a TCP stream between two members is left while one of them is flooded, beside what's left when the same
 * flood goes to a closed port of that machine. Both by turns in each round, so that a machine that drifts hits both alike.
 *
 *   ada ═════ TCP ═════► bob ◄───── flood ───── eve      on one LAN
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { CapturedDatagram } from '../test/e2e/harness/capture.js';
import {
  Flood,
  type FloodOptions,
  firstMessages,
  forgedFrames,
  garbageFrames,
  garbageHandshakes,
} from '../test/e2e/harness/flood.js';
import type { Host } from '../test/e2e/harness/host.js';
import { onLan } from '../test/e2e/harness/scene.js';
import { freshHash } from '../test/e2e/harness/secrets.js';
import { waitFor } from '../test/e2e/harness/wait.js';
import { describeMachine } from './machine.js';
import { parseOptions } from './options.js';
import { memoryBytes } from './processes.js';
import { parseIperf } from './programs.js';
import { median, type Ratio, ratio } from './statistics.js';

const ADA = '10.77.0.1';
const BOB = '10.77.0.2';
const PORT = 4900;
const CLOSED = 4999;
const IPERF = 5301;
/** A flood takes so long until it's at its pace, in ms. */
const RISE = 300;
const GRACE = 8;

interface Kind {
  readonly name: string;
  readonly datagrams: readonly Uint8Array[];
  readonly options: FloodOptions;
}

interface Turn {
  readonly megabits: number | null;
  /** Datagrams of the flood a second. */
  readonly rate: number;
}

interface Row {
  readonly kind: Kind;
  readonly open: Turn[];
  readonly closed: Turn[];
}

async function main(): Promise<void> {
  const { rounds, seconds } = parseOptions(process.env, []);
  await onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const captured = await meet(ada, bob);
    const rows = kinds(captured).map((kind): Row => ({ kind, open: [], closed: [] }));
    const calm: (number | null)[] = [];
    const memory = [memoryBytes([bob.daemonPid])];
    for (let round = 1; round <= rounds; round++) {
      calm.push(await stream(ada, bob, seconds));
      for (const { kind, open, closed } of rows) {
        closed.push(await flooded(ada, bob, eve, kind, CLOSED, seconds));
        open.push(await flooded(ada, bob, eve, kind, PORT, seconds));
        console.log(`round ${round} of ${rounds}, ${kind.name}: ${describe(closed)} closed, ${describe(open)} open`);
      }
      memory.push(memoryBytes([bob.daemonPid]));
    }
    console.log(`\n${report(rows, calm, memory)}`);
  });
}

/** Both members, connected; what came to bob meanwhile. */
async function meet(ada: Host, bob: Host): Promise<CapturedDatagram[]> {
  const hash = freshHash();
  const capture = await bob.capture('eth0');
  for (const host of [bob, ada]) {
    await host.daemon({ args: ['--no-dht', '--no-lan'] });
    const knowsBob = host === ada ? ['-peer', `${bob.addresses.ipv4}:${PORT}`] : [];
    await host.joins(hash, host === ada ? ADA : BOB, '-port', String(PORT), ...knowsBob);
  }
  await ada.meets(hash, BOB);
  const toBob = () => capture.datagrams.filter(({ out, toPort }) => !out && toPort === PORT);
  const datagrams = await waitFor('what is replayed and forged', () => {
    const kinds = toBob().map(({ payload }) => payload[0]);
    return kinds.includes(0x22) && kinds.includes(0x41) ? toBob() : null;
  });
  await capture.stop();
  return datagrams;
}

function kinds(captured: readonly CapturedDatagram[]): Kind[] {
  const handshakes = garbageHandshakes();
  const frames = garbageFrames();
  const replayed = firstMessages(captured);
  const forged = forgedFrames(captured);
  const joined = { joined: true };
  return [
    { name: 'garbage handshakes', datagrams: handshakes, options: {} },
    { name: 'the same, joined', datagrams: handshakes, options: joined },
    { name: 'garbage handshakes from random sources', datagrams: handshakes, options: { sources: '20010db8ffff' } },
    { name: 'frames of a guessed session', datagrams: frames, options: {} },
    { name: 'the same, joined', datagrams: frames, options: joined },
    { name: 'first messages replayed', datagrams: replayed, options: {} },
    { name: 'the same, joined', datagrams: replayed, options: joined },
    { name: 'first messages replayed from random sources', datagrams: replayed, options: { sources: '20010db8ffff' } },
    { name: 'forged frames of a session that was seen', datagrams: forged, options: {} },
  ];
}

async function flooded(ada: Host, bob: Host, eve: Host, kind: Kind, port: number, seconds: number): Promise<Turn> {
  const target = kind.options.sources === undefined ? bob.addresses.ipv4 : bob.addresses.ipv6;
  const flood = await Flood.start(eve, target, port, kind.datagrams, kind.options);
  await pause(RISE);
  const megabits = await stream(ada, bob, seconds);
  return { megabits, rate: await flood.end() };
}

/** Payload received a second; null if the stream came to nothing. */
async function stream(ada: Host, bob: Host, seconds: number): Promise<number | null> {
  const server = bob.start('iperf3', '-s', '-1', '-p', String(IPERF), '--forceflush');
  try {
    await waitFor('iperf3 to listen', () => server.stdout.includes('Server listening'));
    const limit = ['-k', '1', String(seconds + GRACE)];
    const client = ['iperf3', '-c', BOB, '-p', String(IPERF), '-t', String(seconds), '-J'];
    return parseIperf((await ada.run('timeout', ...limit, ...client)).stdout)?.megabits ?? null;
  } finally {
    await server.stop('SIGKILL');
  }
}

function describe(turns: readonly Turn[]): string {
  const { megabits = null, rate = 0 } = turns.at(-1) ?? {};
  return `${megabits?.toFixed(0) ?? 'nothing of'} Mbit/s at ${(rate / 1000).toFixed(0)} k/s`;
}

function report(rows: readonly Row[], calm: readonly (number | null)[], memory: readonly number[]): string {
  const { cpu, cores, kernel, commit, date } = describeMachine();
  const without = median(calm.filter((value) => value !== null));
  const [before = 0, after = 0] = [memory[0], memory.at(-1)];
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  return [
    `${date}, commit ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}; ${calm.length} rounds.`,
    `Without a flood: ${without?.toFixed(0) ?? '–'} Mbit/s. Memory (PSS) of the flooded daemon before and after: ${megabytes(before)} and ${megabytes(after)} MB.`,
    '',
    '| flood | datagrams a second, 1000s | TCP, closed port flooded, Mbit/s | TCP, our port flooded, Mbit/s | ratio, median (range) |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows.map(line),
  ].join('\n');
}

function line({ kind, open, closed }: Row): string {
  const speeds = (turns: readonly Turn[]) => turns.map(({ megabits }) => megabits ?? 0);
  const middle = (values: readonly number[]) => (median(values) ?? 0).toFixed(0);
  const rates = open.map(({ rate }) => rate / 1000);
  return `| ${kind.name} | ${middle(rates)} | ${middle(speeds(closed))} | ${middle(speeds(open))} | ${range(ratio(speeds(open), speeds(closed)))} |`;
}

function range(found: Ratio | null): string {
  if (found === null) return '–';
  const { median: middle, least, greatest } = found;
  return `${middle.toFixed(2)} (${least.toFixed(2)} to ${greatest.toFixed(2)})`;
}

await main();
