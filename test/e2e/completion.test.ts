/** Completion in real shells, with a daemon (devices in memory) that has a network: bash and zsh at a terminal, fish by its own question. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { shellOf, startDaemon } from '../cli/program.js';
import { Wire } from '../daemon/wire.js';
import { ROOT } from './harness/places.js';
import { mustRun } from './harness/shell.js';
import { Terminal } from './harness/terminal.js';

const HASH = 'our garden';

/** The environment of a shell: p2p in its path, and a daemon with a network whose member is called ben. */
async function surroundings(t: TestContext): Promise<Record<string, string>> {
  const home = await mkdtemp(join(tmpdir(), 'p2p-home-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const wire = new Wire();
  const socket = await startDaemon(t, wire.host('192.0.2.1'));
  const ben = await startDaemon(t, wire.host('192.0.2.2'), 'ben');
  await shellOf(socket)(['start', '-hash', HASH, '-ip', '10.10.10.1', '-port', '4900']);
  await shellOf(ben)(['start', '-hash', HASH, '-ip', '10.10.10.2', '-peer', '192.0.2.1:4900']);
  assert.equal((await shellOf(socket)(['wait', '-hash', HASH, '-check', '10.10.10.2', '--timeout', '40'])).code, 0);
  return { PATH: `${ROOT}bin:${process.env['PATH']}`, HOME: home, P2P_SOCKET: socket, LC_ALL: 'C.UTF-8', PS1: '> ' };
}

const SIZE = { columns: 100, rows: 30 };

for (const [name, start, ready] of [
  ['bash', 'bash --norc --noprofile -i', 'eval "$(p2p completion bash)"; echo re""ady'],
  ['zsh', 'zsh -f -i', 'autoload -U compinit; compinit -u; eval "$(p2p completion zsh)"; echo re""ady'],
] as const)
  test(`${name} completes commands, flags, hashes and members`, async (t) => {
    const terminal = await Terminal.open(start, await surroundings(t), SIZE);
    t.after(() => terminal.close());
    await terminal.type(ready, 'Enter');
    await terminal.shows(/^ready$/m);
    for (const [typed, completed] of [
      ['p2p wai', /p2p wait ?$/m],
      ['p2p start -mss', /p2p start -mss-clamp ?$/m],
      ['p2p start --mss', /p2p start --mss-clamp ?$/m],
      ['p2p set -udp-gso o', /p2p set -udp-gso o(n|ff|$)/m],
      ['p2p stop -hash ', /p2p stop -hash our\\ garden ?$/m],
      ['p2p ping be', /p2p ping ben ?$/m],
      ['p2p completion po', /p2p completion powershell ?$/m],
    ] as const) {
      await terminal.type('-l', typed);
      await terminal.type('Tab');
      await terminal.shows(completed);
      await terminal.type('C-c');
      await terminal.type('clear', 'Enter');
    }
    // Where there's a choice, all is shown.
    await terminal.type('-l', 'p2p set -udp-gro o');
    await terminal.type('Tab', 'Tab');
    await terminal.shows(/\boff\b\s+on\b|\bon\b\s+off\b/m);
    await terminal.type('C-c');
  });

test('fish completes commands, flags, hashes and members, and says what they are', async (t) => {
  const env = { ...process.env, ...(await surroundings(t)) };
  const ask = async (line: string) =>
    (
      await mustRun('fish', ['--no-config', '-c', `p2p completion fish | source; complete -C '${line}'`], { env })
    ).trim();
  assert.match(await ask('p2p wai'), /^wait\twait until a member is connected$/);
  assert.match(await ask('p2p start -mss'), /^-mss-clamp\t/m);
  assert.match(await ask('p2p stop -hash '), /^our garden\tp2p0 10\.10\.10\.1\/24/m);
  assert.match(await ask('p2p ping be'), /^ben\tben 10\.10\.10\.2 connected$/);
  assert.match(await ask('p2p peers block '), /^[0-9a-f]{16}\tben/m);
  assert.deepEqual((await ask('p2p set -udp-gso ')).split('\n').sort(), ['off', 'on']);
  assert.match(await ask(`p2p check-config ${ROOT}READ`), /README\.md/);
});
