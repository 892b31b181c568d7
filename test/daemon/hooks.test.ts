/** Commands that run when networks come and go: with what, as long as they may, and what becomes of their failures. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { prepare } from '../../src/cli/argv.js';
import { buildProgram } from '../../src/cli/program.js';
import type { Hook } from '../../src/daemon/hook.js';
import { parseHook } from '../../src/daemon/hook.js';
import { Hooks } from '../../src/daemon/hooks.js';
import { loadConfig } from '../../src/daemon/load-config.js';
import { Log } from '../../src/daemon/log.js';
import { temporaryDirectory } from './directory.js';

const FACTS = {
  ...{
    id: 'ab'.repeat(16),
    device: 'p2p0',
    addresses: ['10.10.10.1/24', 'fd00::1/64'],
    chosen: null,
    mac: '02:00:00:00:00:01',
  },
  ...{ mtu: 1360, port: 4900, name: 'ada', routes: ['192.168.7.0/24'] },
};

interface Line {
  readonly msg: string;
  readonly line?: string;
  readonly error?: string;
}

function hooks(up: Hook | null, down: Hook | null = null): { hooks: Hooks; lines: Line[] } {
  const lines: Line[] = [];
  const log = new Log({ write: (line) => lines.push(JSON.parse(line) as Line) }, 'INFO');
  return { hooks: new Hooks({ commands: { up, down }, socket: '/run/p2p.sock', log }), lines };
}

test('a hook has the facts of its network in the environment, and nothing else', async () => {
  process.env['P2P_HASH'] = 'a secret';
  try {
    const { hooks: some, lines } = hooks(null, ['/usr/bin/env']);
    await some.run('up', FACTS);
    assert.deepEqual(lines, [], 'none is no hook');
    await some.run('down', FACTS);
    const said = lines.flatMap(({ line }) => line ?? []).filter((line) => !/^(PWD|SHLVL|_)=/.test(line));
    assert.deepEqual(said.sort(), [
      'LANG=C.UTF-8',
      'P2P_ADDRESSES=10.10.10.1/24 fd00::1/64',
      'P2P_DEVICE=p2p0',
      'P2P_HOOK=down',
      'P2P_IP=10.10.10.1',
      'P2P_MAC=02:00:00:00:00:01',
      'P2P_MTU=1360',
      'P2P_NAME=ada',
      `P2P_NETWORK=${FACTS.id}`,
      'P2P_PORT=4900',
      'P2P_ROUTES=192.168.7.0/24',
      'P2P_SOCKET=/run/p2p.sock',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
  } finally {
    delete process.env['P2P_HASH'];
  }
});

test('a line is for the shell, a list is a program; a failure is told and no more', async () => {
  for (const [hook, says] of [
    ['echo "$P2P_DEVICE and $((1 + 1))"; exit 0', /p2p0 and 2/],
    [['/bin/echo', '$P2P_DEVICE'], /\$P2P_DEVICE/],
    ['echo oh >&2; exit 3', /exit code 3/],
    ['kill -TERM $$', /ended by SIGTERM/],
    [['/nowhere/program'], /ENOENT/],
  ] as const) {
    const { hooks: some, lines } = hooks(hook);
    await some.run('up', FACTS);
    assert.match(lines.map(({ line, error }) => line ?? error ?? '').join('\n'), says, String(hook));
  }
});

test('an up that still runs when its network goes down is stopped, with what it started', async (t) => {
  const directory = await temporaryDirectory(t);
  const { hooks: some, lines } = hooks(`echo begun; (sleep 60; touch ${directory}/late) & wait`, 'true');
  const up = some.run('up', FACTS);
  while (!lines.some(({ line }) => line === 'begun')) await pause(20);
  await some.run('down', FACTS);
  await up;
  assert.match(lines.map(({ error }) => error ?? '').join(''), /the network goes down/);
});

test('output is bounded', async () => {
  const { hooks: some, lines } = hooks('seq 1000; head -c 100000 /dev/zero | tr "\\0" x');
  await some.run('up', FACTS);
  const said = lines.flatMap(({ line }) => line ?? []);
  assert.equal(said.length, 50);
  assert.ok(said.every((line) => line.length <= 500));
});

test('what is no command', () => {
  for (const bad of ['', [], [''], [1], 7, null, true, ['a', 'b\0'], Array(65).fill('x'), 'x'.repeat(4_097)])
    assert.throws(() => parseHook(bad), { name: 'RangeError', message: /expected/ }, JSON.stringify(bad));
  assert.equal(parseHook('true'), 'true');
  assert.deepEqual(parseHook(['true', '']), ['true', '']);
});

test('commands run only from a file that nobody else may write', async (t) => {
  const config = await configuration(t, 'up: "true"\n');
  assert.equal((await loadConfig({ config })).up, 'true');
  const refused = async (says: RegExp) =>
    assert.rejects(loadConfig({ config }), { reason: 'bad-config', message: says });
  await chmod(config, 0o664);
  await refused(/nobody else may write; try: chmod go-w .*config\.yaml/);
  await chmod(config, 0o644);
  const open = join(config, '..', 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  await writeFile(join(open, 'config.yaml'), await readFile(config));
  await assert.rejects(loadConfig({ config: join(open, 'config.yaml') }), { message: /may be replaced by anyone/ });
  await writeFile(config, 'up: {a: b}\n');
  await refused(/config\.yaml:1: up: expected a line for the shell, or a list of a program/);
  // Others may write to a file without commands: that's its owner's business.
  await writeFile(config, 'mtu: 1300\n');
  await chmod(config, 0o666);
  assert.equal((await loadConfig({ config })).mtu, 1300);
});

async function configuration(t: TestContext, text: string): Promise<string> {
  const path = join(await temporaryDirectory(t), 'config.yaml');
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

test('in a hook the facts are no flags for p2p, but the socket is', () => {
  const program = () =>
    buildProgram(
      {
        runDaemon: () => Promise.resolve(0),
        newHash: () => Promise.resolve(''),
        cleanHosts: () => Promise.resolve(false),
        checkConfig: (file) => Promise.resolve({ file: file ?? '', warnings: [] }),
      },
      () => undefined,
    );
  const environment = { P2P_NAME: 'ada', P2P_MTU: '1360', P2P_SOCKET: '/s' };
  assert.deepEqual(prepare(['set', '-log', 'DEBUG'], program(), environment).sort(), [
    ...['--log', '--mtu=1360', '--name=ada', '--socket=/s', 'DEBUG', 'set'],
  ]);
  assert.deepEqual(prepare(['set', '-log', 'DEBUG'], program(), { ...environment, P2P_HOOK: 'up' }).sort(), [
    ...['--log', '--socket=/s', 'DEBUG', 'set'],
  ]);
});
