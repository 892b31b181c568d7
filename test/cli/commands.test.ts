/** The commands as programs: real processes, a real socket, a daemon whose devices are in memory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { P2P, run, withDaemon } from './program.js';

test('start, show, status, set, stop: what they print, and how they end', async (t) => {
  const p2p = await withDaemon(t);
  const none = await p2p(['show']);
  assert.deepEqual([none.code, none.stdout], [0, '']);
  assert.match(none.stderr, /^No networks\. Start one: /);

  const peer = '0123456789abcdef@192.0.2.9:4900';
  const start = [
    'start',
    '-hash',
    'my|hash',
    '-ip',
    '10.10.10.1',
    '-port',
    '4900',
    '-peer',
    peer,
    '-mac',
    '02:00:00:00:00:01',
  ];
  const started = await p2p(start);
  assert.equal(started.code, 0);
  assert.match(started.stdout, /^p2p0 is up: 10\.10\.10\.1\/24, fd[0-9a-f:]+\/64, UDP port 4900\n$/);
  assert.match(started.stderr, /^p2p: warning: the hash /);
  const again = await p2p(start);
  assert.deepEqual(again, { code: 119, stdout: '', stderr: 'p2p: the hash is already in use on this machine\n' });

  const shown = await p2p(['show']);
  assert.match(
    shown.stdout,
    /^DEVICE +IP +MAC +HASH +STATE\np2p0 +10\.10\.10\.1\/24 +02:00:00:00:00:01 +my\|hash +0 of 0/,
  );
  const members = await p2p(['show', '-hash', 'my|hash']);
  assert.match(
    members.stdout,
    /^ID +NAME +IP +ENDPOINT +MAC +PATH +RTT +MTU +STATE\n- .* 0123456789abcdef@192\.0\.2\.9:4900 .* unanswered/,
  );

  const status = await p2p(['status']);
  assert.equal(status.code, 0);
  assert.match(
    status.stderr,
    /^p2p: my\|hash: LAN: off; DHT: off; port mapping: off; IPv6 of its own: fd[0-9a-f:]+\/64\n$/,
  );
  // The last field depends on how long it has been asked for.
  assert.equal(
    status.stdout.replace(/[^|]*\n$/, '…'),
    `my\\x7chash|10.10.10.1\n-|-|State:unanswered|none|${peer}|-|0/0|…`,
  );

  const checked = await p2p(['status', '--check']);
  assert.equal(checked.code, 9);
  assert.match(checked.stderr, /no member answers at 0123456789abcdef@192\.0\.2\.9:4900/);
  assert.equal((await p2p(['status', '-hash', 'other'])).code, 0);
  assert.equal((await p2p(['status', '-hash', 'other', '--check'])).code, 15);

  assert.equal((await p2p(['set', '-log', 'debug'])).code, 0);
  assert.deepEqual(await p2p(['set', '-udp-gso', 'off', '-tap-offload', 'on']), { code: 0, stdout: '', stderr: '' });
  assert.equal((await p2p(['set', '-udp-gro', 'perhaps'])).code, 2);
  assert.equal((await p2p(['set', '-udp-gro', 'off', '-hash', 'none'])).code, 15);
  assert.deepEqual(await p2p(['set', '-name', 'workshop', '-mtu', '1300']), { code: 0, stdout: '', stderr: '' });
  for (const [args, code, says] of [
    [['-mtu', '575'], 2, /mtu: expected an MTU from 576 to 9000, got 575/],
    [['-mtu', 'big'], 2, /'big' is invalid\. Expected a whole number/],
    [['-name', 'x'.repeat(64)], 2, /name: expected a name of 1 to 63 bytes, got 64 bytes/],
    [['-name', 'two\nlines'], 2, /name: expected a name of printable characters, got U\+000A/],
    [['-name', 'x', '-hash', 'none'], 15, /no network has this hash/],
  ] as const) {
    const answer = await p2p(['set', ...args]);
    assert.equal(answer.code, code, args.join(' '));
    assert.match(answer.stderr, says);
  }
  assert.equal((await p2p(['set'])).code, 2);
  const json = JSON.parse((await p2p(['status', '--json'])).stdout);
  assert.deepEqual([json.version, json.daemon, json.log, json.networks[0].hash], [1, '1.2.3', 'DEBUG', 'my|hash']);
  assert.deepEqual([json.networks[0].name, json.networks[0].hostName], ['workshop', 'workshop.p2p']);
  assert.equal(json.networks[0].mtu, 1300);

  assert.deepEqual(await p2p(['stop', '-hash', 'my|hash']), { code: 0, stdout: '', stderr: '' });
  assert.equal((await p2p(['stop', '-hash', 'my|hash'])).code, 15);

  const others = ['one hash', 'another hash', 'a third hash'];
  for (const hash of others) assert.equal((await p2p(['start', '-hash', hash, '-ip', '10.10.10.1'])).code, 0);
  assert.deepEqual(await p2p(['stop', '-dev', 'p2p1']), { code: 0, stdout: '', stderr: '' });
  const freed = await p2p(['stop', '-dev', 'p2p1']);
  assert.deepEqual(freed, { code: 15, stdout: '', stderr: 'p2p: no network has the device p2p1\n' });
  const rest = JSON.parse((await p2p(['stop', '--all', '-json'])).stdout).stopped as { device: string }[];
  assert.deepEqual(
    rest.map(({ device }) => device),
    ['p2p0', 'p2p2'],
  );
  assert.deepEqual(await p2p(['stop', '--all']), { code: 0, stdout: '', stderr: '' });
  for (const args of [['stop'], ['stop', '--all', '-dev', 'p2p0'], ['stop', '-hash', 'h', '-dev', 'p2p0']])
    assert.match((await p2p(args)).stderr, /one of --hash, --dev and --all must be given/);
});

test('check and wait say by their exit code whether a member is there', async (t) => {
  const p2p = await withDaemon(t);
  assert.equal((await p2p(['show', '-check', '10.10.10.1'])).code, 15);
  const hash = { P2P_HASH: 'a hash from the environment', P2P_KEY: 'a key' };
  assert.equal((await p2p(['start', '-ip', '10.10.10.1', '-json'], hash)).code, 0);
  for (const own of ['10.10.10.1', 'ada', 'ADA.p2p']) assert.equal((await p2p(['show', '-check', own])).code, 0, own);
  assert.equal((await p2p(['show', '-check', 'nobody'])).code, 12);
  assert.deepEqual(await p2p(['show', '-check', '10.10.10.2'], hash), {
    code: 12,
    stdout: '',
    stderr: 'p2p: 10.10.10.2 is not connected\n',
  });
  assert.equal((await p2p(['show', '-check', '10.10.10.2', '-hash', 'other'])).code, 15);
  assert.equal((await p2p(['wait', '-check', '10.10.10.1'], hash)).code, 0);
  const began = performance.now();
  assert.equal((await p2p(['wait', '-check', '10.10.10.2', '--timeout', '0.5'], hash)).code, 12);
  assert.ok(performance.now() - began >= 500);
  assert.equal((await p2p(['wait', '-check', '10.10.10.2', '-hash', 'other', '-timeout', '9'])).code, 15);
});

test('keys come from flags, stdin, a file and the environment, and are shown by fingerprint and time', async (t) => {
  const p2p = await withDaemon(t);
  const hash = ['-hash', 'p2p-aaaaaaaaaaaaaaaaaaaaaaaaaa'];
  const secret = (n: number) => `a secret that is long enough ${n}`;
  const done = async (args: readonly string[], environment?: Record<string, string>, input?: string) =>
    assert.deepEqual(await p2p(args, environment, input), { code: 0, stdout: '', stderr: '' });
  const first = ['-key', secret(1), '-ttl', '4000000000', '--key', secret(2), '--until=4000000060'];
  assert.equal((await p2p(['start', ...hash, '-ip', '10.10.10.1', ...first])).code, 0);
  await done(['set', ...hash, '-key', '-', '-ttl', '4000000120'], {}, `${secret(3)}\n`);
  await done(['set', ...hash], { P2P_KEY: secret(4), P2P_UNTIL: '4000000180' });
  await done(['set', ...hash, '-keyfile', '-'], {}, `- key: ${secret(5)}\n  ttl: 4000000240\n- key: ${secret(6)}\n`);
  const shown = await p2p(['show', ...hash, '-keys']);
  const lines = shown.stdout.trimEnd().split('\n');
  assert.equal(lines[0], 'KEY       UNTIL                    STATE');
  assert.match(lines[1] ?? '', /^[0-9a-f]{8} {2}2096-10-02 07:06:40 UTC {2}in use$/);
  assert.match(lines[6] ?? '', /^[0-9a-f]{8} {2}for ever {17}later$/);
  assert.equal(lines.length, 7);
  assert.doesNotMatch(shown.stdout, /secret/);
  const json = JSON.parse((await p2p(['show', ...hash, '-keys', '-json'])).stdout);
  assert.deepEqual(json.keys[1].until, 4_000_000_060);
  const once = await p2p(['set', ...hash, '-key', secret(2)]);
  assert.equal(once.code, 2);
  assert.match(once.stderr, /^p2p: keys\.0\.ttl: expected no key after one without a ttl/);
  assert.equal((await p2p(['set', '-key', 'k'])).code, 2);
  assert.match((await p2p(['set', ...hash, '-key', 'k', '-ttl', 'soon'])).stderr, /Expected a whole number/);
  assert.equal((await p2p(['show', '-hash', 'other', '-keys'])).code, 15);
});

test('peers are listed and blocked by their id', async (t) => {
  const p2p = await withDaemon(t);
  const hash = ['-hash', 'p2p-aaaaaaaaaaaaaaaaaaaaaaaaaa'];
  const none = await p2p(['peers']);
  assert.deepEqual([none.code, none.stdout], [0, '']);
  assert.equal((await p2p(['start', ...hash, '-ip', '10.10.10.1'])).code, 0);
  const unknown = await p2p(['peers', 'block', '0123456789abcdef']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /expected a peer that a network knows, or a hash with it, got 0123456789abcdef/);
  assert.equal((await p2p(['peers', 'block', '0123456789ABCDEF', ...hash])).code, 0);
  const { stdout } = await p2p(['peers']);
  assert.equal(stdout, 'ID                NAME  IP  STATE    KNOWN SINCE\n0123456789abcdef  -     -   blocked  -\n');
  assert.equal((await p2p(['peers', 'unblock', '0123456789abcdef'])).code, 0);
  assert.deepEqual(JSON.parse((await p2p(['peers', '-json'])).stdout).networks[0].peers, []);
  const missing = await p2p(['peers', 'block', 'ada', ...hash]);
  assert.equal(missing.code, 16);
  assert.match(missing.stderr, /no peer is or was known by "ada"; p2p peers lists them/);
  for (const [args, says] of [
    [['peers', 'block'], /block needs the id of a peer/],
    [['peers', 'block', '10.10.10', ...hash], /who: expected an IP address such as 10\.10\.10\.1, got "10\.10\.10"/],
    [['peers', 'hide', '0123456789abcdef'], /Allowed choices are block, unblock, accept/],
  ] as const) {
    const { code, stderr } = await p2p(args);
    assert.equal(code, 2);
    assert.match(stderr, says);
  }
});

test('mistakes end with 2, name what is wrong, and suggest', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^Usage: p2p/],
    [['strat'], /^p2p: unknown command 'strat'\n\(Did you mean start\?\)/],
    [['help', 'shwo'], /^p2p: unknown command 'shwo'\n\(Did you mean show\?\)/],
    [['start', '-hahs', 'x'], /^p2p: unknown option '--hahs'\n\(Did you mean --hash\?\)/],
    [['start'], /^p2p: --hash must be given$/m],
    [['show', 'extra'], /^p2p: too many arguments/],
    [['stop', '-hash'], /^p2p: option '--hash <hash>' argument missing/],
    [
      ['start', '-hash', 'x', '-ip', '10.0.0.1', '-port', '70000'],
      /^p2p: port: expected a port from 1 to 65535, got 70000$/m,
    ],
    [['start', '-hash', 'x', '-ip', '10.0.0.1', '-mtu', 'big'], /'big' is invalid\. Expected a whole number/],
    [['wait', '-hash', 'x', '-check', '10.0.0.1', '--timeout', '-1'], /'-1' is invalid\. Expected a number of seconds/],
  ];
  for (const [args, says] of cases) {
    const { code, stdout, stderr } = await run(args, { P2P_SOCKET: '/nowhere/sock' });
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, says);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
});

test('without a daemon: 3, and the command that starts one', async () => {
  const { code, stdout, stderr } = await run(['status'], { P2P_SOCKET: '/nowhere/sock' });
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(
    stderr,
    /no daemon answers at \/nowhere\/sock; start it with: sudo p2p daemon; or for good, with: sudo p2p service install/,
  );
});

test('what needs no daemon works without one', async () => {
  const environment = { P2P_SOCKET: '/nowhere/sock' };
  assert.match((await run(['version'], environment)).stdout, /^p2p \d+\.\d+\.\d+\n$/);
  assert.match((await run(['--version'], environment)).stdout, /^p2p \d+/);
  const [one, other] = [await run(['generate'], environment), await run(['generate'], environment)];
  assert.match(one.stdout, /^p2p-[a-z2-7]{26}\n$/);
  assert.notEqual(one.stdout, other.stdout);
  for (const command of ['daemon', 'start', 'stop', 'show', 'status', 'wait', 'set', 'generate', 'version']) {
    const help = await run(['help', command], environment);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /^Usage: p2p /);
    assert.match(help.stdout, /^Examples?:\n {2}.*p2p /m);
  }
});

test('a daemon that may not begin says why: bad configuration 11', async () => {
  const { code, stderr } = await run(['daemon', '--config', '/nowhere/config.yaml'], {});
  assert.equal(code, 11);
  assert.match(stderr, /^p2p: the configuration can't be read: .*\/nowhere\/config\.yaml/);
});

test('a reader that has gone is no error', async () => {
  const script = `"$0" "$1" help start | true; exit "\${PIPESTATUS[0]}"`;
  const child = spawn('/bin/bash', ['-c', script, process.execPath, P2P], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.deepEqual([code, stderr], [0, '']);
});
