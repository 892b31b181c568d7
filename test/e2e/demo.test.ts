/** The demo shows what it promises, and leaves nothing, however it ends. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { namespaces } from './harness/owner.js';
import { DEMO } from './harness/places.js';
import { Program } from './harness/shell.js';
import { GiveUp, waitFor } from './harness/wait.js';

test('the demo runs to its end', async (t) => {
  const demo = new Program(DEMO, []);
  assert.equal(await demo.exited, 0, demo.stdout + demo.stderr);
  assert.equal(demo.stderr, '');
  for (const shown of [
    /\bdirect\b/,
    /State:connected\|direct\|/,
    /DHT: \d+ nodes, announced \d+ s ago, 2 members found/,
    /3 received/,
    /Received 2 response/,
    /same to the last bit/,
  ])
    assert.match(demo.stdout, shown);
  assert.equal(demo.stdout.includes('\u001b'), false, 'no colour off a terminal');
  t.diagnostic(/From typing.*/.exec(demo.stdout)?.[0] ?? 'no time is shown');
  t.diagnostic(/.*bits\/sec received/.exec(demo.stdout)?.[0]?.trim() ?? 'no figure is shown');
  assert.deepEqual(belongings(demo.pid), []);
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`the demo removes everything after ${signal}`, async () => {
    const demo = new Program(DEMO, []);
    await waitFor('the demo to be in the middle', () => {
      if (!demo.running) throw new GiveUp(demo.stdout + demo.stderr);
      return demo.stdout.includes('4. ');
    });
    assert.notDeepEqual(belongings(demo.pid), []);
    assert.equal(await demo.stop(signal), code);
    assert.deepEqual(belongings(demo.pid), []);
  });
}

function belongings(pid: number): string[] {
  return [...namespaces(), ...readdirSync(tmpdir())].filter((name) => name.startsWith(`p2pdemo-${pid}-`));
}
