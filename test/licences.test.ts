/** What's built in from others: only under licences that native/deny.toml allows, from the registries, and of what guards secrets one version. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as v from 'valibot';

const DENY = readFileSync('native/deny.toml', 'utf8');
const ALLOWED = listed(/^allow = \[([^\]]*)\]/m, /"([^"]+)"/g);
const BANNED = listed(/^deny = \[([^\]]*)\]/m, /\{ crate = "([^"]+)" \}/g);
const SINGLE = listed(/^deny = \[([^\]]*)\]/m, /\{ crate = "([^"]+)", deny-multiple-versions = true \}/g);

function listed(list: RegExp, item: RegExp): string[] {
  const items = [...(list.exec(DENY)?.[1] ?? '').matchAll(item)].map(([, name = '']) => name);
  assert.ok(items.length > 0, `deny.toml has nothing like ${item}`);
  return items;
}

/** Whether an SPDX expression can be met with what's allowed; `A/B` is how crates once wrote `A OR B`. */
function isAllowed(expression: string): boolean {
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^()\s]+/g) ?? [];
  let at = 0;
  const either = (): boolean => {
    let good = both();
    for (; tokens[at] === 'OR'; good = both() || good) at += 1;
    return good;
  };
  const both = (): boolean => {
    let good = one();
    for (; tokens[at] === 'AND'; good = one() && good) at += 1;
    return good;
  };
  const one = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && ALLOWED.includes(token);
    const good = either();
    return tokens[at++] === ')' && good;
  };
  return either() && at === tokens.length;
}

test('licence expressions', () => {
  for (const good of [
    'MIT',
    'GPL-3.0 OR MIT',
    'Unlicense/MIT',
    '(MIT OR GPL-2.0) AND Unicode-3.0',
    'ISC AND (X OR ISC)',
  ])
    assert.ok(isAllowed(good), good);
  for (const bad of ['', 'GPL-3.0', 'MIT AND GPL-3.0', 'MIT OR', '(MIT', 'MIT)', 'MIT MIT', 'OR', 'SEE LICENSE IN x'])
    assert.ok(!isAllowed(bad), bad);
});

test('every npm package that goes along has an allowed licence, a checksum, and comes from the registry', () => {
  const lock = v.parse(
    v.object({ packages: v.record(v.string(), v.looseObject({ license: v.optional(v.string()) })) }),
    JSON.parse(readFileSync('package-lock.json', 'utf8')),
  );
  const packages = Object.entries(lock.packages).filter(
    ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true,
  );
  assert.ok(packages.length > 20, `only ${packages.length} packages`);
  for (const [path, { license, integrity, link }] of packages) {
    assert.ok(isAllowed(license ?? ''), `${path}: licence ${license}`);
    assert.ok(typeof integrity === 'string' && link !== true, `${path}: not from the registry`);
  }
});

const METADATA = v.object({
  packages: v.array(
    v.object({
      name: v.string(),
      version: v.string(),
      license: v.nullable(v.string()),
      source: v.nullable(v.string()),
    }),
  ),
});

/** Every crate of this platform's builds, tests included. */
function crates() {
  const host = /^host: (.*)$/m.exec(execFileSync('rustc', ['-vV'], { encoding: 'utf8' }))?.[1] ?? assert.fail();
  const args = ['metadata', '--offline', '--locked', '--format-version', '1', '--filter-platform', host];
  const output = execFileSync('cargo', [...args, '--manifest-path', 'native/Cargo.toml'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  return v.parse(METADATA, JSON.parse(output)).packages;
}

test('every crate has an allowed licence and comes from the registry', () => {
  const all = crates();
  assert.ok(all.length > 50, `only ${all.length} crates`);
  for (const { name, version, license, source } of all) {
    assert.ok(isAllowed(license ?? ''), `${name} ${version}: licence ${license}`);
    assert.ok(source === null ? name === 'p2p-native' : source.startsWith('registry+'), `${name}: ${source}`);
  }
});

test('no banned crate, and of what guards secrets one version', () => {
  // The tree, not the lock file or the metadata: those also have what a feature could bring that nobody has switched on.
  const args = ['tree', '--offline', '--locked', '--prefix', 'none', '--format', '{p}'];
  const tree = execFileSync('cargo', [...args, '--manifest-path', 'native/Cargo.toml'], { encoding: 'utf8' });
  const crates = new Set(tree.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')));
  const names = [...crates].map((crate) => crate.split(' ')[0]);
  assert.ok(names.length > 50, `only ${names.length} crates`);
  for (const banned of BANNED) assert.ok(!names.includes(banned), `${banned} is banned`);
  for (const single of SINGLE)
    assert.equal(names.filter((name) => name === single).length, 1, `${single}: expected one version`);
});
