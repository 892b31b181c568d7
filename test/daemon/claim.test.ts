import assert from 'node:assert/strict';
import { link, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { claimSocket, refuseIfHeld, releaseSocket } from '../../src/daemon/claim.js';
import { temporaryDirectory } from './directory.js';

test('of two that start at once one gets the socket, also over a stale one', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'deep', 'sock');
  for (let round = 0; round < 20; round++) {
    const servers = Array.from({ length: 2 }, () => createServer((socket) => socket.destroy()).unref());
    const claims = await Promise.allSettled(servers.map((server) => claimSocket(server, path, 'in use')));
    const held = servers.filter((_, i) => claims[i]?.status === 'fulfilled');
    assert.equal(held.length, 1);
    for (const claim of claims)
      if (claim.status === 'rejected') assert.equal(claim.reason.reason, 'already-running', String(claim.reason));
    await assert.rejects(refuseIfHeld(path, 'in use'), { reason: 'already-running', message: 'in use' });
    // As after a kill: the file stays, and nobody listens.
    await link(path, `${path}.kept`);
    for (const server of held) await releaseSocket(server);
    await rename(`${path}.kept`, path);
    await refuseIfHeld(path, 'in use');
  }
});

test('what is no socket stays', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  await writeFile(path, 'precious');
  const server = createServer();
  await assert.rejects(claimSocket(server, path, 'in use'), { reason: 'bad-config', message: /is no socket/ });
  assert.equal(await readFile(path, 'utf8'), 'precious');
  await assert.rejects(claimSocket(server, `/tmp/${'x'.repeat(120)}`, 'in use'), { message: /at most 98 bytes/ });
});

test('only the owner may use a socket until the daemon says otherwise', async (t) => {
  const directory = await temporaryDirectory(t);
  await mkdir(join(directory, 'open'), { mode: 0o777 });
  const path = join(directory, 'open', 'sock');
  const server = createServer();
  await claimSocket(server, path, 'in use');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await releaseSocket(server);
});
