/** The report as Markdown: what was measured on what, and what that means. Pure. */
import { FIGURE_NAMES, FIGURES, type Figure, type IdleResult, type SystemResult } from './figures.js';
import type { Machine } from './machine.js';
import { bestRival, medianOf, type Ratio, ratio, series } from './statistics.js';
import { IDLE_CPU_GOAL, idleVerdicts, MEMORY_GOAL, type Outcome, outcomes, verdict } from './targets.js';

export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** How long all of it took, in minutes. */
  readonly minutes: number;
  readonly systems: readonly SystemResult[];
  readonly idle: IdleResult | null;
  /** What couldn't be measured, a sentence each. */
  readonly notes: readonly string[];
}

const BEGIN = '<!-- make bench writes from here -->';
const END = '<!-- to here -->';
/** What the project is compared with, besides the best rival. */
const YARDSTICKS = ['plain', 'limit-nocrypt', 'ref-aes256gcm'] as const;

/** Puts a report between the markers of a page. Throws if they aren't there. */
export function insertReport(page: string, report: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`expected the markers ${BEGIN} and ${END} in the page`);
  return `${page.slice(0, begin + BEGIN.length)}\n${report}\n${page.slice(end)}`;
}

/** `picture`: path of the chart, as seen from the page. */
export function renderReport(report: Report, picture: string): string {
  return [
    provenance(report),
    `![Bars of the most telling figures, each system's median](${picture})`,
    '### Medians',
    mediansTable(report.systems),
    '### Ratios, taken round by round',
    ratiosOfProject(report.systems),
    ratiosOfAll(report.systems),
    '### Targets',
    targetsTable(report),
    '### Not measured',
    list(report.notes, 'Nothing is missing.'),
    '### Versions',
    list(
      report.systems.map(({ name, does, version }) => `${name}: ${does}${version === '' ? '' : ` (${version})`}`),
      '',
    ),
  ].join('\n\n');
}

function provenance({ machine, rounds, seconds, minutes }: Report): string {
  const commit = machine.commit === null ? '' : `, commit ${machine.commit}`;
  return [
    `${machine.date}${commit}: ${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'},`,
    `${(machine.memory / 2 ** 30).toFixed(0)} GiB, Linux ${machine.kernel}, Node.js ${machine.node}.`,
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s for each measurement, ${minutes.toFixed(0)} minutes in all.`,
  ].join('\n');
}

function mediansTable(systems: readonly SystemResult[]): string {
  const header = ['system', ...FIGURE_NAMES.map((figure) => `${FIGURES[figure].title}, ${FIGURES[figure].unit}`)];
  const rows = systems.map((system) => [
    nameOf(system),
    ...FIGURE_NAMES.map((figure) => amount(medianOf(system, figure), FIGURES[figure].digits)),
  ]);
  return table(header, rows);
}

function ratiosOfProject(systems: readonly SystemResult[]): string {
  const project = systems.find(({ kind }) => kind === 'project');
  if (project === undefined) return 'The project itself was not measured.';
  const to = (figure: Figure, other: SystemResult | null | undefined) =>
    other ? ratio(series(project, figure), series(other, figure)) : null;
  const rows = FIGURE_NAMES.map((figure) => {
    const best = bestRival(systems, figure);
    const better = FIGURES[figure].better === 'lower' ? ' (less is better)' : '';
    const yardsticks = YARDSTICKS.map((name) => systems.find((system) => system.name === name));
    return [
      `${FIGURES[figure].title}${better}`,
      ...yardsticks.map((system) => factor(to(figure, system))),
      best === null ? '–' : `${spread(to(figure, best))} ${best.name}`,
    ];
  });
  return table([`${project.name} to`, ...YARDSTICKS, 'best rival that encrypts'], rows);
}

function ratiosOfAll(systems: readonly SystemResult[]): string {
  const others = YARDSTICKS.map((name) => systems.find((system) => system.name === name));
  const rows = systems.map((system) => [
    nameOf(system),
    ...others.map((other) => factor(other ? ratio(series(system, 'tcp'), series(other, 'tcp')) : null)),
  ]);
  return table([`${FIGURES.tcp.title}, to`, ...YARDSTICKS], rows);
}

function targetsTable({ systems, idle }: Report): string {
  return table(['figure', 'target', 'measured', ''], [...outcomes(systems).map(targetRow), ...idleRows(idle)]);
}

function targetRow({ figure, to, bound, goal, aim, rival, ratio: found }: Outcome): string[] {
  const against = to === 'best rival' && rival !== null ? `best rival (${rival})` : to;
  const target = `${bound} ${goal}${aim === undefined ? '' : `; aim ${aim}`}`;
  const what = `${FIGURES[figure].title}, to ${against}`;
  if (found === null) return [what, target, '–', 'not measured'];
  return [what, target, spread(found), verdict(found.median, bound, goal, aim)];
}

function idleRows(idle: IdleResult | null): string[][] {
  const memory = ['memory of an idle daemon, network of three, all its processes', `at most ${MEMORY_GOAL / 1e6} MB`];
  const cpu = ['CPU of that daemon over a minute', `under ${IDLE_CPU_GOAL * 100} % of a core`];
  if (idle === null) return [memory, cpu].map((row) => [...row, '–', 'not measured']);
  const verdicts = idleVerdicts(idle);
  const host = `${megabytes(idle.memory)} MB; ${megabytes(idle.memoryOfDhtHost)} MB where the private DHT runs as well`;
  const share = idle.cpu === null ? '–' : `${(idle.cpu * 100).toFixed(2)} %`;
  return [
    [...memory, host, verdicts.memory],
    [...cpu, share, verdicts.cpu ?? 'not measured: `make bench IDLE=1`'],
  ];
}

function nameOf({ name, kind }: SystemResult): string {
  return kind === 'project' ? `**${name}**` : name;
}

function factor(found: Ratio | null): string {
  return amount(found?.median ?? null, 2);
}

/** With the least and the greatest of all rounds. */
function spread(found: Ratio | null): string {
  if (found === null) return '–';
  if (found.rounds === 1) return factor(found);
  return `${factor(found)} (${found.least.toFixed(2)} to ${found.greatest.toFixed(2)})`;
}

function amount(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${header.map((_, column) => (column === 0 ? ' --- |' : ' ---: |')).join('')}`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

function list(items: readonly string[], nothing: string): string {
  return items.length === 0 ? nothing : items.map((item) => `- ${item}`).join('\n');
}
