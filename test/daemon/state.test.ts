import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Endpoint } from '../../src/core/endpoint.js';
import { decodeSaved, encodeSaved, type SavedNetwork } from '../../src/daemon/saved.js';
import { State } from '../../src/daemon/state.js';
import type { Hash } from '../../src/rpc/fields.js';
import { temporaryDirectory } from './directory.js';

const NETWORK: SavedNetwork = {
  id: 'ab'.repeat(16),
  hash: 'my|hash' as Hash,
  root: new Uint8Array(32).fill(1),
  addresses: ['10.10.10.1/24'],
  dynamic: true,
  chosen: { address: '10.70.1.2/24', since: 1_700_000_000_000 },
  ula: false,
  device: 'p2p0',
  mac: '02:00:00:00:00:01',
  name: 'ada',
  port: 4900,
  ports: { min: 4000, max: 5000 },
  mtu: 1360,
  mssClamp: true,
  bridge: true,
  peers: ['192.0.2.1:4900'],
  keys: [
    { secret: new Uint8Array(32).fill(2), until: 2_000_000_000 },
    { secret: new Uint8Array(32).fill(4), until: null },
  ],
  noLan: true,
  dht: ['192.0.2.1:49737'],
  blocked: ['0123456789abcdef'],
  acquaintances: [
    { ip: '10.10.10.2', id: 'ab'.repeat(8), name: 'bob', since: 1_800_000_000_000, before: null },
    { ip: '2001:db8::7', id: 'cd'.repeat(8), name: 'cleo', since: 1_800_000_000_001, before: 'ef'.repeat(8) },
  ],
  relays: ['relay.example:4910'],
  routes: ['192.168.7.0/24'],
  acceptRoutes: ['private'],
  forwardOnly: true,
  remembered: [
    { record: new Uint8Array([1, 2, 3]), endpoints: ['192.0.2.2:4900' as Endpoint], stamp: new Uint8Array(8).fill(3) },
  ],
};

test('what is saved is there for the next daemon, and what is removed is not', async (t) => {
  const directory = join(await temporaryDirectory(t), 'state');
  const first = await State.open(directory);
  const other = { ...NETWORK, id: 'cd'.repeat(16), hash: 'other' as Hash, keys: null, ports: null };
  await Promise.all([first.save(NETWORK), first.save(other), first.save({ ...NETWORK, port: 4901 })]);
  assert.equal(await first.nextBoot(), 1);
  assert.equal(await first.nextBoot(), 2);
  await first.remove(other.id);
  await first.close();

  const second = await State.open(directory);
  assert.deepEqual(await second.load(), [{ ...NETWORK, port: 4901 }]);
  assert.deepEqual(second.problems, []);
  assert.deepEqual(second.master, first.master);
  assert.equal(await second.nextBoot(), 3);
  await second.close();
});

test('--save: one file has all networks, and brings back what the state directory lacks', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'p2p.save');
  const other = { ...NETWORK, id: 'cd'.repeat(16), hash: 'other' as Hash };
  const first = await State.open(join(directory, 'state'), file);
  await Promise.all([first.save(NETWORK), first.save(other)]);
  await first.remove(other.id);
  await first.save({ ...NETWORK, port: 4901 });
  await first.close();
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  const second = await State.open(join(directory, 'another'), file);
  assert.deepEqual(await second.load(), [{ ...NETWORK, port: 4901 }]);
  await second.save({ ...NETWORK, port: 4902 });
  await second.close();
  // The state directory counts, where both have it; and what came from the file is there without it.
  const third = await State.open(join(directory, 'state'), file);
  assert.deepEqual(await third.load(), [{ ...NETWORK, port: 4901 }]);
  await third.close();
  const fourth = await State.open(join(directory, 'another'));
  assert.deepEqual(await fourth.load(), [{ ...NETWORK, port: 4902 }]);
  await fourth.close();
});

test('--save: what is no such file, or may be written by others, is neither believed nor written over', async (t) => {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'p2p.save');
  for (const [text, mode, says] of [
    ['lan: false\n', 0o600, /^--save: .*p2p\.save: it is no file that --save wrote$/],
    ['{"version":1,"networks":[{}]}', 0o600, /^--save: .*: missing field/],
    ['{"version":1,"networks":[]}', 0o666, /others may write to it$/],
  ] as const) {
    await writeFile(file, text);
    await chmod(file, mode);
    await assert.rejects(State.open(join(directory, 'state'), file), { reason: 'bad-config', message: says });
    assert.equal(await readFile(file, 'utf8'), text);
  }
  // Nothing holds the directory then.
  await (await State.open(join(directory, 'state'))).close();
});

test('nobody else can read it', async (t) => {
  const directory = join(await temporaryDirectory(t), 'state');
  await mkdir(directory, { mode: 0o755 });
  const state = await State.open(directory);
  await state.save(NETWORK);
  await state.nextBoot();
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  for (const name of ['master', 'boot', 'lock', `networks/${NETWORK.id}.json`])
    assert.equal((await stat(join(directory, name))).mode & 0o177, 0, name);
  await state.close();
});

test('a second daemon is refused, a killed one is no obstacle', async (t) => {
  const directory = await temporaryDirectory(t);
  const state = await State.open(directory);
  await assert.rejects(State.open(directory), { reason: 'already-running', message: new RegExp(directory) });
  await state.close();
  const script = `import { createServer } from 'node:net';
    createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'));`;
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script, join(directory, 'lock')]);
  await once(killed, 'exit');
  assert.ok((await stat(join(directory, 'lock'))).isSocket(), 'its lock lies there');
  const next = await State.open(directory);
  await next.close();
});

test('a file that makes no sense is kept aside, said, and the rest goes on', async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await State.open(directory);
  await first.save(NETWORK);
  await first.nextBoot();
  await first.close();
  const folder = join(directory, 'networks');
  const bad = ['', '{"version":1', JSON.stringify({ version: 2 }), encodeSaved(NETWORK).replace('4900', '"4900"')];
  for (const [i, text] of bad.entries()) await writeFile(join(folder, `${i}.json`), text);
  await writeFile(join(folder, '0.json.corrupt-1'), 'from an earlier time');
  await writeFile(join(folder, `${NETWORK.id}.json.tmp`), 'a write that was cut short');
  await writeFile(join(directory, 'boot'), 'x');

  const before = Math.floor(Date.now() / 1000);
  const state = await State.open(directory);
  assert.deepEqual(await state.load(), [NETWORK]);
  const aside = ['boot', 'networks/0.json', 'networks/1.json', 'networks/2.json', 'networks/3.json'];
  assert.equal(state.problems.length, aside.length);
  for (const [i, name] of aside.entries())
    assert.ok(state.problems[i]?.includes(join(directory, name)), state.problems[i]);
  assert.equal(await readFile(join(folder, '0.json.corrupt-2'), 'utf8'), '');
  assert.equal(await readFile(join(folder, '1.json.corrupt-1'), 'utf8'), '{"version":1');
  assert.ok((await state.nextBoot()) > before, 'greater than any that was lost');
  assert.ok(!(await readdir(folder)).some((name) => name.endsWith('.tmp')));
  await state.close();
});

test('why a file makes no sense is said without quoting its secrets', () => {
  const text = encodeSaved(NETWORK);
  for (const broken of [text.slice(0, -20), text.replace('my|hash', 'my\\u0000hash'), text.replace('"hash"', '"hush"')])
    assert.throws(
      () => decodeSaved(broken),
      ({ message }: Error) => message !== '' && !message.includes('my|') && !message.includes('AQEB'),
    );
});

test('a kill at any moment leaves the old file or the new one', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'file');
  const script = `import { writeSafely } from ${JSON.stringify(new URL('../../src/daemon/files.js', import.meta.url).href)};
    for (let n = 0; ; n++) { await writeSafely(process.argv[1], String(n).repeat(20_000)); if (n === 3) console.log('going'); }`;
  for (let round = 0; round < 8; round++) {
    const writer = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(writer.stdout, 'data');
    setTimeout(() => writer.kill('SIGKILL'), Math.random() * 40);
    await once(writer, 'exit');
    const text = await readFile(path, 'utf8');
    const number = text.slice(0, text.length / 20_000);
    assert.equal(text, number.repeat(20_000));
  }
});
