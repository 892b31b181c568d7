/** Places and advice of each system: what can't be run here is at least told as that system has it. */
import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { test } from 'node:test';
import { parseDevice } from '../../src/rpc/fields.js';
import type { System } from '../../src/system/system.js';
import { systemOf } from '../../src/system/this-system.js';

const WINDOWS = systemOf('win32', { ProgramData: 'D:\\Data', SystemRoot: 'D:\\Win' });

test('the places of each', () => {
  const places = ({ state, config, hosts, socket, syslog, logFile }: System) => ({
    state,
    config,
    hosts,
    socket,
    syslog,
    logFile,
  });
  assert.deepEqual(places(systemOf('linux', {})), {
    state: '/var/lib/p2p',
    config: '/etc/p2p/config.yaml',
    hosts: '/etc/hosts',
    socket: '/run/p2p/p2p.sock',
    syslog: '/dev/log',
    logFile: null,
  });
  assert.deepEqual(places(systemOf('darwin', {})), {
    state: '/var/db/p2p',
    config: '/etc/p2p/config.yaml',
    hosts: '/etc/hosts',
    socket: '/var/run/p2p/p2p.sock',
    syslog: '/var/run/syslog',
    logFile: '/var/log/p2p.log',
  });
  assert.deepEqual(places(WINDOWS), {
    state: 'D:\\Data\\p2p\\state',
    config: 'D:\\Data\\p2p\\config.yaml',
    hosts: 'D:\\Win\\System32\\drivers\\etc\\hosts',
    socket: '\\\\.\\pipe\\p2p',
    syslog: null,
    logFile: 'D:\\Data\\p2p\\log\\p2p.log',
  });
});

test('a network device gets a name that its system takes', () => {
  const names = (system: System) => [0, 1, 63].map((n) => parseDevice(system.device(n)));
  assert.deepEqual(names(systemOf('linux', {})), ['p2p0', 'p2p1', 'p2p63']);
  assert.deepEqual(names(WINDOWS), ['p2p0', 'p2p1', 'p2p63']);
  // Interfaces that are one end of a pair have no other name there.
  assert.deepEqual(names(systemOf('darwin', {})), ['feth10000', 'feth10001', 'feth10063']);
});

test('every place and every program of a system is absolute, or found on the PATH of a command', () => {
  for (const [system, path] of [
    [systemOf('linux', {}), posix],
    [systemOf('darwin', {}), posix],
    [WINDOWS, win32],
  ] as const) {
    const { state, config, hosts, socket, hooks } = system;
    for (const place of [state, config, hosts, socket, hooks.directory, hooks.line('x')[0]])
      assert.ok(path.isAbsolute(place), `${system.name}: ${place}`);
    if (system.name === 'linux') continue; // journalctl and ip are elsewhere on each distribution
    for (const [program] of [...system.looks, system.serviceLog(9)])
      assert.ok(path.isAbsolute(program), `${system.name}: ${program}`);
  }
});

test('nobody is advised to do what only another system can', () => {
  const advice = ({ advice }: System) => JSON.stringify(advice);
  const linux = /modprobe|CAP_|\/dev\/|usermod|systemctl|net\.ipv4/;
  assert.match(advice(systemOf('linux', {})), linux);
  assert.doesNotMatch(advice(systemOf('darwin', {})), linux);
  assert.doesNotMatch(advice(WINDOWS), linux);
  assert.doesNotMatch(advice(WINDOWS), /sudo|root/);
});

test('a line of shell on Windows: cmd.exe takes off the outer quotes alone', () => {
  const line = 'echo "up" > "C:\\a b\\x"';
  assert.deepEqual(WINDOWS.hooks.line(line), ['D:\\Win\\System32\\cmd.exe', '/d', '/s', '/c', `"${line}"`]);
  assert.deepEqual(WINDOWS.hooks.killTree?.(7), ['D:\\Win\\System32\\taskkill.exe', '/pid', '7', '/t', '/f']);
});

test('a folder of Windows with a quote in its name ends no string of PowerShell', () => {
  const [, ...args] = systemOf('win32', { ProgramData: "C:\\it's" }).serviceLog(9);
  assert.equal(args.at(-1), "Get-Content -Tail 9 -LiteralPath 'C:\\it''s\\p2p\\log\\p2p.log'");
});
