import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NOTHING } from '../../../src/discovery/look/found.js';
import { Looker } from '../../../src/discovery/look/looker.js';

test('what a program said is there after the look; one that fails said nothing', async () => {
  const heard: (readonly string[])[] = [];
  const looker = new Looker({
    calls: [
      ['/bin/echo', 'one'],
      ['/bin/sh', '-c', 'echo two; exit 1'],
      ['/nowhere/program'],
      ['/bin/sh', '-c', 'head -c 2000000 /dev/zero'],
    ],
    parse: (texts) => {
      heard.push(texts);
      return { ...NOTHING, forwards: { ipv4: true, ipv6: null } };
    },
  });
  assert.equal(looker.found, NOTHING);
  await looker.look();
  assert.deepEqual(heard, [['one\n', '', '', '']]);
  assert.equal(looker.found.forwards.ipv4, true);
});

test('however many ask during a look, there is one more, which began after they asked', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'p2p-look-'));
  try {
    const file = join(directory, 'runs');
    const looker = new Looker({ calls: [['/bin/sh', '-c', `echo x >> ${file}`]], parse: () => NOTHING });
    const first = looker.look();
    await Promise.all([first, ...Array.from({ length: 20 }, () => looker.look())]);
    assert.equal(readFileSync(file, 'utf8'), 'x\nx\n');
    await looker.look();
    assert.equal(readFileSync(file, 'utf8'), 'x\nx\nx\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
