import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configKeys } from '../../src/daemon/config-keys.js';
import { loadConfig, parseConfig } from '../../src/daemon/load-config.js';

test('every key is read', () => {
  const text = `# all of them
state: /srv/p2p
socket: /run/other.sock
log: debug
lan: false
ports: 4000-5000
mtu: 1300
mssClamp: true
tapOffload: false
udpGso: false
udpGro: false
threads: 3
fwmark: 0x51
name: ada
hosts: true
up: ip route add 192.168.7.0/24 dev "$P2P_DEVICE"
down: [/usr/bin/logger, gone]
`;
  assert.deepEqual(parseConfig(text, 'f'), {
    state: '/srv/p2p',
    socket: '/run/other.sock',
    log: 'DEBUG',
    lan: false,
    ports: { min: 4000, max: 5000 },
    mtu: 1300,
    mssClamp: true,
    tapOffload: false,
    udpGso: false,
    udpGro: false,
    threads: 3,
    fwmark: 0x51,
    name: 'ada',
    hosts: '/etc/hosts',
    up: 'ip route add 192.168.7.0/24 dev "$P2P_DEVICE"',
    down: ['/usr/bin/logger', 'gone'],
  });
  assert.deepEqual(parseConfig('hosts: /srv/hosts', 'f'), { hosts: '/srv/hosts' });
  assert.deepEqual(parseConfig('hosts: false', 'f'), { hosts: null });
  assert.deepEqual(parseConfig('', 'f'), {});
  assert.deepEqual(parseConfig('# nothing\n', 'f'), {});
  assert.deepEqual(parseConfig('ports: 4900', 'f'), { ports: { min: 4900, max: 4900 } });
});

test('a key that is unknown or bad is named, with its line and what was expected', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['lan: true\nsokcet: /x\n', /^f:2: unknown key "sokcet"; expected one of state, socket/],
    ['\n\nlog: LOUD\n', /^f:3: log: expected one of TRACE.*"LOUD"/],
    ['logFormat: xml\n', /^f:1: logFormat: expected one of text, json, got "xml"/],
    ['syslog: local0\n', /^f:1: syslog: expected true or false, got "local0"/],
    ['metrics: example.org:9469\n', /^f:1: metrics: expected \[HOST:\]PORT with an IP address.*"example\.org:9469"/],
    ['metrics: 70000\n', /^f:1: metrics: expected a port from 1 to 65535, got 70000/],
    ['profile: disk\n', /^f:1: profile: expected one of cpu, memory, got "disk"/],
    ['profileDir: tmp\n', /^f:1: profileDir: expected an absolute path, got "tmp"/],
    ['lan: yes\n', /^f:1: lan: expected true or false, got "yes"/],
    ['mtu: big\n', /^f:1: mtu: expected a number, got "big"/],
    ['mtu: 100\n', /^f:1: mtu: expected an MTU from 576 to 9000, got 100/],
    ['threads: 5\n', /^f:1: threads: expected a whole number from 1 to 4, got 5/],
    ['threads: 1.5\n', /^f:1: threads: expected a whole number from 1 to 4, got 1.5/],
    ['fwmark: -1\n', /^f:1: fwmark: expected a mark from 0 to 4294967295, got -1/],
    ['ports: 5-4\n', /^f:1: ports: expected ports as MIN-MAX.*"5-4"/],
    ['state: relative\n', /^f:1: state: expected an absolute path, got "relative"/],
    [`socket: /${'x'.repeat(200)}\n`, /^f:1: socket: expected a path of at most 90 bytes, got 201/],
    ['hosts: hosts\n', /^f:1: hosts: expected an absolute path, got "hosts"/],
    ['hosts: 1\n', /^f:1: hosts: expected text, got 1/],
    ['up: []\n', /^f:1: up: expected a line for the shell, or a list of a program/],
    ['down: [logger, 1]\n', /^f:1: down: expected a line for the shell/],
    ['name:\n', /^f:1: name: expected text, got null/],
    ['name: [a]\n', /^f:1: name: expected text/],
    ['lan: true\nlan: false\n', /^f:2: .*unique/],
    ['lan: [\n', /^f:[12]: /],
    ['- lan\n', /^f:1: expected keys with values/],
    ['x'.repeat(70_000), /^f: expected at most 65536 bytes/],
  ];
  for (const [text, says] of cases)
    assert.throws(
      () => parseConfig(text, 'f'),
      { name: 'StartError', reason: 'bad-config', message: says },
      text.slice(0, 40),
    );
});

test('a flag beats the file, the file beats the default', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'p2p-config-'));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, 'config.yaml');
  await writeFile(config, 'log: DEBUG\nlan: true\nsocket: /run/file.sock\n');
  const loaded = await loadConfig({ config, log: 'ERROR', noLan: true, state: 'relative' });
  assert.equal(loaded.log, 'ERROR');
  assert.equal(loaded.lan, false);
  assert.equal(loaded.socket, '/run/file.sock');
  assert.equal(loaded.state, join(process.cwd(), 'relative'));
  assert.equal(loaded.mtu, 1360);
});

test('a file that was named must exist, and flags are checked too', async () => {
  await assert.rejects(loadConfig({ config: '/nowhere/config.yaml' }), {
    reason: 'bad-config',
    message: /\/nowhere\/config\.yaml/,
  });
  await assert.rejects(loadConfig({ log: 'LOUD' }), { reason: 'bad-config', message: /^--log: .*"LOUD"/ });
  await assert.rejects(loadConfig({ state: '' }), { reason: 'bad-config', message: /^--state: / });
});

test('relays: a list, where this machine is one, and its limits, each by its name', () => {
  const id = 'ab'.repeat(32);
  const text = `relays: [relay.example, "${id}@[2001:db8::1]:4911/8443"]\nrelayListen: 192.0.2.1:4910\nrelayTls: false\nrelayLimits:\n  clients: 5\n  logins: 7\n`;
  const config = parseConfig(text, 'f');
  assert.deepEqual(config.relays, ['relay.example', `${id}@[2001:db8::1]:4911/8443`]);
  assert.deepEqual(config.relayListen, { host: '192.0.2.1', port: 4910 });
  assert.equal(config.relayTls, null);
  assert.equal(config.relayLimits?.machine.clients, 5);
  assert.equal(config.relayLimits?.device.logins, 7);
  assert.equal(config.relayLimits?.machine.clientsPerSource, 64);
});

test('bad values about relays are named, with what was expected', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['relays: 5', /f:1: relays: expected a relay or a list of relays, got 5/],
    ['relays: ["a b"]', /relays: expected a relay as \[ID@\]HOST\[:PORT\].*got "a b"/],
    ['relays: ["ab@relay.example"]', /expected a relay's id of 64 hex digits before the @/],
    ['relays: ["relay.example:70000"]', /expected a port from 1 to 65535, got 70000/],
    ['relays: [a.a, b.b, c.c, d.d, e.e]', /relays: expected at most 4, got 5/],
    ['relayListen: relay.example:4910', /expected \[HOST:\]PORT with an IP address/],
    ['relayTls: 0', /relayTls: expected a port from 1 to 65535, got 0/],
    ['relayLimits: 5', /expected names with numbers, such as "clients: 100", got 5/],
    ['relayLimits: { client: 5 }', /unknown limit "client"; expected one of clients, /],
    ['relayLimits: { clients: 5000 }', /clients: expected a whole number from 1 to 1024, got 5000/],
    ['proxy: "https://proxy.example"', /expected a proxy as http:/],
  ];
  for (const [text, expected] of cases) assert.throws(() => parseConfig(text, 'f'), expected, text);
});

test('relays of members: used by one word under either name, offered only with a relay', async () => {
  assert.deepEqual(parseConfig('relay: members', 'f').relays, ['members']);
  assert.deepEqual(parseConfig('relays: [members, relay.example]', 'f').relays, ['members', 'relay.example']);
  assert.throws(() => parseConfig('relay: members\nrelays: [relay.example]', 'f'), /f:2: relays: .* got both/);
  assert.throws(() => parseConfig('relay: [5]', 'f'), /f:1: relay: expected text, got 5/);
  await assert.rejects(loadConfig({ relayOffer: true }), /relayOffer: expected a relay to offer with it/);
  assert.equal((await loadConfig({ relayOffer: true, relay: true })).relayOffer, true);
});

test('every key refuses a value of another kind, and names itself', () => {
  for (const { name } of configKeys())
    assert.throws(
      () => parseConfig(`${name}: { wrong: [1] }\n`, 'f'),
      { reason: 'bad-config', message: new RegExp(`^f:1: ${name}: (expected|unknown)`) },
      name,
    );
});

test('keys of the original that need nothing any more are told of, and do no harm', () => {
  const warnings: string[] = [];
  const text = 'iptool: /sbin/ip\ntaptool: x\ninf_file: y\nmtu: 1300\npmtu: true\n';
  assert.deepEqual(
    parseConfig(text, 'f', (warning) => warnings.push(warning)),
    { mtu: 1300 },
  );
  assert.deepEqual(warnings, [
    'f:1: iptool does nothing any more: addresses are set without a program',
    'f:2: taptool does nothing any more: devices are made without a program',
    'f:3: inf_file does nothing any more: no driver is installed by the daemon',
    'f:5: pmtu does nothing any more: the path MTU is always measured',
  ]);
  // What every object has is no key.
  for (const key of ['constructor', 'toString', '__proto__'])
    assert.throws(() => parseConfig(`${key}: 1\n`, 'f'), /^StartError: f:1: unknown key/);
});
