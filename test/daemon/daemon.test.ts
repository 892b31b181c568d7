/** The whole daemon but for the kernel's part: real socket, real state directory, devices in memory. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Daemon } from '../../src/daemon/daemon.js';
import { Log } from '../../src/daemon/log.js';
import { DEFAULT_LIMITS } from '../../src/daemon/relay-limits.js';
import { DeviceError } from '../../src/device/device.js';
import { generatedHash } from '../../src/network/secrets.js';
import { call } from '../../src/rpc/client.js';
import type { NetworkInfo } from '../../src/rpc/network-info.js';
import type { Params } from '../../src/rpc/schema.js';
import { temporaryDirectory } from './directory.js';
import { type TestHost, Wire } from './wire.js';

const HASH = generatedHash(new Uint8Array(16).fill(1));
const OTHER = generatedHash(new Uint8Array(16).fill(2));

interface Machine {
  readonly host: TestHost;
  readonly directory: string;
  readonly socket: string;
  readonly log: string[];
  daemon: Daemon;
}

async function machine(t: TestContext, host: TestHost): Promise<Machine> {
  const directory = await temporaryDirectory(t);
  const log: string[] = [];
  const started = { host, directory, socket: join(directory, 'sock'), log, daemon: await boot(host, directory, log) };
  t.after(() => started.daemon.stop());
  return started;
}

function boot(host: TestHost, directory: string, lines: string[]): Promise<Daemon> {
  const config = {
    state: join(directory, 'state'),
    socket: join(directory, 'sock'),
    log: 'TRACE' as const,
    logFormat: null,
    logFile: null,
    syslog: false,
    metrics: null,
    profile: null,
    profileDir: null,
    save: null,
    lan: false,
    portMapping: false,
    dht: 'off' as const,
    dhtListen: null,
    relays: [],
    relayListen: null,
    relayTls: null,
    relayLimits: DEFAULT_LIMITS,
    relayOffer: false,
    proxy: null,
    ports: { min: 50_000, max: 50_009 },
    mtu: 1360,
    mssClamp: false,
    bridge: false,
    tapOffload: true,
    udpGso: true,
    udpGro: true,
    threads: 1,
    fwmark: 0,
    name: 'ada',
    hosts: null,
    up: null,
    down: null,
  };
  return Daemon.start(config, host, new Log({ write: (line) => lines.push(line) }, 'TRACE'), '1.2.3');
}

const start = (to: Machine, params: Params<'network.start'>) => call(to.socket, 'network.start', params);

async function only(of: Machine, hash = HASH): Promise<NetworkInfo> {
  const { networks } = await call(of.socket, 'daemon.status', { hash });
  const [network] = networks;
  assert.ok(network !== undefined, 'there is such a network');
  return network;
}

test('two daemons meet by -peer, and each says so', async (t) => {
  const wire = new Wire();
  const [ada, ben] = [await machine(t, wire.host('192.0.2.1')), await machine(t, wire.host('192.0.2.2'))];
  const { network, warnings } = await start(ada, { hash: HASH, ip: '10.10.10.1', port: 4900 });
  assert.deepEqual(warnings, []);
  assert.deepEqual([network.device, network.port, network.state], ['p2p0', 4900, 'running']);
  const peer = `${network.peerId.toUpperCase()}@192.0.2.1:4900`;
  await start(ben, { hash: HASH, ip: '10.10.10.2', name: 'ben', peer: [peer] });
  for (const [from, ip] of [
    [ben, '10.10.10.1'],
    [ada, '10.10.10.2'],
  ] as const) {
    const waited = await call(from.socket, 'network.wait', { hash: HASH, who: ip, ms: 10_000 });
    assert.deepEqual(waited, { connected: true });
    assert.deepEqual(await call(from.socket, 'network.check', { who: ip }), { connected: true });
  }
  const [member] = (await only(ada)).peers;
  assert.deepEqual([member?.name, member?.state, member?.addresses], ['ben', 'connected', ['10.10.10.2/24']]);

  await call(ben.socket, 'network.stop', { hash: HASH });
  const gone = await call(ada.socket, 'network.wait', { hash: HASH, who: '10.10.10.2', ms: 0 });
  assert.deepEqual(gone, { connected: false });
  assert.equal(ben.host.devices.size, 0);
});

test('members of the last run are found again without being told where', async (t) => {
  const wire = new Wire();
  const [ada, ben] = [await machine(t, wire.host('192.0.2.1')), await machine(t, wire.host('192.0.2.2'))];
  await start(ada, { hash: HASH, ip: '10.10.10.1', port: 4900 });
  await start(ben, { hash: HASH, ip: '10.10.10.2', peer: ['192.0.2.1:4900'] });
  const meet = () => call(ada.socket, 'network.wait', { hash: HASH, who: '10.10.10.2', ms: 10_000 });
  assert.deepEqual(await meet(), { connected: true });
  await ben.daemon.stop();
  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  assert.deepEqual(
    (await only(ada)).peers.map(({ addresses, source }) => [addresses, source]),
    [[['10.10.10.2/24'], 'remembered']],
  );
  ben.daemon = await boot(ben.host, ben.directory, ben.log);
  assert.deepEqual(await meet(), { connected: true });
});

test('a member that never comes is waited for no longer than was asked', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  await start(ada, { hash: HASH, ip: '10.10.10.1' });
  const began = performance.now();
  const wait = (ms: number) => call(ada.socket, 'network.wait', { hash: HASH, who: '10.10.10.2', ms });
  assert.deepEqual(await wait(200), { connected: false });
  assert.ok(performance.now() - began >= 200);
  // A network that's stopped meanwhile ends the wait.
  const waiting = assert.rejects(wait(30_000), { reason: 'no-such-network' });
  await call(ada.socket, 'network.stop', { hash: HASH });
  await waiting;
  assert.ok(performance.now() - began < 10_000);
});

test('networks come back as they were, also after a kill; stopped ones do not', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  await start(ada, {
    hash: HASH,
    ip: '10.10.10.1',
    peer: ['192.0.2.9:1'],
    keys: [{ key: 'k', ttl: 2 ** 31 }],
    mtu: 1300,
    'mss-clamp': true,
  });
  await start(ada, { hash: OTHER, ip: '10.10.10.1', dev: 'mesh', mac: '02:00:00:00:00:09', 'no-lan': true });
  const before = [await only(ada), await only(ada, OTHER)];
  // What a kill -9 would leave: the state as it is now.
  const saved = await filesOf(join(ada.directory, 'state'));
  await ada.daemon.stop();
  assert.deepEqual(await filesOf(join(ada.directory, 'state')), saved);
  assert.equal(ada.host.devices.size, 0);
  assert.equal(existsSync(ada.socket), false);

  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const same = ({ id, device, addresses, mac, name, port, mtu, mssClamp, peerId, keyEnds, state }: NetworkInfo) =>
    ({ id, device, addresses, mac, name, port, mtu, mssClamp, peerId, keyEnds, state }); // biome-ignore format: short
  assert.deepEqual([await only(ada), await only(ada, OTHER)].map(same), before.map(same));

  await call(ada.socket, 'network.stop', { hash: HASH });
  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const { networks } = await call(ada.socket, 'daemon.status', {});
  assert.deepEqual(
    networks.map(({ hash }) => hash),
    [OTHER],
  );
});

test('a start that is refused says why and changes nothing', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  ada.host.foreignDevices.add('eth0').add('p2p0');
  ada.host.foreignPorts.add(4901);
  await start(ada, { hash: 'taken hash', ip: '10.10.10.1', dev: 'mesh', port: 4900 });
  const before = [await filesOf(join(ada.directory, 'state')), [...ada.host.devices.keys()]];
  const good = { hash: HASH, ip: '10.10.10.1' };
  const cases: readonly (readonly [Params<'network.start'>, string, RegExp])[] = [
    [{ ...good, hash: 'taken hash' }, 'hash-in-use', /already in use/],
    [{ ...good, ip: '192.0.2.1' }, 'address-refused', /192\.0\.2\.1 is already an address of this machine, on eth0/],
    [{ ...good, dev: 'mesh' }, 'device-taken', /mesh/],
    [{ ...good, dev: 'eth0' }, 'device-taken', /eth0/],
    [{ ...good, port: 4900 }, 'port-taken', /4900/],
    [{ ...good, port: 4901 }, 'port-taken', /4901/],
    [{ ...good, ports: '4900-4901' }, 'port-taken', /4901/],
    [{ ...good, ports: '4900-4900' }, 'port-taken', /4900-4900/],
    [{ ...good, port: 4902, ports: '1-2' }, 'invalid-params', /either port or ports/],
    [{ ...good, keys: [{ key: 'k', ttl: 1_000_000_000 }] }, 'invalid-params', /ttl: .*future, got 1000000000/],
    [{ ...good, ip: 'fd00::1', mtu: 1279 }, 'invalid-params', /mtu: expected at least 1280.*1279/],
  ];
  for (const [params, reason, message] of cases)
    await assert.rejects(start(ada, params), { name: 'RpcError', reason, message }, JSON.stringify(params));
  for (const [code, reason] of [
    ['no-permission', 'no-device-permission'],
    ['no-tun', 'no-tun'],
    ['failed', 'device-failed'],
  ] as const) {
    ada.host.failure = new DeviceError(code, 'the reason');
    await assert.rejects(start(ada, good), { reason, message: /the reason/ });
  }
  ada.host.failure = null;
  assert.deepEqual([await filesOf(join(ada.directory, 'state')), [...ada.host.devices.keys()]], before);
  // Names and ports that others have are passed over where none was asked for.
  const { network } = await start(ada, { ...good, ports: '4900-4902' });
  assert.deepEqual([network.device, network.port], ['p2p1', 4902]);
});

test('a network that came back may be started again as it is, not otherwise', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const params = { hash: HASH, ip: '10.10.10.1', keys: [{ key: 'a second secret' }], peer: ['192.0.2.2:4900'] };
  await start(ada, params);
  await assert.rejects(start(ada, params), { reason: 'hash-in-use' });
  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const { network } = await start(ada, params);
  assert.deepEqual([network.state, network.device], ['running', 'p2p0']);
  await start(ada, { ...params, dev: network.device, port: network.port, mtu: 1360 });
  for (const other of [
    { ip: '10.10.10.2' },
    { keys: [{ key: 'another secret' }] },
    { keys: [] },
    { port: 1 },
    { peer: [] },
    { mtu: 1300 },
    { 'mss-clamp': true },
    { 'no-lan': true },
    { dht: 'off' },
  ])
    await assert.rejects(start(ada, { ...params, ...other }), { reason: 'hash-in-use' }, JSON.stringify(other));
  assert.equal(ada.host.devices.size, 1);
});

test('many starts of one hash at once make one network', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const starts = Array.from({ length: 5 }, () => start(ada, { hash: HASH, ip: '10.10.10.1' }));
  const results = await Promise.allSettled(starts);
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results)
    if (result.status === 'rejected') assert.equal((result.reason as { reason: string }).reason, 'hash-in-use');
  assert.equal(ada.host.devices.size, 1);
});

test('a network that cannot come back is shown with its reason, and comes back later', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  await start(ada, { hash: HASH, ip: '10.10.10.1' });
  await ada.daemon.stop();
  ada.host.failure = new DeviceError('no-tun', 'no such file');
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const failed = await only(ada);
  assert.equal(failed.state, 'failed');
  assert.match(failed.error ?? '', /no such file/);
  assert.equal(typeof failed.retryMs, 'number');
  await assert.rejects(start(ada, { hash: HASH, ip: '10.10.10.1' }), { reason: 'hash-in-use' });
  ada.host.failure = null;
  await until(async () => (await only(ada)).state === 'running');
  assert.equal((await only(ada)).error, null);
});

test('a device that vanishes is made again', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const { network } = await start(ada, { hash: HASH, ip: '10.10.10.1' });
  const before = ada.host.devices.get(network.device);
  before?.emit({ kind: 'device-gone', at: ada.host.now(), error: 'it was deleted' });
  await until(async () => (await only(ada)).state === 'failed');
  assert.match((await only(ada)).error ?? '', /it was deleted/);
  await until(async () => (await only(ada)).state === 'running');
  assert.notEqual(ada.host.devices.get(network.device), before);
});

test('a port that was chosen, and that another has at the next start, is chosen anew', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const { port } = (await start(ada, { hash: HASH, ip: '10.10.10.1' })).network;
  await ada.daemon.stop();
  ada.host.foreignPorts.add(port);
  for (let run = 0; run < 2; run++) {
    ada.daemon = await boot(ada.host, ada.directory, ada.log);
    const network = await only(ada);
    assert.equal(network.state, 'running');
    assert.notEqual(network.port, port);
    await ada.daemon.stop();
  }
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
});

test('a key that has run out stops the network, also over a restart', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const ttl = Math.floor(Date.now() / 1000) + 3600;
  await start(ada, { hash: HASH, ip: '10.10.10.1', keys: [{ key: 'k', ttl }] });
  assert.equal((await only(ada)).state, 'running');
  ada.host.wallAhead = 3_600_000; // within ten seconds the daemon notices
  await until(async () => (await only(ada)).state === 'key-expired');
  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  assert.equal((await only(ada)).state, 'key-expired');
});

test('a corrupt save file is said in status, and the daemon runs', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const { id } = (await start(ada, { hash: HASH, ip: '10.10.10.1' })).network;
  await ada.daemon.stop();
  await writeFile(join(ada.directory, 'state', 'networks', `${id}.json`), 'torn');
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const { networks, problems } = await call(ada.socket, 'daemon.status', {});
  assert.deepEqual(networks, []);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', new RegExp(`${id}\\.json\\.corrupt-1`));
});

test('a weak hash and a subnet that is there already are warned of', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const { warnings } = await start(ada, { hash: 'myhash', ip: '192.0.2.77' });
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /guesses it joins/);
  assert.match(warnings[1] ?? '', /192\.0\.2\.77\/24 shares a subnet with 192\.0\.2\.1\/24 on eth0/);
});

test('the log has neither hash nor key, at any level, and its level changes at run time', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  await start(ada, { hash: 'a telling hash', ip: '10.10.10.1', keys: [{ key: 'a telling key' }] });
  await assert.rejects(start(ada, { hash: 'a telling hash', ip: '10.10.10.1' }));
  const { id } = await only(ada, 'a telling hash');
  assert.ok(ada.log.some((line) => line.includes(id)));
  assert.ok(!ada.log.join('').includes('telling'), ada.log.join(''));

  await call(ada.socket, 'log.set', { level: 'ERROR' });
  ada.log.length = 0;
  await call(ada.socket, 'daemon.version', {});
  assert.deepEqual(ada.log, []);
  await call(ada.socket, 'log.set', { level: 'trace', hash: 'a telling hash' });
  assert.equal((await only(ada, 'a telling hash')).log, 'TRACE');
  assert.equal((await call(ada.socket, 'daemon.status', {})).log, 'ERROR');
  await assert.rejects(call(ada.socket, 'log.set', { level: 'INFO', hash: 'none' }), { reason: 'no-such-network' });
});

test('a help that the system refuses is one line in the log', async (t) => {
  const host = new Wire().host('192.0.2.1');
  const ada = await machine(t, host);
  await start(ada, { hash: HASH, ip: '10.10.10.1' });
  await call(ada.socket, 'device.set', { 'udp-gso': true });
  const said = () => ada.log.filter((line) => line.includes('udp-gso'));
  ada.log.length = 0;
  host.devices.get('p2p0')?.emit({ kind: 'fallback', at: performance.now(), help: 'udp-gso', error: 'EIO' });
  await until(() => Promise.resolve(said().length > 0));
  assert.equal(said().length, 1);
  assert.match(said()[0] ?? '', /refuses udp-gso.*EIO|EIO.*refuses udp-gso/);
});

test('a second daemon on the socket or the state is refused, and the first goes on', async (t) => {
  const wire = new Wire();
  const ada = await machine(t, wire.host('192.0.2.1'));
  await start(ada, { hash: HASH, ip: '10.10.10.1' });
  await assert.rejects(boot(wire.host('192.0.2.2'), ada.directory, []), {
    reason: 'already-running',
    message: new RegExp(ada.socket),
  });
  assert.equal((await only(ada)).state, 'running');
});

async function filesOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'boot');
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'utf8')])));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < end, 'within a minute');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('keys are appended, kept over a restart, shown by fingerprint; a network without a key goes on as soon as one comes', async (t) => {
  const ada = await machine(t, new Wire().host('192.0.2.1'));
  const soon = Math.floor(Date.now() / 1000) + 3600;
  const add = (...keys: Params<'network.add-keys'>['keys']) =>
    call(ada.socket, 'network.add-keys', { hash: HASH, keys });
  const queue = async () => (await call(ada.socket, 'network.keys', { hash: HASH })).keys;
  await assert.rejects(add({ key: 'k' }), { reason: 'no-such-network' });
  const { warnings } = await start(ada, { hash: HASH, ip: '10.10.10.1', keys: [{ key: 'one', ttl: soon }] });
  assert.match(warnings.join(), /the key has few .*whoever guesses it and knows the hash/);
  await add({ key: 'two', ttl: soon + 60 }, { key: generatedHash(new Uint8Array(16).fill(9)), ttl: soon + 120 });
  const three = await queue();
  assert.deepEqual(
    three.map(({ until, state }) => [until, state]),
    [
      [soon, 'in-use'],
      [soon + 60, 'later'],
      [soon + 120, 'later'],
    ],
  );
  assert.equal(new Set(three.map(({ fingerprint }) => fingerprint)).size, 3);

  for (const [keys, says] of [
    [
      [{ key: 'four', ttl: soon + 120 }],
      /^keys\.0\.ttl: expected a Unix time after that of the key before, \d+ \(.* UTC\), got/,
    ],
    [
      [{ key: 'four', ttl: 1_000_000_000 }],
      /^keys\.0\.ttl: expected a Unix time in the future, got 1000000000 \(2001-09-09 01:46:40 UTC\)/,
    ],
    [[{ key: 'two', ttl: soon + 300 }], /^keys\.0\.key: expected a new key, got the one at place 2 of the queue/],
    [
      [
        { key: 'four', ttl: soon + 300 },
        { key: 'four', ttl: soon + 400 },
      ],
      /^keys\.1\.key: expected a new key/,
    ],
    [[{ key: 'four' }, { key: 'five', ttl: soon + 400 }], /^keys\.1\.ttl: expected no key after one without a ttl/],
    [
      Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, ttl: soon + 500 + i })),
      /^keys: expected at most 32 in the queue, got 33/,
    ],
  ] as const)
    await assert.rejects(add(...keys), { reason: 'invalid-params', message: says });
  assert.deepEqual(await queue(), three, 'nothing of that was done');

  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  assert.deepEqual(await queue(), three);
  assert.equal((await only(ada)).keyEnds, soon + 120);

  ada.host.wallAhead = 3_600_000 + 121_000; // the clock is set beyond the end of the last
  await ada.daemon.stop();
  ada.daemon = await boot(ada.host, ada.directory, ada.log);
  const over = await only(ada);
  assert.equal(over.state, 'key-expired');
  assert.match(over.problems.join(), /its last key ended at .* UTC/);
  await add({ key: 'four' });
  assert.equal((await only(ada)).state, 'running');
  assert.equal((await only(ada)).keyEnds, null);
  assert.deepEqual(
    (await start(ada, { hash: HASH, ip: '10.10.10.1', keys: [{ key: 'four' }] })).warnings,
    [],
    'as it is',
  );
  await assert.rejects(add({ key: 'five' }), {
    message: /expected no key after one without a ttl, .* got one without/,
  });
});
