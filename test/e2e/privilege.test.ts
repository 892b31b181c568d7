/** The daemon as its service runs it: not root, with one right of root's, CAP_NET_ADMIN; and what its children and others can't do. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dhtAt, dhtProcess, dhtSays, servesDht } from './harness/dht.js';
import type { Host } from './harness/host.js';
import { MANAGER_TOOL, P2P, PYTHON } from './harness/places.js';
import { commandLine, dhtChild, processStatus } from './harness/process.js';
import { relayAt, relayInfo, usesPath } from './harness/relay.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { plainEnvironment } from './harness/shell.js';
import { runsAsUser, SERVICE_USER } from './harness/user.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** Of capabilities(7), CAP_NET_ADMIN alone and none. */
const NET_ADMIN = '0000000000001000';
const NONE = '0000000000000000';
const NO_DEVICE = 5;

test('with CAP_NET_ADMIN alone members meet in a DHT and ping, and the state is kept', () =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const hash = freshHash();
    const listen = ['--no-lan', '--dht-listen', dhtAt(dht)];
    await runsAsUser(dht, ['net_admin'], { args: listen });
    await waitFor('the DHT', async () => (await dhtProcess(dht)).includes('DHT of its own at'));
    for (const host of [ada, bob]) await runsAsUser(host, ['net_admin'], { args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await dhtSays(ada, hash, /announced/);
    await bob.joins(hash, BOB);
    await bob.pings(ADA);

    assert.equal(statSync(join(ada.directory, 'state', 'master')).uid, SERVICE_USER);
    await ada.killDaemon('SIGKILL');
    await runsAsUser(ada, ['net_admin'], { args: ['--dht', dhtAt(dht)] });
    assert.equal((await ada.network(hash)).state, 'running', 'it comes back by itself');
    await ada.pings(BOB);
    // It has no name in /etc/group, whatever the machine of the test has there.
    const complaints = ada.daemonLog
      .split('\n')
      .filter((line) => /WARN|ERROR/.test(line) && !line.includes('group p2p'));
    assert.deepEqual(complaints, [], 'nothing was refused to it');
  }));

test('the daemon has that right and no other; its child has none; neither leaves a core dump', () =>
  onRoutedSubnets(['ada', 'dht'], async ({ ada, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await runsAsUser(ada, ['net_admin'], { args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await dhtSays(ada, hash, /announced/);

    const daemon = processStatus(ada.daemonPid);
    const child = processStatus(dhtChild(ada.daemonPid));
    assert.deepEqual(capabilities(daemon), [NET_ADMIN, NET_ADMIN, NONE, NONE, NET_ADMIN]);
    assert.deepEqual(capabilities(child), [NONE, NONE, NONE, NONE, NET_ADMIN]);
    const ids = Array(4).fill(SERVICE_USER).join('\t');
    for (const status of [daemon, child])
      assert.deepEqual(
        ['Uid', 'Gid', 'Groups', 'NoNewPrivs'].map((name) => status.get(name)),
        [ids, ids, '', '1'],
      );
    for (const pid of [ada.daemonPid, dhtChild(ada.daemonPid)])
      assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
    // Of a process that may not be dumped, what /proc has belongs to root.
    assert.equal(statSync(`/proc/${ada.daemonPid}/mem`).uid, 0);
  }));

test('without the capability, start says what it needs and how to give it that', () =>
  onLan(['ada'], async ({ ada }) => {
    await runsAsUser(ada, [], { args: ['--no-dht'] });
    const { code, stderr } = await ada.p2p('start', '-hash', freshHash(), '-ip', ADA);
    assert.equal(code, NO_DEVICE, stderr);
    for (const word of [/CAP_NET_ADMIN/, /sudo p2p daemon/, /sudo p2p service install/]) assert.match(stderr, word);
  }));

test('whoever lacks something else to start a network is told exactly what to do', () =>
  onLan(['ada'], async ({ ada }) => {
    const start = ['start', '-hash', freshHash(), '-ip', ADA];
    const nobody = await ada.p2p(...start);
    assert.equal(nobody.code, 3);
    assert.match(nobody.stderr, /start it with: sudo p2p daemon; or for good, with: sudo p2p service install\n$/);

    const own = join(ada.directory, 'root');
    mkdirSync(own, { mode: 0o700 });
    await assert.rejects(runsAsUser(ada, [], { args: ['--state', join(own, 'state')] }), /sudo p2p daemon/);

    const through = ['sh', '-ec', 'mount -t tmpfs none /dev/net; exec "$@"', 'sh'];
    await ada.daemon({ args: ['--no-dht'], through });
    const without = await ada.p2p(...start);
    assert.equal(without.code, NO_DEVICE, without.stderr);
    assert.match(without.stderr, /no \/dev\/net\/tun; try: sudo modprobe tun.*--device \/dev\/net\/tun/);
  }));

test('a relay needs no right for UDP 4910, and CAP_NET_BIND_SERVICE for TLS on 443', () =>
  onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }) => {
    const hash = freshHash();
    await assert.rejects(runsAsUser(relay, ['net_admin'], { args: ['--relay', '--no-dht', '--no-lan'] }), /443/);
    await runsAsUser(relay, ['net_admin', 'net_bind_service'], { args: ['--relay', '--no-dht', '--no-lan'] });
    for (const host of [ada, bob])
      await runsAsUser(host, ['net_admin'], { args: ['--no-dht', '--no-lan', '-relay', relayAt(relay)] });
    await ada.joins(hash, ADA, '-fwd');
    await bob.joins(hash, BOB, '-fwd');
    await bob.pings(ADA);
    await usesPath(bob, hash, ADA, 'relay');
    assert.equal((await relayInfo(relay)).clients.length, 2);

    await relay.killDaemon('SIGTERM');
    await runsAsUser(relay, [], { args: ['--relay', '--no-relay-tls', '--no-dht', '--no-lan'] });
    await waitFor('both at the relay again', async () => (await relayInfo(relay)).clients.length === 2);
  }));

test('a local user outside the group gets nothing: not the socket, not the state, not the process', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await runsAsUser(ada, ['net_admin'], { args: ['--no-dht'] });
    await ada.joins(hash, ADA);
    const proc = `/proc/${ada.daemonPid}`;
    const state = join(ada.directory, 'state');
    const inside = [`cat ${proc}/environ`, `head -c 1 ${proc}/mem`, `ls ${proc}/fd`];
    for (const attempt of [
      `curl -sS --unix-socket ${ada.socket} -d '{"jsonrpc":"2.0","id":1,"method":"daemon.status"}' http://p2p/`,
      `ls ${state}`,
      `cat ${state}/master`,
      `kill ${ada.daemonPid}`,
      ...inside,
    ])
      await isDenied(ada, SERVICE_USER + 1, attempt);
    // Nor does a process of the daemon's own user, such as its DHT's, get at its memory.
    for (const attempt of inside) await isDenied(ada, SERVICE_USER, attempt);
  }));

test('a secret that comes by file, stdin or environment is in no command line', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    const key = 'a key that nobody may see';
    await ada.daemon({ args: ['--no-dht'] });
    await ada.joins(hash, ADA);
    const env = { ...plainEnvironment(), P2P_SOCKET: ada.socket, P2P_HASH: hash };
    // One stays while it waits for its stdin, the other for a member that never comes.
    const setting = ada.namespace.start(P2P, ['set', '-key', '-'], env);
    const waiting = ada.namespace.start(P2P, ['wait', '-check', BOB], env);
    for (const [program, word] of [
      [setting, 'set'],
      [waiting, 'wait'],
    ] as const)
      await waitFor(`p2p ${word}`, () => commandLine(program.pid).split('\0').includes(word));
    for (const { pid } of [setting, waiting]) {
      assert.doesNotMatch(commandLine(pid), new RegExp(hash));
      await isDenied(ada, SERVICE_USER, `cat /proc/${pid}/environ`);
    }
    setting.write(`${key}\n`);
    setting.closeInput();
    assert.equal(await setting.exited, 0, setting.stderr);
    await waiting.stop();
    assert.equal(ada.daemonLog.includes(hash) || ada.daemonLog.includes(key), false);
  }));

test('names are written to a hosts file that the daemon has no right to, through the descriptor that it was handed', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    const text = '127.0.0.1 localhost\n';
    const etc = join(ada.directory, 'etc');
    const hosts = join(etc, 'hosts');
    mkdirSync(etc);
    writeFileSync(hosts, text, { mode: 0o644 });
    const args = ['--no-dht', `--hosts=${hosts}`];
    await runsAsUser(ada, ['net_admin'], { args });
    await ada.joins(hash, ADA, '-name', 'ada');
    await waitFor('the daemon to say what it lacks', async () =>
      /names of members can't be written to .*drop-in p2p-hosts\.conf/.test((await ada.p2p('status')).stderr),
    );
    await ada.killDaemon('SIGTERM');
    assert.equal(readFileSync(hosts, 'utf8'), text);
    await runsAsUser(ada, ['net_admin'], { args }, hosts);
    await waitFor('the names', () => readFileSync(hosts, 'utf8').includes(`${ADA} ada.p2p\n`));
    assert.deepEqual([statSync(hosts).uid, readdirSync(etc)], [0, ['hosts']]);
    await ada.killDaemon('SIGTERM');
    assert.equal(readFileSync(hosts, 'utf8'), text);
  }));

test('the service manager hears that it is ready, that it lives, and that it ends', () =>
  onLan(['ada'], async ({ ada }) => {
    const socket = join(ada.directory, 'notify');
    const manager = ada.start(PYTHON, MANAGER_TOOL, socket);
    await waitFor('the manager', () => manager.stdout.startsWith('listening'));
    const daemon = await ada.daemon({
      args: ['--no-dht'],
      env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' },
    });
    await waitFor('READY and three signs of life', () => /^listening\nREADY=1\n(WATCHDOG=1\n){3}/.test(manager.stdout));
    await daemon.stop('SIGTERM');
    assert.match(manager.stdout, /WATCHDOG=1\nSTOPPING=1\n$/);
  }));

function capabilities(status: ReadonlyMap<string, string>): (string | undefined)[] {
  return ['CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'CapBnd'].map((set) => status.get(set));
}

async function isDenied(host: Host, user: number, attempt: string): Promise<void> {
  const rights = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'];
  const { code, stdout, stderr } = await host.run('setpriv', ...rights, 'sh', '-c', attempt);
  assert.notEqual(code, 0, attempt);
  assert.equal(stdout, '', attempt);
  assert.match(
    stderr,
    /permission denied|not permitted|couldn't connect|could not connect|failed to connect/i,
    attempt,
  );
}
