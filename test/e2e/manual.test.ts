/** The manual: its pages have no fault that groff knows, and its examples do what they say on machines. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { manualPages } from '../../src/docs/documents.js';
import { readManual } from '../../src/docs/pages.js';
import { call } from '../../src/rpc/client.js';
import type { Host } from './harness/host.js';
import { ROOT } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { type Program, run } from './harness/shell.js';
import { waitFor } from './harness/wait.js';

test('the manual pages have no fault', async () => {
  for (const [name, text] of await manualPages()) {
    const { code, stdout, stderr } = await run('groff', ['-man', '-ww', '-z', '-rLL=78n'], { input: text });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' }, name);
    // What looks like a request in the middle of a line, or a backslash too many, would show in the text.
    const shown = await run('groff', ['-man', '-Tutf8', '-P-cbou'], { input: text });
    assert.match(shown.stdout, /p2p/);
    assert.doesNotMatch(shown.stdout, /\\f[BPIR]|\\\(|^\.[A-Z]{2} /m, name);
  }
});

/** Left to the parser (test/docs/examples.test.ts), and why. */
const ONLY_READ: readonly (readonly [RegExp, string])[] = [
  [/^sudo p2p daemon/, 'the daemon of this machine runs already'],
  [/relay\.example/, 'the name is known to the internet alone'],
  [/Out-String/, 'PowerShell'],
  [/completion zsh/, 'zsh reads it in completion.test.ts'],
  [/^p2p service/, 'it is about the services of the machine itself'],
  [/^p2p check-config *$/, 'this machine has no configuration in /etc'],
];
/** These go on until somebody ends them. */
const STAYS = /^p2p ping \S+$|^p2p events|logs -f|--watch/;

/** What's on the machine before an example: the network `myhash` with ben in it, or none for those that start one. */
async function prepare(host: Host, command: string): Promise<void> {
  const { networks } = await call(host.socket, 'daemon.status', {});
  for (const { hash } of networks)
    if (command === 'start' || hash !== 'myhash') await call(host.socket, 'network.stop', { hash });
  if (command === 'start' || networks.some(({ hash }) => hash === 'myhash')) return;
  await call(host.socket, 'network.start', { hash: 'myhash', ip: '10.10.10.1', relay: ['192.0.2.9:4910'] });
  await host.meets('myhash', '10.10.10.2', 45);
}

test('each example runs', (t) =>
  onLan(['ada', 'ben'], async ({ ada, ben }) => {
    await Promise.all([ada.daemon(), ben.daemon()]);
    const { peerId } = await ben.joins('myhash', '10.10.10.2', '-name', 'ben');
    await ada.namespace.ip('link add br0 type bridge'); // of an example
    const home = join(ada.directory, 'home');
    mkdirSync(join(home, '.config/fish/completions'), { recursive: true });
    writeFileSync(join(home, 'config.yaml'), 'lan: true\n');
    writeFileSync(join(home, 'keys.yaml'), '- key: a secret that is long enough\n');
    const environment = [`PATH=${ROOT}bin:${process.env['PATH']}`, `HOME=${home}`, `P2P_SOCKET=${ada.socket}`];
    // Other programs, which aren't what the examples show.
    const others = 'ssh() { :; }; jq() { cat; }; sudo() { :; }';
    const read: string[] = [];
    for (const { name, examples } of readManual().pages)
      for (const line of examples) {
        if (ONLY_READ.some(([pattern]) => pattern.test(line))) {
          read.push(line);
          continue;
        }
        await prepare(ada, name);
        const script = `${others}; cd "${home}"; ${line.replace('0123456789abcdef', peerId)}`;
        const command = [...environment, 'bash', '-c', script];
        if (STAYS.test(line)) await startsWell(line, ada.start('env', ...command));
        else {
          const { code, stderr, stdout } = await ada.run('env', ...command);
          assert.equal(code, 0, `${line}\n${stderr}${stdout}`);
        }
        if (line.includes('peers block')) await ada.mustP2p('peers', 'unblock', peerId);
      }
    t.diagnostic(`only read, not run: ${read.join(' · ')}`);
  }));

/** Says something that's no error, and goes on. */
async function startsWell(line: string, program: Program): Promise<void> {
  await waitFor(`what ${line} prints`, () => program.stdout !== '' || /listening/.test(program.stderr));
  assert.ok(program.running, `${line}\n${program.stderr}`);
  program.signal('SIGTERM'); // what's below it goes with the namespace
}
