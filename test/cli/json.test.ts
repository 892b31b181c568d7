/** What commands print with --json is what docs/schema/ says: every command, against a daemon with a member. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv, type ValidateFunction } from 'ajv';
import { temporaryDirectory } from '../daemon/directory.js';
import { Wire } from '../daemon/wire.js';
import { P2P, type Shell, shellOf, startDaemon } from './program.js';

const SCHEMAS = fileURLToPath(new URL('../../../docs/schema/', import.meta.url));
const HASH = 'p2p-aaaaaaaaaaaaaaaaaaaaaaaaaa';
const BEN = '10.10.10.2';

function schemas(): Map<string, ValidateFunction> {
  const ajv = new Ajv({ allErrors: true });
  return new Map(
    readdirSync(SCHEMAS).map((file) => [
      file.replace('.json', ''),
      ajv.compile(JSON.parse(readFileSync(`${SCHEMAS}${file}`, 'utf8')) as object),
    ]),
  );
}

/** Two members of one network, connected. */
async function twoMembers(t: TestContext): Promise<{ p2p: Shell; socket: string }> {
  const wire = new Wire();
  const socket = await startDaemon(t, wire.host('192.0.2.1'));
  const ben = shellOf(await startDaemon(t, wire.host('192.0.2.2'), 'ben'));
  const p2p = shellOf(socket);
  const joined = ['start', '-hash', HASH, '-port', '4900'];
  assert.equal((await p2p([...joined, '-ip', '10.10.10.1', '-key', 'a key that is long'])).code, 0);
  const there = ['-ip', BEN, '-key', 'a key that is long', '-peer', '192.0.2.1:4900'];
  assert.equal((await ben([...joined, ...there])).code, 0);
  return { p2p, socket };
}

test('every command prints what its schema says', async (t) => {
  const { p2p, socket } = await twoMembers(t);
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'config.yaml');
  await writeFile(file, 'lan: false\niptool: /sbin/ip\n');
  const valid = schemas();
  const seen = new Set<string>();
  const check = (name: string, text: string) => {
    const validate = valid.get(name);
    assert.ok(validate !== undefined, `docs/schema/${name}.json`);
    assert.ok(validate(JSON.parse(text)), `${name}: ${JSON.stringify(validate.errors)}\n${text}`);
    seen.add(name);
  };
  const calls: readonly (readonly [readonly string[], number?])[] = [
    [['wait', '-hash', HASH, '-check', 'ben.p2p', '--timeout', '30']],
    [['start', '-hash', 'another one', '-ip', '10.20.20.1', '-port', '4901']],
    [['show']],
    [['show', '-hash', HASH]],
    [['show', '-hash', HASH, '-keys']],
    [['show', '-check', BEN]],
    [['show', '-check', '10.10.10.9'], 12],
    [['status']],
    [['netcheck']],
    [['debug']],
    [['ping', BEN, '-c', '1']],
    [['peers']],
    [['peers', 'block', '0123456789abcdef', '-hash', HASH]],
    [['set', '-log', 'ERROR']],
    [['set', '-hash', 'another one', '-key', 'a secret that is long enough']],
    [['generate']],
    [['version']],
    [['check-config', file]],
    [['clean-hosts', file]],
    [['bugreport', '--output', join(directory, 'report.tar.gz')]],
    [['stop', '-hash', 'another one']],
    [['wait', '-hash', HASH, '-check', '10.10.10.9', '--timeout', '0.1'], 12],
  ];
  for (const [args, expected = 0] of calls) {
    const { code, stdout, stderr } = await p2p([...args, '--json']);
    assert.equal(code, expected, `${args.join(' ')}: ${stderr}`);
    check(args[0] ?? '', stdout);
  }
  for (const line of (await p2p(['logs', '--json'])).stdout.trim().split('\n')) if (line !== '') check('logs', line);
  check('events', await firstEvent(socket, () => p2p(['stop', '-hash', HASH])));
  // As the machine of the test is: with a service manager, or without.
  const service = await p2p(['service', 'status', '--json']);
  if (service.stdout !== '') check('service', service.stdout);
  else assert.match(service.stderr, /no service manager that p2p knows/);
  // The log is empty here if nothing went wrong.
  assert.deepEqual(
    [...seen, 'logs', 'service'].sort().filter((name, i, all) => name !== all[i - 1]),
    [...valid.keys()].sort(),
  );
});

test('the schemas are no empty promise', () => {
  const valid = schemas();
  for (const [name, data] of [
    ['version', { client: '1', daemon: null }],
    ['version', { version: 2, client: '1', daemon: null }],
    ['version', { version: 1, client: 1, daemon: null }],
    ['show', { version: 1, networks: [{ id: 'ab' }] }],
    ['wait', { version: 1, who: BEN }],
  ] as const)
    assert.equal(valid.get(name)?.(data), false, JSON.stringify(data));
  assert.equal(valid.get('version')?.({ version: 1, client: '1', daemon: null, added: 'later' }), true);
});

/** The first line of `p2p events --json` after `cause`. */
async function firstEvent(socket: string, cause: () => Promise<unknown>): Promise<string> {
  const child = spawn(process.execPath, [P2P, 'events', '--json', '--socket', socket], {
    env: { PATH: process.env['PATH'] },
  });
  const line = new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.on('close', () => reject(new Error('it ended without an event')));
  });
  child.stderr.once('data', () => void cause());
  try {
    return await line;
  } finally {
    child.kill('SIGINT');
  }
}
