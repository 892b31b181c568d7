/** What goes wrong between command and daemon: one sentence and one code, never a stack trace. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmod, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { exitCode } from '../../src/cli/exit.js';
import { temporaryDirectory } from '../daemon/directory.js';
import { Wire } from '../daemon/wire.js';
import { P2P, run, shellOf, startDaemon } from './program.js';

/** Something at a socket that answers any call as `answer` says. */
async function answering(t: TestContext, answer: (method: string) => object): Promise<string> {
  const socket = join(await temporaryDirectory(t), 'sock');
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { id: number; method: string };
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer(method) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return socket;
}

test('a daemon of another version is named with both versions', async (t) => {
  const own = (await run(['version'], { P2P_SOCKET: '/nowhere/sock' })).stdout.trim().split(' ')[1] ?? '';
  const version = { result: { version: '0.0.7' } };
  const unknown = { error: { code: -32601, message: 'unknown method "daemon.debug"' } };
  const other = { result: { version: '0.0.7', networks: 'none' } };
  for (const [command, answer] of [
    ['debug', unknown],
    ['status', other],
  ] as const) {
    const socket = await answering(t, (method) => (method === 'daemon.version' ? version : answer));
    const { code, stdout, stderr } = await shellOf(socket)([command]);
    assert.deepEqual([code, stdout], [13, '']);
    assert.match(stderr, /^p2p: the daemon is version 0\.0\.7, this command is version .*: restart the daemon/);
    assert.ok(stderr.includes(`this command is version ${own}`));
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('the same version that answers nonsense is not called another', async (t) => {
  const own = (await run(['version'], { P2P_SOCKET: '/nowhere/sock' })).stdout.trim().split(' ')[1] ?? '';
  const socket = await answering(t, (method) => ({ result: method === 'daemon.version' ? { version: own } : {} }));
  const { code, stderr } = await shellOf(socket)(['status']);
  assert.equal(code, 1);
  assert.match(stderr, /^p2p: the daemon's answer isn't what this version expects: missing field /);
});

test('no permission: who may use the socket, and what to do', async (t) => {
  const directory = await temporaryDirectory(t);
  const socket = await startDaemon(t, new Wire().host('192.0.2.1'));
  const link = join(directory, 'sock');
  await symlink(socket, link);
  // Root is kept out by nothing, so it becomes somebody else once the code is loaded; whoever else this is keeps itself out.
  await chmod(directory, process.getuid?.() === 0 ? 0o700 : 0o000);
  const client = new URL('../../src/rpc/client.js', import.meta.url);
  const script = `
    const { call } = await import(${JSON.stringify(client.href)});
    if (process.getuid() === 0) process.setuid(65534);
    await call(${JSON.stringify(link)}, 'daemon.version', {}).catch((error) => console.log(error.reason, error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  await chmod(directory, 0o700);
  assert.match(
    stdout,
    /^permission-denied no permission to use .*\/sock: .*group p2p \(sudo usermod -aG p2p \$USER, then log in anew; .*\)$/m,
  );
  assert.equal(exitCode(Object.assign(new Error(''), { reason: 'permission-denied' })), 4);
});

test('output to a closed pipe ends quietly, whatever is printed', async (t) => {
  const socket = await startDaemon(t, new Wire().host('192.0.2.1'));
  for (const command of [
    'status --json',
    'debug',
    'netcheck',
    'generate',
    'completion bash',
    'logs',
    'version',
    'show --watch',
  ]) {
    const script = `"$0" "$1" ${command} | true; exit "\${PIPESTATUS[0]}"`;
    const child = spawn('/bin/bash', ['-c', script, process.execPath, P2P], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env['PATH'], P2P_SOCKET: socket },
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.deepEqual([code, stderr], [0, ''], command);
  }
});
