/** `make reach`: measures who can reach whom, in namespaces and in the simulator, and writes docs/reach.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  type Met,
  type MetAtRelay,
  PAIRS,
  type Pair,
  RELAY_SIDES,
  tryPair,
  tryPairAtRelay,
} from '../e2e/harness/meeting.js';
import { canMeet, meet, SIDES, type Side } from '../sim/nat-pairs.js';

const FILE = fileURLToPath(new URL('../../../docs/reach.md', import.meta.url));
/** What this program writes stands between these lines; all else in the file is people's. */
const MARKS = ['<!-- measured: make reach -->', '<!-- end -->'] as const;
/** Tries per pair, of which the median counts. */
const ROUNDS = 3;

async function main(): Promise<void> {
  const rows: string[] = [];
  for (const pair of PAIRS) rows.push(await measured(pair));
  const [cpu] = cpus();
  const measuredOn = `Measured on ${new Date().toISOString().slice(0, 10)}: ${cpu?.model ?? 'unknown CPU'}, ${cpus().length} cores, Linux ${release()}.`;
  const tables = [
    measuredOn,
    '### In namespaces',
    ['| | first ping | direct path | |', '|---|---|---|---|', ...rows].join('\n'),
    '### With a relay',
    await atRelay(),
    '### In the simulator',
    simulated(),
  ];
  const text = readFileSync(FILE, 'utf8');
  const [from, to] = MARKS.map((mark) => text.indexOf(mark));
  if (from === undefined || to === undefined || from < 0 || to < from)
    throw new Error(`expected ${MARKS.join(' … ')} in ${FILE}`);
  writeFileSync(FILE, `${text.slice(0, from)}${MARKS[0]}\n\n${tables.join('\n\n')}\n\n${text.slice(to)}`);
}

async function measured(pair: Pair): Promise<string> {
  const rounds: Met[] = [];
  while (rounds.length < (pair.canMeet ? ROUNDS : 1)) rounds.push(await tryPair(pair));
  const outcome = rounds.at(-1)?.member;
  const state = outcome?.state === 'connected' ? outcome.path : `${outcome?.state}: ${outcome?.lastError}`;
  const line = `| ${pair.one} × ${pair.two} | ${median(rounds, 'pingMs')} | ${median(rounds, 'directMs')} | ${state} |`;
  console.error(line);
  return line;
}

/** Each pair once more, with nothing but a relay to meet at. */
async function atRelay(): Promise<string> {
  const rows: string[] = [];
  for (const [i, one] of RELAY_SIDES.entries()) {
    const cells: string[] = [];
    for (const [j, two] of RELAY_SIDES.entries()) cells.push(j < i ? '' : relayCell(await tryPairAtRelay(one, two)));
    rows.push(`| ${one} | ${cells.join(' | ')} |`);
    console.error(rows.at(-1));
  }
  return [`| | ${RELAY_SIDES.join(' | ')} |`, `|---|${RELAY_SIDES.map(() => '---|').join('')}`, ...rows].join('\n');
}

/** The first ping, and how the frames went then. */
function relayCell({ pingMs, member }: MetAtRelay): string {
  const by = member.endpoint?.startsWith('tls/') ? ' by TLS' : '';
  return `${(pingMs / 1000).toFixed(2)} s, ${member.path}${by}`;
}

function median(rounds: readonly Met[], figure: 'pingMs' | 'directMs'): string {
  const sorted = rounds.flatMap((met) => met[figure] ?? []).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? 'never' : `${(middle / 1000).toFixed(2)} s`;
}

/** Seconds of virtual time from start to a direct path, both ways; a dash where none can be. */
function simulated(): string {
  const names = SIDES.map(({ name }) => short(name));
  const rows = SIDES.map((one, i) => {
    const cells = SIDES.map((two, j) => (j < i ? '' : seconds(one, two)));
    return `| ${names[i]} | ${cells.join(' | ')} |`;
  });
  return [`| | ${names.join(' | ')} |`, `|---|${SIDES.map(() => '---|').join('')}`, ...rows].join('\n');
}

function seconds(one: Side, two: Side): string {
  const { world, hosts } = meet(one, two, 1);
  const [a, b] = hosts;
  const together = () => a.isConnectedTo(b) && b.isConnectedTo(a);
  if (!canMeet(one, two)) return '–';
  world.clock.runUntilTrue(together, 15_000, 'they met');
  return (world.clock.now / 1000).toFixed(2);
}

/** `EI/AD`: endpoint-independent mapping, address-dependent filtering. */
function short(name: string): string {
  return name
    .replaceAll('address-and-port-dependent', 'APD')
    .replaceAll('address-dependent', 'AD')
    .replaceAll('endpoint-independent', 'EI')
    .replace(' mapping, ', '/')
    .replace(' filtering', '');
}

await main();
