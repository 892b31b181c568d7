/** What docs/security.md says is shown by tests that there are, and its tables are bounded by constants that there are. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGE = 'docs/security.md';
/** Kinds of attackers that the threat model has to have. */
const ATTACKERS = [
  'outsider off path',
  'outsider on path',
  'flooder',
  'relay',
  'DHT node',
  'LAN neighbour',
  'member',
  'former member',
  'blocked member',
  'local user',
  'thief of a device',
];

/** Cells of the table below a heading, without its head. */
function tableBelow(heading: string): string[][] {
  const page = readFileSync(`${ROOT}${PAGE}`, 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `${PAGE} has a section "${heading}"`);
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What's wrong with `path`, or with `path: "title"` for a test of that title in it; null if nothing is. */
function faultOf(path: string, title: string | undefined): string | null {
  if (!existsSync(`${ROOT}${path}`)) return `there is no ${path}`;
  if (title === undefined) return null;
  const text = readFileSync(`${ROOT}${path}`, 'utf8').replaceAll("\\'", "'");
  return text.includes(title) ? null : `${path} has no "${title}"`;
}

/** Paths of tests in a cell, each with the title that stands behind it. */
function references(cell: string): { path: string; title: string | undefined }[] {
  return [...cell.matchAll(/((?:test|native)\/[\w./-]+\.(?:ts|rs))(?: "([^"]+)")?/g)].map(([, path = '', title]) => ({
    path,
    title,
  }));
}

test('every row of the threat model names tests that there are', () => {
  const rows = tableBelow('The threat model');
  for (const [attacker = '', can, cant, tests = ''] of rows) {
    assert.ok(can && cant, `${attacker}: says what it can and can't`);
    const named = references(tests);
    assert.notDeepEqual(named, [], `${attacker}: ${cant}: names a test`);
    for (const { path, title } of named) assert.equal(faultOf(path, title), null, attacker);
  }
  const known = new Set(rows.map(([attacker]) => attacker));
  assert.deepEqual(
    ATTACKERS.filter((attacker) => !known.has(attacker)),
    [],
  );
});

test('all other tests that the page names are there', () => {
  const page = readFileSync(`${ROOT}${PAGE}`, 'utf8');
  const named = references(page);
  assert.ok(named.length > 40, `${named.length} are named`);
  for (const { path, title } of named) assert.equal(faultOf(path, title), null);
});

test('a test that is not there, or has another title, is noticed', () => {
  const [gone, renamed] = references('test/none.test.ts, test/imports.test.ts "nothing imports in a square"');
  assert.match(faultOf(gone?.path ?? '', gone?.title) ?? '', /there is no test\/none/);
  assert.match(faultOf(renamed?.path ?? '', renamed?.title) ?? '', /has no "nothing imports in a square"/);
});

test('every bounded table has its limit where the page says, and that is its value', () => {
  const rows = tableBelow('Bounded tables');
  assert.ok(rows.length > 30);
  for (const [what = '', limit = '', name = '', path = ''] of rows) {
    const [, constant = ''] = /^`([\w.]+)`$/.exec(name) ?? [];
    const file = path.replaceAll('`', '');
    assert.ok(existsSync(`${ROOT}${file}`), `${what}: ${file}`);
    const text = readFileSync(`${ROOT}${file}`, 'utf8');
    const declared = new RegExp(`const ${constant}\\b[^=\\n]*= ([^;\\n]+)`).exec(text)?.[1];
    assert.ok(declared !== undefined, `${what}: ${file} declares ${constant}`);
    assert.equal(numberOf(declared), numberOf(limit), `${what}: ${constant}`);
  }
});

/** `4_096`, `4,096`, `2 ** 31 - 1`, `64 * 1_024` as a number. */
function numberOf(text: string): number {
  const plain = text.replaceAll(/[_,]/g, '');
  return plain.split('*').reduce((product, factor) => product * Number(factor), 1);
}
