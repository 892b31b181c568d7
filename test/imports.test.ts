/** Who may import whom, and why; and that nobody imports in circles. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

interface Rule {
  /** Folders whose modules it may import, besides its own. */
  readonly may: readonly string[];
  readonly why: string;
}

const RULES: Readonly<Record<string, Rule>> = {
  'main.ts': { may: ['cli', 'daemon'], why: 'it only picks one of the two' },
  cli: {
    may: ['rpc', 'service', 'system', 'core'],
    why: 'a command asks the daemon and prints; what it can do, any client of the socket can',
  },
  service: { may: ['system', 'core'], why: 'it makes the daemon a service of the system, whether it runs or not' },
  docs: {
    may: ['cli', 'daemon'],
    why: 'it writes down what the commands and the configuration say of themselves',
  },
  system: { may: ['core'], why: 'it says what this system calls things, and knows nothing of what they are for' },
  rpc: { may: ['system', 'core'], why: 'the contract knows neither of its ends, so that both can share it' },
  daemon: {
    may: ['rpc', 'network', 'session', 'paths', 'relay', 'discovery', 'device', 'wire', 'system', 'core'],
    why: 'it runs without any command line, so it must not need one',
  },
  network: {
    may: ['session', 'paths', 'relay', 'wire', 'core'],
    why: 'the machine of a network is pure: it is handed what happens, and names what to do',
  },
  session: {
    may: ['wire', 'core'],
    why: 'sessions, paths and relays know nothing of each other; the network joins them',
  },
  paths: { may: ['core'], why: 'sessions, paths and relays know nothing of each other; the network joins them' },
  relay: {
    may: ['wire', 'core'],
    why: 'sessions, paths and relays know nothing of each other; the network joins them',
  },
  discovery: { may: ['wire', 'system', 'core'], why: 'it finds endpoints; what a member is, the network decides' },
  device: { may: ['wire', 'core'], why: 'a device carries what it is told to; it must be possible to swap it' },
  wire: { may: ['core'], why: 'codecs are used from all sides, so they must not lean on any' },
  core: { may: [], why: 'it is the leaf: all others may use it' },
};

/** Folders whose modules read no clock and open nothing: of Node they may use what computes. */
const PURE = ['network', 'session', 'paths', 'relay', 'wire', 'core'];
const COMPUTES = ['node:crypto'];

interface Import {
  readonly specifier: string;
  /** Whether nothing of it is left when the program runs. */
  readonly typesOnly: boolean;
}

/** Each module's path below src/, and its text. */
type Sources = ReadonlyMap<string, string>;

function readSources(): Sources {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return new Map(paths.map((path) => [path, readFileSync(join(SRC, path), 'utf8')]));
}

function importsOf(path: string, text: string): Import[] {
  const { module, errors } = parseSync(path, text);
  assert.deepEqual(errors, [], path);
  const fixed = module.staticImports.map(({ moduleRequest, entries }) => ({
    specifier: moduleRequest.value,
    typesOnly: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  const passed = module.staticExports
    .flatMap(({ entries }) => entries)
    .flatMap(({ moduleRequest, isType }) =>
      moduleRequest === null ? [] : [{ specifier: moduleRequest.value, typesOnly: isType }],
    );
  const dynamic = module.dynamicImports.map(({ moduleRequest }) => ({
    specifier: text.slice(moduleRequest.start, moduleRequest.end).replace(/^['"`]|['"`]$/g, ''),
    typesOnly: false,
  }));
  return [...fixed, ...passed, ...dynamic];
}

/** The module below src/ that a relative specifier means; null for a package. */
function target(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function violations(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    importsOf(path, text).flatMap((found) =>
      violation(path, found).map((why) => `${path} imports ${found.specifier}: ${why}`),
    ),
  );
}

function violation(path: string, { specifier, typesOnly }: Import): string[] {
  const folder = folderOf(path);
  const to = target(path, specifier);
  if (to === null) {
    if (specifier === 'node:module' && path !== 'device/native.ts') return ['only device/native.ts loads the addon'];
    if (PURE.includes(folder) && specifier.startsWith('node:') && !COMPUTES.includes(specifier))
      return [`${folder}/ is pure: the loop hands it time and datagrams, so that a run can be repeated`];
    return [];
  }
  if (/^(\.\.\/)+native\//.test(to) && path !== 'device/native.ts') return ['only device/native.ts loads the addon'];
  const rule = RULES[folder];
  if (rule === undefined) return [`there is no rule for ${folder}; make one`];
  if (folderOf(to) === folder || rule.may.includes(folderOf(to))) return [];
  // The interface of devices is a leaf: its types are what the network's outputs are made of.
  if (folder === 'network' && to === 'device/device.ts' && typesOnly) return [];
  return [`${folder} may import ${rule.may.join(', ') || 'nothing'}, because ${rule.why}`];
}

/** One import cycle, as a list of modules that ends where it began; null if there is none. */
function cycle(sources: Sources): string[] | null {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return null;
    for (const { specifier } of importsOf(path, sources.get(path) ?? '')) {
      const to = target(path, specifier);
      const found = to !== null && sources.has(to) ? visit(to, [...trail, path]) : null;
      if (found !== null) return found;
    }
    done.add(path);
    return null;
  };
  for (const path of sources.keys()) {
    const found = visit(path, []);
    if (found !== null) return found;
  }
  return null;
}

test('every import keeps to the rules', () => {
  const sources = readSources();
  assert.ok(sources.size > 50, `the sources are found: ${sources.size} below ${relative('.', SRC)}`);
  assert.deepEqual(violations(sources), []);
});

test('nothing imports in a circle', () => {
  assert.equal(cycle(readSources())?.join(' → ') ?? null, null);
});

test('a violation is caught, and its reason said', () => {
  const bad: readonly (readonly [string, string, RegExp])[] = [
    [
      'cli/x.ts',
      "import { x } from '../daemon/main.js';",
      /cli may import rpc, service, system, core, because a command asks/,
    ],
    ['cli/x.ts', "await import('../network/network.js');", /cli may import/],
    ['daemon/x.ts', "export * from '../cli/run.js';", /daemon may import/],
    ['network/x.ts', "import { DeviceError } from '../device/device.js';", /network may import/],
    ['network/x.ts', "import type { X } from '../device/native.js';", /network may import/],
    ['network/x.ts', "import { setTimeout } from 'node:timers/promises';", /network\/ is pure/],
    ['paths/x.ts', "import type { Session } from '../session/session.js';", /paths may import core/],
    ['core/x.ts', "import { x } from '../wire/hello.js';", /core may import nothing/],
    ['daemon/x.ts', "import { createRequire } from 'node:module';", /only device\/native\.ts/],
    ['daemon/x.ts', "import addon from '../../native/index.js';", /only device\/native\.ts/],
    ['extra/x.ts', "import { x } from '../core/bytes.js';", /no rule for extra/],
  ];
  for (const [path, text, why] of bad) {
    const found = violations(new Map([[path, text]]));
    assert.equal(found.length, 1, text);
    assert.match(found[0] ?? '', why);
  }
  const good: readonly (readonly [string, string])[] = [
    ['network/x.ts', "import type { Device } from '../device/device.js';"],
    ['network/x.ts', "import { type Device, type DeviceEvent } from '../device/device.js';"],
    ['cli/x.ts', "import { x } from './commands/start.js';"],
    ['main.ts', "await import('./daemon/main.js');"],
  ];
  for (const [path, text] of good) assert.deepEqual(violations(new Map([[path, text]])), []);
});

test('a circle is caught', () => {
  const sources = new Map([
    ['core/a.ts', "import { b } from './b.js';"],
    ['core/b.ts', "export { c } from './c.js';"],
    ['core/c.ts', "import type { A } from './a.js';"],
  ]);
  assert.deepEqual(cycle(sources), ['core/a.ts', 'core/b.ts', 'core/c.ts', 'core/a.ts']);
});
