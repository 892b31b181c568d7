/** What a local user could have prepared at the state directory and at the socket is refused, and named. */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { claimSocket, releaseSocket } from '../../src/daemon/claim.js';
import { readIfThere, writeSafely } from '../../src/daemon/files.js';
import { accessFor } from '../../src/daemon/socket-access.js';
import { State } from '../../src/daemon/state.js';
import { temporaryDirectory } from './directory.js';

const isRoot = process.getuid?.() === 0;

async function isRefused(directory: string, message: RegExp): Promise<void> {
  await assert.rejects(State.open(directory), { reason: 'permission-denied', message });
}

test('a state directory that is a symbolic link, a file, or open to others is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  const real = join(directory, 'real');
  await (await State.open(real)).close();

  const link = join(directory, 'link');
  await symlink(real, link);
  await isRefused(link, /link is a symbolic link/);
  for (const mode of [0o777, 0o770, 0o722]) {
    await chmod(real, mode);
    await isRefused(real, /may be written by others.*chmod 700/);
    assert.equal((await stat(real)).mode & 0o777, mode, 'and left as it was, to be looked at');
  }
  await chmod(real, 0o755);
  await (await State.open(real)).close();
  assert.equal((await stat(real)).mode & 0o777, 0o700, 'what others may only read is closed');

  await rm(join(real, 'networks'), { recursive: true });
  await symlink(directory, join(real, 'networks'));
  await isRefused(real, /networks is a symbolic link/);
});

test('a directory that somebody else could put another in the place of is refused', async (t) => {
  const open = join(await temporaryDirectory(t), 'open');
  await mkdir(open);
  await chmod(open, 0o777);
  await isRefused(join(open, 'state'), /may be replaced by anyone, for all may write to .*open; try: chmod o-w/);
  const server = createServer();
  await assert.rejects(claimSocket(server, join(open, 'sock'), 'in use'), {
    reason: 'permission-denied',
    message: /replaced/,
  });
  await chmod(open, 0o1777);
  await (await State.open(join(open, 'state'))).close();
});

test('one that belongs to somebody else is refused', {
  skip: isRoot ? false : 'only root can give a file away',
}, async (t) => {
  const directory = join(await temporaryDirectory(t), 'state');
  await (await State.open(directory)).close();
  await chown(directory, 54_321, 54_321);
  await isRefused(directory, /belongs to user 54321, and the daemon runs as user 0; try: chown -R 0 /);
});

test('a symbolic link is neither read nor written through', async (t) => {
  const directory = await temporaryDirectory(t);
  const victim = join(directory, 'victim');
  await writeFile(victim, 'precious');
  const path = join(directory, 'master');
  await symlink(victim, path);
  await assert.rejects(readIfThere(path), { code: 'ELOOP' });
  await symlink(victim, `${path}.tmp`);
  await assert.rejects(writeSafely(path, 'mine'), { code: 'ELOOP' });
  assert.equal(await readFile(victim, 'utf8'), 'precious');
});

test('a socket has its permissions and its group from the first moment', async (t) => {
  const path = join(await temporaryDirectory(t), 'sock');
  const before = [process.umask(), process.getegid?.()];
  const group = isRoot ? 54_321 : null;
  const server = createServer();
  const claimed = claimSocket(server, path, 'in use', { mode: 0o660, group });
  // Whenever it's there, it's right: looked at as often as this loop comes round until the claim is done.
  let done = false;
  void claimed.then(() => {
    done = true;
  });
  let seen = 0;
  while (!done) {
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    assert.equal(found.mode & 0o777, 0o660);
    if (group !== null) assert.equal(found.gid, group);
    seen++;
  }
  assert.ok(seen > 0 || (await stat(path)).isSocket());
  assert.deepEqual([process.umask(), process.getegid?.()], before, 'the process is as it was');
  await releaseSocket(server);
});

test('the group p2p may use the socket, if the daemon can give it to that', () => {
  const groups = 'root:x:0:\np2p-admins:x:7:\np2p:x:998:ada,bob\n';
  const problems: string[] = [];
  const access = (gid: number, text: string, can: boolean) =>
    accessFor({ groups: text, gid, canBecome: () => can }, (problem) => problems.push(problem));
  assert.deepEqual(access(0, groups, true), { mode: 0o660, group: 998 });
  assert.deepEqual(access(998, groups, false), { mode: 0o660, group: null });
  assert.deepEqual(problems, []);
  assert.deepEqual(access(1000, groups, false), { mode: 0o600, group: null });
  assert.deepEqual(access(1000, 'root:x:0:\n', true), { mode: 0o600, group: null });
  assert.deepEqual(access(0, 'p2p:x:not-a-number:\n', true), { mode: 0o660, group: null });
  assert.equal(problems.length, 3);
});
