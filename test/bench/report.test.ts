/** What the benchmark makes of its measurements; nothing is measured here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderChart } from '../../bench/chart.js';
import { FIGURE_NAMES, type Kind, type Measurement, type SystemResult } from '../../bench/figures.js';
import type { Machine } from '../../bench/machine.js';
import { parseOptions, UsageError } from '../../bench/options.js';
import { insertReport, type Report, renderReport, table } from '../../bench/report.js';
import { bestRival, median, ratio } from '../../bench/statistics.js';
import { outcomes, verdict } from '../../bench/targets.js';

const machine: Machine = {
  cpu: 'a CPU',
  cores: 2,
  kernel: '6.1.0',
  memory: 8 * 2 ** 30,
  node: 'v20.19.0',
  date: '2026-02-03',
  commit: 'abc1234',
};

function measurement(figures: Partial<Measurement>): Measurement {
  const none = Object.fromEntries(FIGURE_NAMES.map((figure) => [figure, null]));
  return { ...(none as Record<keyof Measurement, null>), ...figures };
}

function system(name: string, kind: Kind, ...rounds: (Partial<Measurement> | null)[]): SystemResult {
  const whole = rounds.map((round) => (round === null ? null : measurement(round)));
  return { name, kind, version: '1.2', does: 'carries', rounds: whole };
}

const SYSTEMS = [
  system('limit-nocrypt', 'yardstick', { tcp: 1000 }, { tcp: 500 }, { tcp: 2000 }),
  system('ours', 'project', { tcp: 600, rtt: 0.2 }, { tcp: 250, rtt: 0.3 }, { tcp: 1600, rtt: 0.1 }),
  system('slow', 'rival', { tcp: 100, rtt: 0.1 }, { tcp: 50, rtt: 0.15 }, { tcp: 200, rtt: 0.05 }),
  system('fast', 'rival', { tcp: 300, rtt: 0.4 }, null, { tcp: 400, rtt: 0.4 }),
];

function report(changes: Partial<Report> = {}): Report {
  return { machine, rounds: 3, seconds: 2, minutes: 11.6, systems: SYSTEMS, idle: null, notes: [], ...changes };
}

/** The cells of the row that begins so. */
function row(text: string, first: string): string[] {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`| ${first} |`));
  assert.ok(line !== undefined, `a row of ${first} in\n${text}`);
  return line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, ''));
}

test('a median lies in the middle, whatever the order', () => {
  assert.equal(median([]), null);
  assert.equal(median([3]), 3);
  assert.equal(median([9, 1, 2]), 2);
  assert.equal(median([10, 9, 1, 2]), 5.5);
  const numbers = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, (values) => {
      const middle = median(values) ?? Number.NaN;
      assert.ok(values.filter((value) => value <= middle).length * 2 >= values.length);
      assert.ok(values.filter((value) => value >= middle).length * 2 >= values.length);
    }),
  );
});

test('a ratio is taken within rounds, over those that have both', () => {
  // 10/1, 20/100 and 30/10: the medians alone would say 2.
  const found = ratio([10, 20, 30, null, 5], [1, 100, 10, 7, null]);
  assert.deepEqual(found, { median: 3, least: 0.2, greatest: 10, rounds: 3 });
  assert.equal(ratio([1, null], [null, 1]), null);
  assert.equal(ratio([1], [0]), null);
});

test('the best rival is the best in that figure, and never a yardstick or the project', () => {
  assert.equal(bestRival(SYSTEMS, 'tcp')?.name, 'fast');
  assert.equal(bestRival(SYSTEMS, 'rtt')?.name, 'slow');
  assert.equal(bestRival(SYSTEMS, 'packets'), null);
});

test('a target is reached or missed by so much, in the direction that it has', () => {
  assert.equal(verdict(1.2, 'at least', 1.1, 1.4), 'reached');
  assert.equal(verdict(1.4, 'at least', 1.1, 1.4), 'reached, and what was aimed for');
  assert.equal(verdict(0.9, 'at least', 1.2), '**not reached**: 25 % too little');
  assert.equal(verdict(0.6, 'at most', 0.6), 'reached');
  assert.equal(verdict(0.9, 'at most', 0.6), '**not reached**: 50 % too much');
  assert.equal(verdict(0.6012, 'at most', 0.6), '**not reached**: 0.2 % too much');
});

test('targets are compared with whom they name', () => {
  const [reference, limit, rival] = outcomes(SYSTEMS);
  assert.equal(reference?.ratio, null);
  assert.equal(limit?.ratio?.median, 0.6);
  assert.equal(rival?.rival, 'fast');
  assert.deepEqual(rival?.ratio, { median: 3, least: 2, greatest: 4, rounds: 2 });
});

test('the report has medians, ratios, targets, and what is missing', () => {
  const notes = ['n2n: it could not be had.'];
  const text = renderReport(report({ notes, idle: { memory: 90e6, memoryOfDhtHost: 130e6, cpu: 0.006 } }), 'bars.svg');
  assert.match(text, /2026-02-03, commit abc1234: a CPU, 2 cores/);
  assert.match(text, /!\[[^\]]+\]\(bars\.svg\)/);
  assert.deepEqual(row(text, '**ours**').slice(0, 3), ['**ours**', '600', '–']);
  assert.deepEqual(row(text, 'TCP, one stream'), ['TCP, one stream', '–', '0.60', '–', '3.00 (2.00 to 4.00) fast']);
  assert.equal(row(text, 'TCP, one stream, to limit-nocrypt')[3], 'reached, and what was aimed for');
  assert.equal(row(text, 'ping, idle, to best rival (slow)')[3], '**not reached**: 67 % too much');
  assert.equal(row(text, 'memory of an idle daemon, network of three, all its processes')[3], 'reached');
  assert.equal(row(text, 'CPU of that daemon over a minute')[3], '**not reached**: 20 % too much');
  assert.match(text, /^- n2n: it could not be had\.$/m);
  assert.match(renderReport(report(), 'x'), /Nothing is missing/);
});

test('a cell cannot break its table', () => {
  assert.equal(table(['a', 'b'], [['x|y', '1']]), '| a | b |\n| --- | ---: |\n| x\\|y | 1 |');
});

test('a report replaces the last one and nothing else', () => {
  const page = 'before\n<!-- make bench writes from here -->\nold\n<!-- to here -->\nafter\n';
  const once = insertReport(page, 'new');
  assert.equal(once, 'before\n<!-- make bench writes from here -->\nnew\n<!-- to here -->\nafter\n');
  assert.equal(insertReport(once, 'new'), once);
  assert.throws(() => insertReport('no markers', 'new'), /expected the markers/);
});

test('a bar is as long as its value, and a name cannot break the picture', () => {
  const picture = renderChart([system('a<b', 'project', { tcp: 50 }), system('c', 'rival', { tcp: 200 })]);
  assert.doesNotMatch(picture, /a<b/);
  assert.match(picture, /a&lt;b/);
  const widths = [...picture.matchAll(/<rect class="(?:project|rival)"[^>]* width="([\d.]+)"/g)].map(([, w]) =>
    Number(w),
  );
  const [ours = 0, theirs = 0] = widths;
  assert.ok(theirs > 100 && Math.abs(theirs / ours - 4) < 0.01, `${ours} and ${theirs}`);
  assert.ok(
    widths.slice(2).every((width) => width === 0),
    'what was not measured has no bar',
  );
  assert.match(picture, /prefers-color-scheme: dark/);
});

test('options have defaults and bounds', () => {
  const known = ['p2p', 'nebula'];
  assert.deepEqual(parseOptions({}, known), { rounds: 5, seconds: 2, systems: null, idle: false });
  const env = { ROUNDS: '3', SECONDS: '1', SYSTEMS: 'nebula, p2p', IDLE: '1' };
  assert.deepEqual(parseOptions(env, known), { rounds: 3, seconds: 1, systems: ['nebula', 'p2p'], idle: true });
  assert.throws(() => parseOptions({ ROUNDS: '0' }, known), UsageError);
  assert.throws(() => parseOptions({ SECONDS: '1.5' }, known), /SECONDS: 1\.5; expected a whole number from 1 to 60/);
  assert.throws(() => parseOptions({ SYSTEMS: 'tink' }, known), /no tink; expected some of p2p nebula/);
});
