/** `make bench`: measures in turn, round after round, and writes the report. */
import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderChart } from './chart.js';
import { FIGURE_NAMES, FIGURES, type IdleResult, type Measurement, type SystemResult } from './figures.js';
import { measureIdle } from './idle.js';
import { Link } from './link.js';
import { describeMachine } from './machine.js';
import { measure, measureLossy } from './measure.js';
import { type BenchOptions, parseOptions, UsageError } from './options.js';
import { insertReport, type Report, renderReport } from './report.js';
import { SYSTEMS } from './systems/all.js';
import { find, RIVAL_NOTES, type System, versionOf } from './systems/system.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Medians of fewer rounds say too little to be kept. */
const ROUNDS_TO_KEEP = 5;
const TOOLS = ['ip', 'iperf3', 'ping', 'timeout'];
/** What a link that loses packets is made with. */
const LOSSY = ['ethtool', 'nft'];

async function main(): Promise<void> {
  const options = parseOptions(
    process.env,
    SYSTEMS.map(({ name }) => name),
  );
  if (process.getuid?.() !== 0) throw new UsageError('the benchmark makes network namespaces: run it as root');
  if (missing(TOOLS).length > 0) throw new UsageError(`this machine has no ${missing(TOOLS).join(', no ')}`);
  const began = performance.now();
  const notes = readNotes();
  if (missing(LOSSY).length > 0) notes.push(`TCP with loss: this machine has no ${missing(LOSSY).join(', no ')}.`);
  const chosen = SYSTEMS.filter(({ name }) => options.systems?.includes(name) ?? true);
  const present = chosen.filter((system) => isPresent(system, notes));
  const rounds = await takeTurns(present, options, notes);
  const idle = present.some(({ kind }) => kind === 'project') ? await idleOrNote(options, notes) : null;
  publish(
    {
      machine: describeMachine(),
      rounds: options.rounds,
      seconds: options.seconds,
      minutes: (performance.now() - began) / 60_000,
      systems: await Promise.all(present.map((system) => resultOf(system, rounds.get(system) ?? []))),
      idle,
      notes,
    },
    options.rounds >= ROUNDS_TO_KEEP && options.systems === null,
  );
}

async function takeTurns(
  systems: readonly System[],
  { rounds, seconds }: BenchOptions,
  notes: string[],
): Promise<Map<System, (Measurement | null)[]>> {
  const results = new Map(systems.map((system) => [system, [] as (Measurement | null)[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const system of systems) {
      const label = `round ${round} of ${rounds}, ${system.name}`;
      const measured = await measureOnce(system, seconds).catch((error: unknown) => {
        notes.push(`${label}: ${String(error instanceof Error ? error.message : error).split('\n', 1)}`);
        console.error(`${label}: ${error}`);
        return null;
      });
      results.get(system)?.push(measured);
      if (measured !== null) console.log(`${label}: ${summary(measured)}`);
    }
  }
  return results;
}

async function measureOnce(system: System, seconds: number): Promise<Measurement> {
  const link = await Link.lay();
  try {
    await system.start(link);
    const address = system.carries === 'wire' ? link.right.underlay : link.right.overlay;
    const whole = await measure(link, address, seconds);
    return { ...whole, tcpLossy: missing(LOSSY).length > 0 ? null : await measureLossy(link, address, seconds) };
  } finally {
    await link.remove();
  }
}

function idleOrNote({ idle }: BenchOptions, notes: string[]): Promise<IdleResult | null> {
  console.log('idle network of three');
  return measureIdle(idle).catch((error: unknown) => {
    notes.push(`The idle daemon: ${error instanceof Error ? error.message : error}`);
    return null;
  });
}

async function resultOf(system: System, rounds: (Measurement | null)[]): Promise<SystemResult> {
  const { name, kind, does } = system;
  return { name, kind, does, version: await versionOf(system), rounds };
}

function isPresent({ name, needs }: System, notes: string[]): boolean {
  const lacks = missing(needs);
  if (lacks.length > 0) notes.push(`${name}: this machine has no ${lacks.join(', no ')}, and it couldn't be had.`);
  return lacks.length === 0;
}

function missing(programs: readonly string[]): string[] {
  return programs.filter((program) => find(program) === null);
}

function readNotes(): string[] {
  if (!existsSync(RIVAL_NOTES)) return [];
  return readFileSync(RIVAL_NOTES, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function summary(measured: Measurement): string {
  return FIGURE_NAMES.map((figure) => {
    const { unit, digits } = FIGURES[figure];
    return `${figure} ${measured[figure]?.toFixed(digits) ?? '–'} ${unit}`;
  }).join(', ');
}

function publish(report: Report, keep: boolean): void {
  const folder = keep ? 'docs' : 'build';
  const page = `${ROOT}${folder}/benchmarks.md`;
  const text = renderReport(report, 'benchmarks.svg');
  writeFile(page, keep ? insertReport(readFileSync(page, 'utf8'), text) : `${text}\n`);
  writeFile(`${ROOT}${folder}/benchmarks.svg`, renderChart(report.systems));
  console.log(`\n${text}\n\nWritten to ${folder}/benchmarks.md and ${folder}/benchmarks.svg.`);
}

/** As the owner of the checkout, whoever runs this. */
function writeFile(path: string, text: string): void {
  writeFileSync(path, text);
  const { uid, gid } = statSync(ROOT);
  chownSync(path, uid, gid);
}

main().catch((error: unknown) => {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
