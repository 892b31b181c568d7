/** The hosts file as it's kept: who owns it, what happens when others write it, and what's left of a daemon that's gone. */
import assert from 'node:assert/strict';
import { chmod, link, open, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { HostsKeeper } from '../../../src/daemon/hosts/keeper.js';
import { cleanHosts, removeLeftover } from '../../../src/daemon/hosts/leftover.js';
import { Log } from '../../../src/daemon/log.js';
import { temporaryDirectory } from '../directory.js';

const HOSTS = '127.0.0.1 localhost\n192.0.2.7 caf\xe9\n';
const BEN = '10.10.10.2 ben.p2p';

async function file(t: TestContext): Promise<string> {
  const path = join(await temporaryDirectory(t), 'hosts');
  await writeFile(path, HOSTS, 'latin1');
  await chmod(path, 0o640);
  return path;
}

function keep(t: TestContext, path: string, tag = 'a1', held: number | null = null) {
  const log = new Log({ write: () => undefined }, 'ERROR');
  const lines = [BEN];
  const keeper = new HostsKeeper({ path, tag, held, log, lines: () => lines });
  keeper.touch();
  t.after(() => keeper.close());
  return { keeper, lines };
}

async function until(path: string, has: (text: string) => boolean): Promise<string> {
  const end = Date.now() + 30_000;
  for (;;) {
    const text = await readFile(path, 'latin1');
    if (has(text)) return text;
    if (Date.now() > end) assert.fail(`the file is still:\n${text}`);
    await pause(50);
  }
}

test('the names are there, follow the members, come back if others take them away, and go in the end', async (t) => {
  const path = await file(t);
  const before = await stat(path);
  const { keeper, lines } = keep(t, path);
  assert.ok((await until(path, (text) => text.includes(BEN))).startsWith(HOSTS));
  lines.push('10.10.10.3 cleo.p2p');
  keeper.touch();
  await until(path, (text) => text.includes('cleo'));
  await writeFile(path, `${HOSTS}192.0.2.8 scanner\n`, 'latin1');
  const mended = await until(path, (text) => text.includes('cleo'));
  assert.ok(mended.startsWith(`${HOSTS}192.0.2.8 scanner\n`));
  const { uid, gid, mode } = await stat(path);
  assert.deepEqual([uid, gid, mode], [before.uid, before.gid, before.mode]);
  assert.deepEqual(await readdir(join(path, '..')), ['hosts'], 'nothing else is left beside it');
  await keeper.close();
  assert.equal(await readFile(path, 'latin1'), `${HOSTS}192.0.2.8 scanner\n`);
  assert.deepEqual(keeper.problems(), []);
});

test('two daemons keep a block each in one file', async (t) => {
  const path = await file(t);
  const [one, two] = [keep(t, path, 'a1'), keep(t, path, 'b2')];
  await until(path, (text) => text.includes('# p2p a1') && text.includes('# p2p b2'));
  await one.keeper.close();
  await until(path, (text) => !text.includes('# p2p a1') && text.includes('# p2p b2'));
  await two.keeper.close();
  assert.equal(await readFile(path, 'latin1'), HOSTS);
});

test('a file with another name, or that a link leads to, stays that file', async (t) => {
  const path = await file(t);
  const directory = join(path, '..');
  await link(path, join(directory, 'other'));
  await symlink('hosts', join(directory, 'link'));
  const { ino } = await stat(path);
  const { keeper } = keep(t, join(directory, 'link'));
  await until(path, (text) => text.includes(BEN));
  assert.equal((await stat(path)).ino, ino);
  await keeper.close();
  assert.equal(await readFile(join(directory, 'other'), 'latin1'), HOSTS);
});

test('a descriptor does where there is no right to the path; a file that takes its place is told of', async (t) => {
  const path = await file(t);
  const held = await open(path, 'r+');
  t.after(() => held.close());
  const { keeper } = keep(t, path, 'a1', held.fd);
  await until(path, (text) => text.includes(BEN));
  await writeFile(`${path}.new`, HOSTS, 'latin1');
  await rename(`${path}.new`, path);
  keeper.touch();
  const end = Date.now() + 30_000;
  while (keeper.problems().length === 0 && Date.now() < end) await pause(50);
  assert.match(keeper.problems()[0] ?? '', /another file has taken its place.*restart the daemon/);
});

test('a file that cannot be written is told of, and harms nobody', async (t) => {
  const { keeper } = keep(t, join(await temporaryDirectory(t), 'missing'));
  const end = Date.now() + 30_000;
  while (keeper.problems().length === 0 && Date.now() < end) await pause(50);
  assert.match(keeper.problems()[0] ?? '', /names of members can't be written to .*missing: .*ENOENT/);
});

test('what a killed daemon left goes with the next one, or by hand; the block of another stays unless all are meant', async (t) => {
  const path = await file(t);
  const [one, two] = [keep(t, path, 'a1'), keep(t, path, 'b2')];
  const both = await until(path, (text) => text.includes('# p2p a1') && text.includes('# p2p b2'));
  await one.keeper.close();
  await two.keeper.close();
  await writeFile(path, both, 'latin1');
  assert.equal(await removeLeftover(path, 'a1'), true);
  assert.match(await readFile(path, 'latin1'), /# p2p b2/);
  assert.equal(await removeLeftover(path, 'a1'), false);
  assert.equal(await cleanHosts(path), true);
  assert.equal(await readFile(path, 'latin1'), HOSTS);
});
