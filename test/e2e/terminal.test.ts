/** What people see at a terminal: --watch redraws, a progress line comes and goes; and what programs get instead. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { shellOf, startDaemon } from '../cli/program.js';
import { Wire } from '../daemon/wire.js';
import { P2P } from './harness/places.js';
import { Program, plainEnvironment } from './harness/shell.js';
import { Terminal } from './harness/terminal.js';
import { waitFor } from './harness/wait.js';

const SIZE = { columns: 90, rows: 12 };
const UTF8 = { LC_ALL: 'C.UTF-8' };

async function daemon(t: TestContext): Promise<string> {
  return startDaemon(t, new Wire().host('192.0.2.1'));
}

const start = (ip: string, hash: string, port: string) => ['start', '-ip', ip, '-hash', hash, '-port', port];

test('show --watch redraws in place, follows a resize, ends quietly on Ctrl-C and leaves the last picture', async (t) => {
  const socket = await daemon(t);
  const p2p = shellOf(socket);
  const terminal = await Terminal.open(`${P2P} show --watch`, { ...UTF8, P2P_SOCKET: socket }, SIZE);
  t.after(() => terminal.close());
  await terminal.shows(/^p2p show .*Ctrl-C ends it\n\nNo networks\. Start one/);
  await p2p(start('10.10.10.1', 'first', '4900'));
  await terminal.shows(
    /^p2p show .*\n\nDEVICE +IP +MAC +HASH +STATE\np2p0 +10\.10\.10\.1\/24 .* first +0 of 0 members connected$/,
  );
  await p2p(start('10.20.20.1', 'second', '4901'));
  await terminal.shows(/first +0 of 0 members connected\np2p1 +10\.20\.20\.1\/24 .*$/);
  // Nothing wraps where the lines are too long, and nothing scrolls where there are too many.
  await terminal.resize({ columns: 30, rows: 4 });
  await terminal.shows(/^p2p show [^\n]{10,21}\n\nDEVICE [^\n]*\np2p0 [^\n]{20,25}$/);
  await terminal.resize(SIZE);
  await terminal.shows(/first +0 of 0 members connected\np2p1 /);
  await terminal.type('C-c');
  const after = await terminal.shows(/ended with 0/);
  assert.match(after, /^DEVICE .*\np2p0 .*\np2p1 .*\nended with 0$/);
});

test('off a terminal --watch appends what changed, and nothing that moves a cursor', async (t) => {
  const socket = await daemon(t);
  const program = new Program(P2P, ['show', '--watch', '--socket', socket], plainEnvironment());
  await waitFor('the first picture', () => program.stdout.includes('No networks'));
  await shellOf(socket)(start('10.10.10.1', 'first', '4900'));
  await waitFor('the second', () => program.stdout.includes('p2p0'));
  assert.equal(await program.stop('SIGINT'), 0);
  assert.match(program.stdout, /^No networks\..*\nDEVICE .*\np2p0 .*\n$/);
  assert.equal(program.stderr, '');
});

test('what takes over a second is told on a terminal, with how it goes, and leaves nothing behind', async (t) => {
  const socket = await daemon(t);
  await shellOf(socket)(start('10.10.10.1', 'first', '4900'));
  const env = { ...UTF8, P2P_SOCKET: socket };
  const command = `${P2P} wait -hash first -check 10.10.10.2 --timeout 8`;
  const terminal = await Terminal.open(command, env, { columns: 120, rows: 6 });
  t.after(() => terminal.close());
  await terminal.shows(
    /^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] waiting for 10\.10\.10\.2: no such member is known yet; 0 of 0 members connected; DHT: off \(\d+ s\)$/,
  );
  const after = await terminal.shows(/ended with 12/);
  assert.match(after, /^p2p: 10\.10\.10\.2 is not connected\nended with 12$/);
});

test('off a terminal nothing is drawn', async (t) => {
  const socket = await daemon(t);
  await shellOf(socket)(start('10.10.10.1', 'first', '4900'));
  const { code, stdout, stderr } = await shellOf(socket)([
    'wait',
    '-hash',
    'first',
    '-check',
    '10.10.10.2',
    '--timeout',
    '2',
  ]);
  assert.deepEqual({ code, stdout, stderr }, { code: 12, stdout: '', stderr: 'p2p: 10.10.10.2 is not connected\n' });
});
