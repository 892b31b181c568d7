/** Bad input: each is refused with its own exit code and a message that names the value, and changes nothing. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';

const USAGE = 2;
const DEVICE_TAKEN = 6;
const PORT_TAKEN = 7;
const ADDRESS_REFUSED = 8;
const BAD_CONFIG = 11;
const NO_SUCH_NETWORK = 15;
const HASH_IN_USE = 119;

interface Case {
  readonly args: readonly string[];
  readonly code: number;
  /** What the message has to hold. */
  readonly says: RegExp;
}

const FRESH = 'a fresh hash';

/** `start` with a good hash and address, and more. */
function start(code: number, says: RegExp, ...args: string[]): Case {
  return { args: ['start', '-hash', FRESH, '-ip', '10.20.20.1', ...args], code, says };
}

function startAt(ip: string, says: RegExp, code = USAGE): Case {
  return { args: ['start', '-hash', FRESH, '-ip', ip], code, says };
}

function startHash(hash: string, says: RegExp, code = USAGE): Case {
  return { args: ['start', '-hash', hash, '-ip', '10.20.20.1'], code, says };
}

/** On a host that's in the network `taken` with 10.10.10.1 on device `mesh`, UDP port 4900. */
const CASES: readonly Case[] = [
  { args: ['start', '-ip', '10.20.20.1'], code: USAGE, says: /--hash/ },
  { args: ['start'], code: USAGE, says: /--hash/ },
  start(USAGE, /expected each address once, got "10\.20\.20\.1\/16"/, '-ip', '10.20.20.1/16'),
  start(USAGE, /expected dhcp once/, '-ip', 'dhcp', '-ip', 'dhcp'),
  start(
    USAGE,
    /at most 7 addresses, got 8/,
    ...Array.from({ length: 7 }, (_, i) => ['-ip', `10.20.20.${i + 2}`]).flat(),
  ),
  start(USAGE, /mtu: expected at least 1280/, '-ip', '2001:db8:10::1', '-mtu', '1000'),
  { args: ['set', '-ip', '10.20.20.1'], code: USAGE, says: /--hash/ },
  { args: ['set', '-ip', '10.20.20.1', '-hash', FRESH], code: NO_SUCH_NETWORK, says: /network/ },
  { args: ['set', '-ip', '10.20.20.256', '-hash', 'taken'], code: USAGE, says: /10\.20\.20\.256/ },
  { args: ['set', '-ip', '192.0.2.1', '-hash', 'taken'], code: ADDRESS_REFUSED, says: /already an address/ },
  startHash('', /hash.*1 to 128 bytes/),
  startHash('x'.repeat(129), /129 bytes/),
  startHash('é'.repeat(65), /130 bytes/),
  startHash('bell\u0007', /printable.*U\+0007/),
  startHash('two\nlines', /printable.*U\+000A/),
  startHash('taken', /already/, HASH_IN_USE),
  startAt('10.20.20', /10\.20\.20"/),
  startAt('10.20.20.256', /10\.20\.20\.256/),
  startAt('10.20.20.1/33', /10\.20\.20\.1\/33/),
  startAt('10.20.20.1/x', /10\.20\.20\.1\/x/),
  startAt('10.20.20.0', /network's own address/),
  startAt('10.20.20.255', /broadcast/),
  startAt('224.0.0.1', /multicast/),
  startAt('127.0.0.1', /loopback/),
  startAt('host.example', /host\.example/),
  startAt('', /address/),
  startAt('192.0.2.1', /192\.0\.2\.1 is already an address of this machine/, ADDRESS_REFUSED),
  start(USAGE, /02:00:00:00:00/, '-mac', '02:00:00:00:00'),
  start(USAGE, /multicast/, '-mac', '01:00:5e:00:00:01'),
  start(USAGE, /zero/, '-mac', '00:00:00:00:00:00'),
  start(USAGE, /70000/, '-port', '70000'),
  start(USAGE, /got 0/, '-port', '0'),
  start(USAGE, /many/, '-port', 'many'),
  start(PORT_TAKEN, /4900/, '-port', '4900'),
  start(USAGE, /5000-4000/, '-ports', '5000-4000'),
  start(PORT_TAKEN, /4900/, '-ports', '4900-4900'),
  start(USAGE, /ports?/i, '-port', '5000', '-ports', '5000-5001'),
  start(USAGE, /15/, '-dev', 'sixteen-letters-'),
  start(USAGE, /a\/b/, '-dev', 'a/b'),
  start(USAGE, /device name/, '-dev', ''),
  start(DEVICE_TAKEN, /mesh/, '-dev', 'mesh'),
  start(DEVICE_TAKEN, /eth0/, '-dev', 'eth0'),
  start(USAGE, /575/, '-mtu', '575'),
  start(USAGE, /9001/, '-mtu', '9001'),
  start(USAGE, /bob/, '-peer', 'bob'),
  start(USAGE, /bob:0/, '-peer', 'bob:0'),
  start(USAGE, /xyz/, '-peer', 'xyz@192.0.2.2:4900'),
  start(USAGE, /key.*1 to 128/, '-key', ''),
  start(USAGE, /63/, '-name', 'n'.repeat(64)),
  start(USAGE, /-frobnicate/, '-frobnicate'),
  { args: ['stop', '-hash', FRESH], code: NO_SUCH_NETWORK, says: /network/ },
  { args: ['stop'], code: USAGE, says: /--hash/ },
  { args: ['show', '-check', '10.10.10'], code: USAGE, says: /10\.10\.10"/ },
  { args: ['show', '-check', '10.10.10.9', '-hash', FRESH], code: NO_SUCH_NETWORK, says: /network/ },
  { args: ['wait', '-check', '10.10.10.2'], code: USAGE, says: /--hash/ },
  { args: ['wait', '-check', '10.10.10.2', '-hash', 'taken', '--timeout', 'soon'], code: USAGE, says: /soon/ },
  { args: ['wait', '-check', '10.10.10.2', '-hash', FRESH], code: NO_SUCH_NETWORK, says: /network/ },
  { args: ['set', '-log', 'LOUD'], code: USAGE, says: /LOUD/ },
  { args: ['set'], code: USAGE, says: /--log/ },
  { args: ['frobnicate'], code: USAGE, says: /frobnicate/ },
];

test('commands with bad values are refused and change nothing', (t) =>
  onLan(['ada'], async ({ ada }) => {
    await ada.daemon({ args: ['-no-lan'] });
    await ada.joins('taken', '10.10.10.1', '-dev', 'mesh', '-port', '4900');
    const before = await everything(ada);
    for (const { args, code, says } of CASES) {
      const shown = args.map((arg) => (/^[\w./:@-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(' ');
      await t.test(`p2p ${shown.slice(0, 90)}`, async () => {
        const answer = await ada.p2p(...args);
        assert.equal(answer.code, code, answer.stderr + answer.stdout);
        assert.equal(answer.stdout, '');
        assert.match(answer.stderr, says);
        assert.doesNotMatch(answer.stderr, /\n\s+at |undefined|\[object/, 'a sentence, not the inside of the program');
        assert.deepEqual(await everything(ada), before);
      });
    }
  }));

test('requests that are none are refused, and the daemon goes on', (t) =>
  onLan(['ada'], async ({ ada }) => {
    await ada.daemon({ args: ['-no-lan'] });
    await ada.joins('taken', '10.10.10.1');
    const before = await everything(ada);
    const requests: readonly (readonly [string, string, RegExp])[] = [
      ['malformed JSON', '{"jsonrpc": "2.0", ', /-32700/],
      ['no request', '{"hello": 1}', /-32600/],
      ['an unknown method', rpc('network.frobnicate', {}), /-32601.*network\.frobnicate/],
      ['an unknown field', rpc('network.stop', { hash: 'taken', colour: 1 }), /-32602.*colour/],
      ['a missing field', rpc('network.start', { ip: '10.20.20.1' }), /-32602.*hash/],
      ['a field of another type', rpc('network.start', { hash: 'x', ip: 7 }), /-32602.*ip/],
      ['too large a request', rpc('network.stop', { hash: 'x'.repeat(100_000) }), /1001.*65536/],
    ];
    for (const [name, body, says] of requests) {
      await t.test(name, async () => {
        const file = join(ada.directory, 'request');
        await writeFile(file, body);
        const answer = await ada.must(
          'curl',
          '-sS',
          '--unix-socket',
          ada.socket,
          '--data-binary',
          `@${file}`,
          'http://p2p/',
        );
        assert.match(answer, says);
        assert.deepEqual(await everything(ada), before);
      });
    }
  }));

test('a configuration with an unknown or bad key is named, with its line', (t) =>
  onLan(['ada'], async ({ ada }) => {
    const configs: readonly (readonly [string, RegExp])[] = [
      ['# a comment\nfrobnicate: 1\n', /frobnicate/],
      ['# a comment\nlog: LOUD\n', /LOUD/],
      ['# a comment\nlog: [\n', /config\.yaml/],
    ];
    for (const [config, says] of configs) {
      await t.test(JSON.stringify(config), async () => {
        const daemon = await ada.launchDaemon('.', { config });
        assert.equal(await daemon.end(), BAD_CONFIG);
        assert.match(daemon.log, says);
        assert.match(daemon.log, /\bline [23]\b|:[23]\b/);
      });
    }
    await ada.daemon({ config: '# nothing\n' });
  }));

test('a corrupt save file is kept aside and said, and the daemon starts', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon({ args: ['-no-lan'] });
    await ada.joins(hash, '10.10.10.1');
    await ada.killDaemon('SIGTERM');
    const state = join(ada.directory, 'state');
    const holding: string[] = [];
    for (const name of await filesOf(state)) {
      if ((await readFile(join(state, name), 'utf8')).includes(hash)) holding.push(name);
    }
    assert.notDeepEqual(holding, [], 'the network is saved somewhere');
    const torn = '{"this is not what was saved": ';
    for (const name of holding) await writeFile(join(state, name), torn);

    const daemon = await ada.daemon({ args: ['-no-lan'] });
    for (const name of holding)
      assert.ok(daemon.log.includes(name.replace(/^.*\//, '')), `the log names ${name}:\n${daemon.log}`);
    const kept = await Promise.all((await filesOf(state)).map((name) => readFile(join(state, name), 'utf8')));
    assert.equal(kept.filter((text) => text === torn).length, holding.length, 'the corrupt files are kept');
    await ada.joins(hash, '10.10.10.1');
  }));

test('without a daemon every command says so', () =>
  onLan(['ada'], async ({ ada }) => {
    for (const args of [['show'], ['status'], ['stop', '-hash', 'x'], ['start', '-hash', 'x', '-ip', '10.10.10.1']]) {
      const answer = await ada.p2p(...args);
      assert.equal(answer.code, 3, answer.stderr);
      assert.match(answer.stderr, /p2p daemon/);
    }
  }));

/** All that a failed command could have changed. */
async function everything(ada: Host): Promise<unknown> {
  const { networks } = JSON.parse(await ada.mustP2p('show', '--json')) as {
    networks: { hash: string; state: string }[];
  };
  const files = await filesOf(join(ada.directory, 'state'));
  const addresses = await ada.must('ip', '-brief', 'address', 'show', 'scope', 'global');
  return {
    networks: networks.map(({ hash, state }) => ({ hash, state })),
    interfaces: await ada.interfaces(),
    addresses,
    files,
  };
}

async function filesOf(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

function rpc(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
}
