import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDefaultRoute, parseDefaultRoute6 } from '../../src/discovery/port-mapping/routes.js';

const ADDRESSES = [
  { device: 'eth0', zone: '2', ip: '192.168.1.7', prefix: 24 },
  { device: 'eth0', zone: '2', ip: '2001:db8::7', prefix: 64 },
  { device: 'wlan0', zone: '3', ip: '10.1.0.9', prefix: 16 },
  { device: 'wlan0', zone: '3', ip: '10.2.0.9', prefix: 16 },
];
const HEADER = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const table = (...lines: string[]) => `${[HEADER, ...lines.map((line) => line.replaceAll(' ', '\t'))].join('\n')}\n`;

test('the default route, with our address in its subnet', () => {
  const text = table(
    'eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0',
    'eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0',
  );
  assert.deepEqual(parseDefaultRoute(text, ADDRESSES, true), {
    gateway: '192.168.1.1',
    device: 'eth0',
    local: '192.168.1.7',
  });
});

test('of several the one with the lowest metric; never one over a device that is not ours to use', () => {
  const text = table(
    'p2p0 00000000 010A0A0A 0003 0 0 0 00000000 0 0 0',
    'eth0 00000000 0101A8C0 0003 0 0 600 00000000 0 0 0',
    'wlan0 00000000 0100020A 0003 0 0 50 00000000 0 0 0',
  );
  assert.deepEqual(parseDefaultRoute(text, ADDRESSES, true), {
    gateway: '10.2.0.1',
    device: 'wlan0',
    local: '10.2.0.9',
  });
});

test('numbers of a big-endian machine', () => {
  const text = table('eth0 00000000 C0A80101 0003 0 0 100 00000000 0 0 0');
  assert.equal(parseDefaultRoute(text, ADDRESSES, false)?.gateway, '192.168.1.1');
});

for (const [what, line] of [
  ['half of the world', 'eth0 00000000 0101A8C0 0003 0 0 0 00000080 0 0 0'],
  ['a route that is down', 'eth0 00000000 0101A8C0 0002 0 0 0 00000000 0 0 0'],
  ['a route without a gateway', 'eth0 00000000 00000000 0001 0 0 0 00000000 0 0 0'],
  ['nonsense', 'eth0 zzz'],
  ['a gateway that is no number', 'eth0 00000000 0101A8XX 0003 0 0 0 00000000 0 0 0'],
] as const)
  test(`${what} is no default route`, () => {
    assert.equal(parseDefaultRoute(table(line), ADDRESSES, true), null);
  });

test('no table, no route', () => {
  assert.equal(parseDefaultRoute('', ADDRESSES, true), null);
  assert.equal(parseDefaultRoute6('', ADDRESSES), null);
});

test('IPv6: the lowest metric over a device of ours', () => {
  const zeros = '0'.repeat(32);
  const line = (gateway: string, metric: string, flags: string, device: string) =>
    `${zeros} 00 ${zeros} 00 ${gateway} ${metric} 00000001 00000000 ${flags}     ${device}`;
  const text = [
    line('fe800000000000000000000000000001', '00000400', '00000003', 'eth0'),
    line('fe800000000000000000000000000002', '00000100', '00000003', 'eth0'),
    line('fe800000000000000000000000000003', '00000001', '00000003', 'p2p0'),
    line(zeros, 'ffffffff', '00200200', 'lo'),
  ].join('\n');
  assert.deepEqual(parseDefaultRoute6(text, ADDRESSES), { gateway: 'fe80::2', device: 'eth0' });
});
