/** Every example of the manual is understood: a shell takes it apart, and the parser of the command line reads each call of p2p in it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepare } from '../../src/cli/argv.js';
import { freshProgram, readManual } from '../../src/docs/pages.js';

/** p2p writes down its arguments; what else the examples call does nothing. */
const SHELL = `
p2p() { { printf '%s\\0' "$@"; printf '\\n\\0'; } >> "$CALLS"; echo an-answer; }
sudo() { "$@"; }
ssh() { :; }
systemctl() { :; }
Out-String() { :; }
Invoke-Expression() { :; }
`;

/** The arguments of each call of p2p that a line for a shell makes. */
function callsOf(line: string): string[][] {
  const home = mkdtempSync(join(tmpdir(), 'p2p-examples-'));
  try {
    mkdirSync(join(home, '.config/fish/completions'), { recursive: true });
    const calls = join(home, 'calls');
    // What the answer is used for isn't looked at here: `eval "$(…)"` of no script.
    const { stderr } = spawnSync('bash', ['-c', `${SHELL}\n${line}`], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, CALLS: calls },
      encoding: 'utf8',
      input: '',
    });
    assert.doesNotMatch(stderr, /syntax error/, line);
    const words = readFileSync(calls, 'utf8').split('\0').slice(0, -1);
    const result: string[][] = [[]];
    for (const word of words) {
      if (word === '\n') result.push([]);
      else result.at(-1)?.push(word);
    }
    return result.slice(0, -1);
  } finally {
    rmSync(home, { recursive: true });
  }
}

async function assertUnderstood(args: readonly string[], line: string): Promise<void> {
  const program = freshProgram();
  let ran = '';
  for (const command of program.commands) {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined }).exitOverride();
    command.action(() => {
      ran = command.name();
    });
  }
  await program.parseAsync(prepare(args, program, {}), { from: 'user' });
  assert.equal(
    ran,
    args.find((arg) => !arg.startsWith('-')),
    line,
  );
}

test('each example is understood', async () => {
  for (const { name, examples } of readManual().pages)
    for (const line of examples) {
      const calls = callsOf(line);
      assert.ok(
        calls.some((args) => args.includes(name)),
        `${line}: shows p2p ${name}`,
      );
      for (const args of calls) await assertUnderstood(args, line);
    }
});

test('an example with a flag that is not there is caught', async () => {
  const [args = []] = callsOf('p2p start -hahs "my hash" && true');
  assert.deepEqual(args, ['start', '-hahs', 'my hash']);
  await assert.rejects(assertUnderstood(args, ''), { code: 'commander.unknownOption' });
});
