import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { prepare } from '../../src/cli/argv.js';
import { buildProgram } from '../../src/cli/program.js';

const program = buildProgram(
  {
    runDaemon: () => Promise.resolve(0),
    newHash: () => Promise.resolve(''),
    cleanHosts: () => Promise.resolve(false),
    checkConfig: () => Promise.resolve({ file: '', warnings: [] }),
  },
  () => undefined,
);

function prepared(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string[] {
  return prepare(args, program, environment);
}

const SPELLINGS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [
    ['start', '-hash', 'h', '-ip', '10.10.10.1'],
    ['start', '--hash', 'h', '--ip', '10.10.10.1'],
  ],
  [
    ['start', '--hash', 'h', '-no-lan'],
    ['start', '--hash', 'h', '--no-lan'],
  ],
  [
    ['start', '-hash=-ip', '-ip=x'],
    ['start', '--hash=-ip', '--ip=x'],
  ],
  [
    ['start', '-hash', '-ip', '-ip', '-5'],
    ['start', '--hash', '-ip', '--ip', '-5'],
  ],
  [
    ['-socket', '-s', 'show', '-h'],
    ['--socket', '-s', 'show', '-h'],
  ],
  // -check has a value in one command and none in another.
  [
    ['show', '-check', '-json', '-json'],
    ['show', '--check', '-json', '--json'],
  ],
  [
    ['status', '-check', '-json'],
    ['status', '--check', '--json'],
  ],
  [
    ['show', '--', '-hash'],
    ['show', '--', '-hash'],
  ],
  [
    ['start', '-hahs', 'h'],
    ['start', '--hahs', 'h'],
  ],
  [
    ['start', '-hash'],
    ['start', '--hash'],
  ],
  [['--version'], ['version']],
  [
    ['-V', '-json'],
    ['version', '--json'],
  ],
  [
    ['help', 'start'],
    ['help', 'start'],
  ],
  [['help', 'strat'], ['strat']],
  [[], []],
];

test('long flags may have one dash; their values stay as they are', () => {
  for (const [args, expected] of SPELLINGS) assert.deepEqual(prepared(args), expected, args.join(' '));
});

test('the environment stands for flags that were not given', () => {
  const environment = { P2P_HASH: 'h', P2P_NO_LAN: '1', P2P_JSON: '0', P2P_SOCKET: '/s', P2P_NAME: '', P2P_WRONG: 'x' };
  assert.deepEqual(prepared(['start', '-ip', '1'], environment), [
    'start',
    '--socket=/s',
    '--hash=h',
    '--no-lan',
    '--ip',
    '1',
  ]);
});

test('a flag wins over the environment, wherever it stands', () => {
  const environment = { P2P_SOCKET: '/from-environment', P2P_HASH: 'from-environment' };
  assert.deepEqual(prepared(['stop', '-hash', 'h', '-socket=/s'], environment), ['stop', '--hash', 'h', '--socket=/s']);
  assert.deepEqual(prepared(['-socket', '/s', 'stop'], environment), [
    '--socket',
    '/s',
    'stop',
    '--hash=from-environment',
  ]);
});

test('a value from the environment that looks like a flag is one value', () => {
  assert.deepEqual(prepared(['stop'], { P2P_HASH: '--json' }), ['stop', '--hash=--json']);
});

test('a value is never changed, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.deepEqual(prepared(['start', '-hash', value, '-json']), ['start', '--hash', value, '--json']);
      assert.deepEqual(
        prepared(['start'], { P2P_HASH: value }),
        value === '' ? ['start'] : ['start', `--hash=${value}`],
      );
    }),
  );
});
