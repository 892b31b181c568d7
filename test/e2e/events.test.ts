/** What somebody sees who watches: events while a member comes, moves and goes, and the log at run time. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Syslog } from '../../src/daemon/syslog.js';
import { sendUnixDatagram } from '../../src/device/native-process.js';
import type { DaemonEvent } from '../../src/rpc/event-info.js';
import { P2P, PYTHON } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { Program, run } from './harness/shell.js';
import { waitFor } from './harness/wait.js';

/** Where scripts/install-packages puts it. */
const PROMTOOL = '/var/cache/p2p-tests/promtool';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';

/** What a program that prints a JSON object per line has printed so far. */
function objects({ stdout }: Program): (DaemonEvent & { version: number })[] {
  const complete = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DaemonEvent & { version: number });
}

test('a member comes, moves and goes: p2p events tells it as it happens; p2p logs -f follows the level that is set', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon();
    }
    const watch = (...args: string[]) => ada.start(P2P, ...args, '--socket', ada.socket);
    const [events, lines, logs] = [watch('events', '--json'), watch('events'), watch('logs', '-f', '-n', '5')];
    for (const each of [events, lines])
      await waitFor('the watch', () => each.stderr.includes('p2p: listening; Ctrl-C ends it'));
    const kinds = () => objects(events).map(({ kind }) => kind);
    const told = (kind: DaemonEvent['kind']) => waitFor(`${kind} to be told`, () => kinds().includes(kind));

    await ada.joins(hash, ADA);
    const { peerId } = await bob.joins(hash, BOB, '-name', 'bob');
    await told('peer-connected');
    await ada.mustP2p('set', '-log', 'DEBUG');
    await ada.status();
    await waitFor('a line of that level', () => /DEBUG +call answered .*method=daemon\.status/.test(logs.stdout));

    await bob.namespace.ip(`address delete ${bob.addresses.ipv4}/24 dev eth0`, 'address add 192.0.2.77/24 dev eth0');
    await told('path-changed');
    await bob.mustP2p('stop', '-hash', hash);
    await told('peer-disconnected');
    const steps = kinds().filter((kind, i, all) => kind !== all[i - 1]); // it may take two steps to its new address
    assert.deepEqual(steps, ['network-started', 'peer-connected', 'path-changed', 'peer-disconnected']);
    const moved = objects(events).findLast((event) => event.kind === 'path-changed');
    assert.ok(moved?.kind === 'path-changed');
    assert.deepEqual([moved.peer, moved.name, moved.path], [peerId, 'bob', 'lan']);
    assert.match(moved.endpoint, /^192\.0\.2\.77:/);
    assert.ok(objects(events).every(({ version, device }) => version === 1 && device === 'p2p0'));
    assert.match(lines.stdout, / UTC {2}p2p0 {2}bob \([0-9a-f]{16}\) disconnected: it left the network\n$/);
    assert.ok(!`${events.stdout}${lines.stdout}${logs.stdout}`.includes(hash), 'no secret');

    assert.equal(await lines.stop('SIGINT'), 0);
    assert.equal(await logs.stop('SIGINT'), 0);
    await ada.killDaemon('SIGTERM');
    assert.equal(await events.exited, 3, 'the daemon has ended');
    assert.equal(kinds().at(-1), 'network-stopped');
  }));

test('metrics are scraped on loopback alone, and are as promtool wants them; a profile is written when asked for and at the end', (t) =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    const { pid } = await ada.daemon({
      args: ['--metrics', '9469', '--profile', 'cpu', '--profile-dir', ada.directory],
    });
    await bob.daemon();
    const { id } = await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await ada.meets(hash, BOB);
    await bob.meets(hash, ADA);
    await ada.pings(BOB);
    const scrape = () => ada.must('curl', '-sSf', 'http://localhost:9469/metrics');
    const text = await waitFor('the traffic to be told', async () => {
      const scraped = await scrape();
      const bytes = new RegExp(`^p2p_network_traffic_bytes_total\\{network="${id}",direction="out"\\} (\\d+)$`, 'm');
      return Number(bytes.exec(scraped)?.[1] ?? 0) > 0 && scraped;
    });
    assert.match(text, new RegExp(`^p2p_network_members\\{network="${id}",state="connected"\\} 1$`, 'm'));
    assert.match(text, /^p2p_network_handshakes_total\{.*result="completed"\} [1-9]/m);
    assert.match(text, /^p2p_peer_rtt_seconds\{.*\} \d/m);
    assert.ok(!text.includes(hash), 'no secret');
    const away = await bob.run('curl', '-sS', '-m', '5', `http://${ada.addresses.ipv4}:9469/metrics`);
    assert.notEqual(away.code, 0, 'nobody else gets them');

    process.kill(pid, 'SIGUSR2');
    const written = () =>
      [...ada.daemonLog.matchAll(/"path":"([^"]+\.cpuprofile)","msg":"profile written"/g)].map(([, path = '']) => path);
    await waitFor('the profile', () => written().length === 1);
    assert.equal(await ada.killDaemon('SIGTERM'), 0);
    assert.equal(written().length, 2);
    for (const path of written()) assert.equal(statSync(path).mode & 0o777, 0o600);

    const installed = await run('sh', ['-c', 'command -v promtool']);
    const promtool = existsSync(PROMTOOL) ? PROMTOOL : installed.stdout.trim();
    if (promtool === '') {
      t.diagnostic('promtool could not be had: the names are checked by test/daemon/metrics alone');
      return;
    }
    const checked = await run(promtool, ['check', 'metrics'], { input: text });
    assert.deepEqual(checked, { code: 0, stdout: '', stderr: '' });
  }));

test('a line of the log reaches whoever listens where syslog is, as one datagram', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'p2p-syslog-'));
  const socket = join(directory, 'log');
  const script =
    'import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\n' +
    'print("listening", flush=True)\nprint(s.recv(65536).decode(), flush=True)';
  const collector = new Program(PYTHON, ['-c', script, socket]);
  try {
    await waitFor('the socket', () => collector.stdout.includes('listening\n'));
    const syslog = new Syslog(socket, 7, sendUnixDatagram, (problem) => assert.fail(problem));
    syslog.write('{"time":"2026-11-21T12:00:00.000Z","level":"INFO","msg":"listening","socket":"/s"}');
    assert.equal(await collector.exited, 0);
    assert.match(collector.stdout, /^<30>Nov .. ..:..:.. p2p\[7\]: INFO {4}listening socket=\/s$/m);
  } finally {
    await collector.stop('SIGKILL');
    rmSync(directory, { recursive: true });
  }
});
