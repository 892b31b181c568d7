import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { test } from 'node:test';
import { Profile } from '../../src/daemon/profile.js';
import { temporaryDirectory } from './directory.js';

for (const kind of ['cpu', 'memory'] as const) {
  test(`a profile of ${kind}: a file for this user alone whenever it is asked for and at the end`, async (t) => {
    const directory = await temporaryDirectory(t);
    const profile = await Profile.begin(kind, directory);
    const secret = `a secret ${Math.random()}`;
    const busy = Array.from({ length: 20_000 }, (_, i) => `${secret} ${i}`);
    const paths = [...(await Promise.all([profile.write(), profile.write()])), await profile.end()];
    assert.equal(new Set(paths).size, 3);
    assert.deepEqual((await readdir(directory)).sort(), paths.map((path) => basename(path)).sort());
    assert.equal(busy.length, 20_000);
    for (const path of paths) {
      assert.match(path, kind === 'cpu' ? /\.cpuprofile$/ : /\.heapprofile$/);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      const text = await readFile(path, 'utf8');
      assert.ok(kind === 'cpu' ? 'nodes' in JSON.parse(text) : 'head' in JSON.parse(text));
      assert.ok(!text.includes(secret), 'what is in memory is not in the file');
    }
  });
}
