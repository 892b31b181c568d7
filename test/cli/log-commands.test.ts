/** What the daemon remembers of its log, as commands show it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../daemon/directory.js';
import { Wire } from '../daemon/wire.js';
import { shellOf, startDaemon } from './program.js';

const HASH = 'p2p-aaaaaaaaaaaaaaaaaaaaaaaaaa';

test('logs prints the last lines, as many as asked for; a bug report has them without the hash', async (t) => {
  const p2p = shellOf(await startDaemon(t, new Wire().host('192.0.2.1')));
  assert.equal((await p2p(['set', '-log', 'DEBUG'])).code, 0);
  assert.equal((await p2p(['start', '-hash', HASH, '-ip', '10.10.10.1'])).code, 0);
  const all = await p2p(['logs']);
  assert.deepEqual([all.code, all.stderr], [0, '']);
  const lines = all.stdout.trimEnd().split('\n');
  assert.ok(
    lines.some((line) => /^\d\d:\d\d:\d\d\.\d{3} INFO {4}network started network=[0-9a-f]{32} device=p2p0/.test(line)),
  );
  const two = await p2p(['logs', '-n', '2', '--json']);
  const read = two.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(read.length, 2);
  assert.deepEqual(
    read.map(({ version, level }) => [version, level]),
    [
      [1, 'DEBUG'],
      [1, 'DEBUG'],
    ],
  );
  assert.deepEqual((await p2p(['logs', '-n', '0'])).stdout, '');

  const archive = join(await temporaryDirectory(t), 'report.tar.gz');
  assert.equal((await p2p(['bugreport', '--output', archive])).code, 0);
  const { stdout } = await promisify(execFile)('tar', ['-xzOf', archive, 'p2p-bugreport/daemon-log.txt']);
  assert.match(stdout, /^\d{4}-\d\d-\d\dT\S+ INFO {4}network started /m);
  assert.ok(!stdout.includes(HASH));
});
