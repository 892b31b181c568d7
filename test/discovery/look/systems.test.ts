/**
 * What the programs of macOS and Windows write, and what's read from it. The texts were written after the systems' documentation
 * and what people show of theirs; nothing here was taken from a machine that ran p2p.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FLAG, flagKey } from '../../../src/discovery/addresses.js';
import { type Look, NOTHING, routeOf, routeOf6 } from '../../../src/discovery/look/found.js';
import { MACOS_LOOK } from '../../../src/discovery/look/macos.js';
import { windowsLook } from '../../../src/discovery/look/windows.js';

const WINDOWS_LOOK = windowsLook({ SystemRoot: 'C:\\Windows' });

const NETSTAT = `Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.0.2.1          UGScIg                en5
default            198.51.100.1       UGScg                 en0
default            link#20            UCSIg              bridge0      !
127                127.0.0.1          UCS                   lo0
192.0.2            link#14            UCS                   en5      !
`;
/** Older ones have two columns more. */
const OLD_NETSTAT = `Destination        Gateway            Flags        Refs      Use   Netif Expire
default            198.51.100.1       UGSc           42        0     en0
`;
const NETSTAT6 = `Routing tables

Internet6:
Destination                             Gateway                                 Flags               Netif Expire
default                                 fe80::%utun0                            UGcIg               utun0
default                                 fe80::1%en0                             UGcg                  en0
::1                                     ::1                                     UHL                   lo0
`;
const IFCONFIG = `en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	options=6460<TSO4,TSO6,CHANNEL_IO,PARTIAL_CSUM,ZEROINVERT_CSUM>
	ether a0:b1:c2:d3:e4:f5
	inet6 fe80::1c2b:3a49:5867:7685%en0 prefixlen 64 secured scopeid 0xb
	inet6 2001:db8:1::aaaa prefixlen 64 autoconf secured
	inet6 2001:db8:1::bbbb prefixlen 64 autoconf temporary
	inet6 2001:db8:1::cccc prefixlen 64 deprecated autoconf temporary
	inet6 2001:db8:1::dddd prefixlen 64 duplicated
	inet 198.51.100.7 netmask 0xffffff00 broadcast 198.51.100.255
`;
const ADDRESSES = [
  { device: 'en0', zone: '0', ip: '198.51.100.7', prefix: 24 },
  { device: 'en0', zone: '11', ip: '2001:db8:1::aaaa', prefix: 64 },
  { device: 'en5', zone: '0', ip: '192.0.2.9', prefix: 24 },
];

test('macOS: the route that holds for all, then those of one interface; never one over a device that is not ours to use', () => {
  const found = MACOS_LOOK.parse([NETSTAT, NETSTAT6, IFCONFIG, '1\n0\n']);
  assert.deepEqual(routeOf(found, ADDRESSES), { gateway: '198.51.100.1', device: 'en0', local: '198.51.100.7' });
  assert.deepEqual(routeOf(found, ADDRESSES.slice(2)), { gateway: '192.0.2.1', device: 'en5', local: '192.0.2.9' });
  assert.deepEqual(routeOf6(found, ADDRESSES), { gateway: 'fe80::1', device: 'en0' });
  assert.equal(routeOf(found, []), null);
  assert.deepEqual(found.forwards, { ipv4: true, ipv6: false });
  const old = MACOS_LOOK.parse([OLD_NETSTAT, '', '', '']);
  assert.deepEqual(old.routes, [{ gateway: '198.51.100.1', device: 'en0' }]);
  assert.deepEqual(old.forwards, NOTHING.forwards);
});

test('macOS: what an address is good for', () => {
  const { flags } = MACOS_LOOK.parse(['', '', IFCONFIG, '']);
  assert.deepEqual(
    ['aaaa', 'bbbb', 'cccc', 'dddd'].map((host) => flags.get(flagKey(`2001:db8:1::${host}`))),
    [0, FLAG.temporary, FLAG.temporary | FLAG.deprecated, FLAG.dadFailed],
  );
});

const route = (InterfaceAlias: string, NextHop: string, RouteMetric: number, InterfaceMetric: number) => ({
  InterfaceAlias,
  NextHop,
  RouteMetric,
  InterfaceMetric,
});
const address = (IPAddress: string, PrefixLength: number, State: number, Suffix: number) => ({
  IPAddress,
  PrefixLength,
  State,
  Suffix,
});
const ANSWER = {
  routes: [
    route('WLAN ä', '198.51.100.1', 0, 35),
    route('Ethernet', '192.0.2.1', 0, 25),
    route('VPN', '0.0.0.0', 0, 1),
    route('WLAN ä', 'fe80::1', 256, 35),
  ],
  addresses: [
    address('fe80::1c2b:3a49:5867:7685%11', 64, 4, 4),
    address('2001:db8:1::aaaa', 64, 4, 5),
    address('2001:db8:1::bbbb', 128, 4, 5),
    address('2001:db8:1::cccc', 128, 3, 5),
    address('2001:db8:1::dddd', 128, 4, 3),
    address('2001:db8:1::eeee', 64, 2, 1),
  ],
  interfaces: [
    { Family: 2, Forwarding: 2 },
    { Family: 23, Forwarding: 2 },
    { Family: 23, Forwarding: 1 },
  ],
};

test('Windows: the lowest sum of both metrics, also by a name that is not ASCII', () => {
  const found = WINDOWS_LOOK.parse([`\uFEFF${JSON.stringify(ANSWER)}\r\n`]);
  const wlan = { device: 'WLAN ä', zone: '0', ip: '198.51.100.7', prefix: 24 };
  const wired = { device: 'Ethernet', zone: '0', ip: '192.0.2.9', prefix: 24 };
  assert.deepEqual(routeOf(found, [wlan, wired]), { gateway: '192.0.2.1', device: 'Ethernet', local: '192.0.2.9' });
  assert.deepEqual(routeOf(found, [wlan])?.local, '198.51.100.7');
  assert.deepEqual(routeOf6(found, [wlan]), { gateway: 'fe80::1', device: 'WLAN ä' });
  assert.deepEqual(found.forwards, { ipv4: false, ipv6: true });
  assert.deepEqual(
    ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee'].map((host) => found.flags.get(flagKey(`2001:db8:1::${host}`))),
    [0, FLAG.temporary, FLAG.temporary | FLAG.deprecated, 0, FLAG.dadFailed],
  );
});

test('Windows: nothing in the script needs quoting for a command line', () => {
  const [call] = WINDOWS_LOOK.calls;
  assert.equal(call?.[0], 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe');
  assert.doesNotMatch(call?.at(-1) ?? '"', /["\\\n]/);
});

test('whatever the programs write, it is read or ignored', () => {
  const word = fc.constantFrom('default', 'Destination', 'Netif', 'Flags', 'Gateway', 'UG', 'inet6', '::', '%', '{"');
  const line = fc.array(fc.oneof(word, fc.string()), { maxLength: 8 }).map((words) => words.join(' '));
  const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.join('\n'));
  const json = fc.json().map((value) => value);
  for (const look of [MACOS_LOOK, WINDOWS_LOOK] satisfies Look[])
    fc.assert(
      fc.property(fc.array(fc.oneof(text, json), { maxLength: 4 }), (texts) => {
        routeOf(look.parse(texts), ADDRESSES);
      }),
    );
});
