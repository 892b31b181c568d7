/** Bad values: for every flag and argument of every command what's refused, with which words and which exit code. No daemon is needed to say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepare } from '../../src/cli/argv.js';
import { EXITS, exitCode } from '../../src/cli/exit.js';
import { buildProgram } from '../../src/cli/program.js';
import type { DaemonFlags } from '../../src/core/daemon-flags.js';
import { cleanHosts } from '../../src/daemon/hosts/leftover.js';
import { checkConfig, loadConfig } from '../../src/daemon/load-config.js';
import { readManual } from '../../src/docs/pages.js';

const USAGE = EXITS.usage.code;
const CONFIG = EXITS['bad-config'].code;
const FAILURE = EXITS.failure.code;

type Bad = readonly [value: string, says: RegExp, code?: number];

const HASH: readonly Bad[] = [
  ['', /hash: expected a hash of 1 to 128 bytes, got 0 bytes/],
  ['x'.repeat(129), /hash: expected a hash of 1 to 128 bytes, got 129 bytes/],
  ['bell\u0007', /hash: expected a hash of printable characters, got U\+0007 at position 5/],
];
const KEY: readonly Bad[] = [['', /keys\.0\.key: expected a key of 1 to 128 bytes, got 0 bytes/]];
const TTL: readonly Bad[] = [
  ['soon', /'soon' is invalid\. Expected a whole number/],
  ['1.5', /'1\.5' is invalid\. Expected a whole number/],
];
const KEYFILE: readonly Bad[] = [
  ['/nowhere/keys.yaml', /the key file can't be read: .*\/nowhere\/keys\.yaml/, FAILURE],
];
const RELAY: readonly Bad[] = [
  ['a b', /expected a relay as \[ID@\]HOST\[:PORT\].*got "a b"/],
  ['relay.example:70000', /expected a port from 1 to 65535, got 70000/],
  ['ab@relay.example', /expected a relay's id of 64 hex digits before the @/],
];
const DHT: readonly Bad[] = [
  ['nowhere', /dht: expected a DHT node as HOST:PORT.*got "nowhere"/],
  ['[2001:db8::1]:1', /dht: expected a DHT node.*the DHT has no IPv6/],
  ['192.0.2.1:0', /dht: expected a port from 1 to 65535, got "192.0.2.1:0"/],
];
const WHO: readonly Bad[] = [
  ['', /who: expected an address, a name or a peer id of 1 to 67 bytes, got 0 bytes/],
  ['10.10.10.256', /who: expected an IP address.*10\.10\.10\.256/],
  ['10.10.10.2/24', /who: expected an IP address.*10\.10\.10\.2\/24/],
  ['two\nlines', /who: expected an address, a name or a peer id of printable characters, got U\+000A/],
];
const NAME: readonly Bad[] = [
  ['', /name: expected a name of 1 to 63 bytes, got 0 bytes/],
  ['n'.repeat(64), /name: expected a name of 1 to 63 bytes, got 64 bytes/],
  ['two\nlines', /name: expected a name of printable characters, got U\+000A/],
];
const MTU: readonly Bad[] = [
  ['575', /mtu: expected an MTU from 576 to 9000, got 575/],
  ['9001', /mtu: expected an MTU from 576 to 9000, got 9001/],
  ['big', /'big' is invalid\. Expected a whole number/],
];
const DEV: readonly Bad[] = [
  ['', /dev: expected a device name/],
  ['sixteen-letters-', /dev: expected a device name of 1 to 15/],
  ['a/b', /dev: .*got "a\/b"/],
];
const ROUTE: readonly Bad[] = [
  ['', /route\.0: expected a subnet such as 192\.168\.7\.0\/24, got ""/],
  ['192.168.7.0', /route\.0: expected a subnet such as/],
  ['192.168.7.9/24', /route\.0: expected a subnet, .*the subnet of that host is 192\.168\.7\.0\/24/],
  ['192.168.7.0/33', /route\.0: expected a subnet such as/],
  ['0.0.0.0/0', /route\.0: expected a prefix length from 8 on, got "0\.0\.0\.0\/0".*Routing by mark/],
  ['::/0', /route\.0: expected a prefix length from 16 on/],
  ['127.0.0.0/8', /route\.0: expected a subnet that can be behind a member/],
  ['224.0.0.0/8', /route\.0: expected a subnet that can be behind a member/],
  ['10.1.0.0/16,nowhere', /route\.1: expected a subnet such as/],
  [Array(7).fill('10.1.0.0/16').join(), /route: expected at most 6, got 7/],
];
const ACCEPTED: readonly Bad[] = [
  ['all', /accept-routes\.0: expected a subnet such as .*"all"/],
  ['192.168.7.9/24', /accept-routes\.0: expected a subnet, .*the subnet of that host/],
  [Array(17).fill('10.0.0.0/8').join(), /accept-routes: expected at most 16, got 17/],
];
const IP: readonly Bad[] = [
  ['', /ip: expected an address such as 10\.10\.10\.1 or 10\.10\.10\.1\/24, or dhcp, got ""/],
  ['10.20.20', /ip: expected an address.*"10\.20\.20"/],
  ['10.20.20.9/33', /ip: expected a prefix length from 1 to 32/],
  ['224.0.0.1', /ip: .*it's a multicast address/],
  ['10.20.20.7,10.20.20.7/16', /ip: expected each address once, got "10\.20\.20\.7\/16" besides/],
  ['dhcp,dhcp', /ip: expected dhcp once, got it several times/],
  [Array(8).fill('dhcp').join(), /ip: expected at most 7 addresses, got \d/],
];
const ON_OFF: readonly Bad[] = [['perhaps', /'perhaps' is invalid\. Allowed choices are on, off/]];
const SECONDS: readonly Bad[] = [
  ['soon', /'soon' is invalid\. Expected a number of seconds/],
  ['-1', /'-1' is invalid\. Expected a number of seconds/],
];

/** Values that nothing is wrong with as long as the system takes them, and where that shows. */
const ANYTHING: ReadonlySet<string> = new Set(['bugreport --config']);

/** By command and flag; `good`: what the command needs besides. */
const TABLE: Readonly<
  Record<string, { readonly good?: readonly string[]; readonly bad: Readonly<Record<string, readonly Bad[]>> }>
> = {
  daemon: {
    bad: {
      '--state': [['', /--state: expected an absolute path, got ""/, CONFIG]],
      '--config': [['/nowhere/config.yaml', /the configuration can't be read: .*\/nowhere\/config\.yaml/, CONFIG]],
      '--dht': DHT.map(([value, says]) => [value, says, CONFIG]),
      '--dht-listen': [['host.example:80', /--dht-listen: expected \[HOST:\]PORT with an IPv4 address/, CONFIG]],
      '--use-relay': RELAY.map(([value, says]) => [value, says, CONFIG]),
      '--relay': [['relay.example:4910', /--relay: expected \[HOST:\]PORT with an IP address/, CONFIG]],
      '--relay-tls': [['0', /--relay-tls: expected a port from 1 to 65535, got 0/, CONFIG]],
      '--proxy': [['https://proxy.example', /--proxy: expected a proxy as http:\/\//, CONFIG]],
      '--log': [['LOUD', /--log: expected one of TRACE, DEBUG, INFO, WARNING, ERROR, got "LOUD"/, CONFIG]],
      '--log-format': [['xml', /--log-format: expected.*"xml"/, CONFIG]],
      '--metrics': [['nowhere', /--metrics: expected .*"nowhere"/, CONFIG]],
      '--profile': [['disk', /--profile: expected .*"disk"/, CONFIG]],
      '--hosts': [['/nowhere\0', /--hosts: expected an absolute path/, CONFIG]],
      '--save': [['', /--save: expected an absolute path, got ""/, CONFIG]],
      '--profile-dir': [['', /--profile-dir: expected an absolute path, got ""/, CONFIG]],
      '--log-file': [['', /--log-file: expected an absolute path, got ""/, CONFIG]],
    },
  },
  start: {
    good: ['--hash', 'a hash', '--ip', '10.20.20.1'],
    bad: {
      '--hash': HASH,
      '--ip': IP,
      '--dev': DEV,
      '--mac': [
        ['02:00', /mac: expected a MAC such as/],
        ['01:00:5e:00:00:01', /mac: expected a unicast MAC/],
      ],
      '--name': NAME,
      '--port': [
        ['70000', /port: expected a port from 1 to 65535, got 70000/],
        ['many', /'many' is invalid\. Expected a whole number/],
      ],
      '--ports': [['5000-4000', /ports: expected ports as MIN-MAX.*got "5000-4000"/]],
      '--peer': [
        ['bob', /peer\.0: expected \[ID@\]HOST:PORT.*got "bob"/],
        ['xyz@192.0.2.2:4900', /peer\.0: expected a peer id of 16 hex digits before the @/],
      ],
      '--key': KEY,
      '--ttl': TTL,
      '--keyfile': KEYFILE,
      '--mtu': MTU,
      '--dht': DHT,
      '--relay': RELAY,
      '--route': ROUTE,
      '--accept-routes': ACCEPTED,
    },
  },
  stop: { bad: { '--hash': HASH, '--dev': DEV } },
  show: { bad: { '--hash': HASH, '--check': WHO } },
  status: { bad: { '--hash': HASH } },
  wait: {
    good: ['--hash', 'a hash', '--check', '10.10.10.2'],
    bad: { '--hash': HASH, '--check': WHO, '--timeout': SECONDS },
  },
  peers: {
    bad: {
      '--hash': HASH,
      '[action]': [['hide', /'hide' is invalid.*Allowed choices are block, unblock, accept/]],
      '[id|name|ip]': WHO,
    },
  },
  ping: {
    good: ['10.10.10.2'],
    bad: {
      '--hash': HASH,
      '-c': [
        ['0', /'0' is invalid\. Expected a whole number from 1 on/],
        ['often', /'often' is invalid/],
      ],
      '--timeout': [...SECONDS, ['60', /ms: .*10000/]],
      '<ip|name|id>': WHO,
    },
  },
  set: {
    good: ['--hash', 'a hash'],
    bad: {
      '--ip': IP,
      '--log': [['LOUD', /level: expected one of TRACE, DEBUG, INFO, WARNING, ERROR, got "LOUD"/]],
      '--tap-offload': ON_OFF,
      '--udp-gso': ON_OFF,
      '--udp-gro': ON_OFF,
      '--fwd': ON_OFF,
      '--name': NAME,
      '--mtu': MTU,
      '--route': ROUTE,
      '--accept-routes': ACCEPTED,
      '--forget-relay': RELAY,
      '--key': KEY,
      '--ttl': TTL,
      '--keyfile': KEYFILE,
      '--hash': [['', /hash: expected a hash of 1 to 128 bytes/]],
    },
  },
  events: { bad: { '--hash': HASH } },
  logs: {
    bad: {
      '-n': [
        ['many', /'many' is invalid\. Expected a whole number/],
        ['1001', /lines: .*1000/],
      ],
    },
  },
  'clean-hosts': { bad: { '[file]': [['/nowhere/hosts', /ENOENT.*\/nowhere/, FAILURE]] } },
  'check-config': { bad: { '[file]': [['/nowhere/config.yaml', /can't be read: .*\/nowhere/, CONFIG]] } },
  bugreport: {
    bad: { '--output': [['/nowhere/report.tar.gz', /the archive can't be written: .*\/nowhere/, FAILURE]] },
  },
  service: {
    bad: {
      '<action>': [['restart', /'restart' is invalid.*Allowed choices are install, uninstall, start, stop, status/]],
    },
  },
  completion: { bad: { '<shell>': [['tcsh', /'tcsh' is invalid.*Allowed choices are bash, zsh, fish, powershell/]] } },
};

/** What a flag needs beside it to be looked at at all. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'start --ttl': ['--key', 'k'],
  'set --ttl': ['--key', 'k'],
  'set --key': ['--hash', 'h'],
  'set --hash': ['--log', 'INFO'],
};

interface Outcome {
  readonly code: number;
  readonly message: string;
}

/** Runs a command line to its end, in this process; the daemon gets as far as its configuration. */
async function attempt(args: readonly string[]): Promise<Outcome> {
  const program = buildProgram(
    {
      runDaemon: async (given: DaemonFlags) => {
        await loadConfig(given);
        return 0;
      },
      newHash: () => Promise.resolve(''),
      cleanHosts,
      checkConfig,
    },
    () => undefined,
  );
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  try {
    await program.parseAsync(prepare(args, program, { P2P_SOCKET: '/nowhere/sock' }), { from: 'user' });
    return { code: 0, message: '' };
  } catch (error) {
    return { code: exitCode(error), message: error instanceof Error ? error.message : String(error) };
  }
}

function commandLine(command: string, flag: string, value: string): string[] {
  const good = TABLE[command]?.good ?? [];
  if (flag === '[id|name|ip]') return [command, 'block', value];
  if (!flag.startsWith('-')) return [command, value];
  const at = good.indexOf(flag);
  const others = at === -1 ? good : [...good.slice(0, at), ...good.slice(at + 2)];
  const given = flag.startsWith('--') ? [`${flag}=${value}`] : [flag, value];
  return [command, ...others, ...(BESIDE[`${command} ${flag}`] ?? []), ...given];
}

for (const [command, { bad }] of Object.entries(TABLE))
  test(`p2p ${command}: bad values are refused, in words, with a code`, async () => {
    for (const [flag, rows] of Object.entries(bad))
      for (const [value, says, code = USAGE] of rows) {
        const outcome = await attempt(commandLine(command, flag, value));
        const what = `${command} ${flag} ${JSON.stringify(value)}: ${outcome.message}`;
        assert.match(outcome.message, says, what);
        assert.equal(outcome.code, code, what);
      }
  });

test('no flag that takes a value is missing above', () => {
  const missing = readManual().pages.flatMap(({ name, flags, parameters }) => {
    const valued = flags
      .filter(({ flags: spelt }) => /[<[]/.test(spelt))
      .map(({ flags: spelt }) => spelt.split(' ')[0] ?? '');
    const all = [...valued, ...parameters.map(({ flags: spelt }) => spelt)];
    return all.filter((flag) => TABLE[name]?.bad[flag] === undefined).map((flag) => `${name} ${flag}`);
  });
  assert.deepEqual(
    missing.filter((flag) => !ANYTHING.has(flag)),
    [],
  );
});

test('what was known once is answered with what to use instead', async () => {
  for (const [line, says] of [
    ['start -rpc-port 52523 -hash h', /--rpc-port is a flag of the original p2p: .*use --socket PATH/],
    ['daemon --srv example.com', /--srv is .*--dht HOST:PORT/],
    ['daemon --target=example.com', /--target is .*--dht HOST:PORT/],
    ['daemon --mtu 1300', /--mtu is .*p2p start -mtu BYTES/],
    ['-set -log DEBUG', /-set is no flag.*did you mean: p2p set/],
    ['-start -ip 10.10.10.1', /did you mean: p2p start/],
    ['--daemno', /did you mean: p2p daemon/],
  ] as const) {
    const outcome = await attempt(line.split(' '));
    assert.deepEqual(outcome.code, USAGE, line);
    assert.match(outcome.message, says);
  }
  const asOnce = await attempt(['show', '-ip', '10.10.10.300']);
  assert.match(asOnce.message, /who: expected an IP address/);
});
