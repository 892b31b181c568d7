/** What goes wrong between command and daemon: one sentence and one code, never a stack trace. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
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
