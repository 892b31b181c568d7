/** From which addresses LAN beacons leave, on machines that have too many. How they travel: test/e2e/lan.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LocalAddress } from '../../src/core/local-address.js';
import { beaconAddresses, MAX_SENDERS } from '../../src/discovery/lan.js';

function address(device: string, zone: number, ip: string): LocalAddress {
  return { device, zone: String(zone), ip, prefix: ip.includes(':') ? 64 : 24 };
}

test('beacons leave from IPv4 and link-local addresses', () => {
  const eth0 = [address('eth0', 2, '192.0.2.1'), address('eth0', 2, '2001:db8::1'), address('eth0', 2, 'fe80::1')];
  assert.deepEqual(
    beaconAddresses(eth0).map(({ ip }) => ip),
    ['192.0.2.1', 'fe80::1'],
  );
});

test('a LAN is among the first, however many containers there are', () => {
  const ends = Array.from({ length: 500 }, (_, i) => address(`veth${i}`, 10 + i, `fe80::${(i + 1).toString(16)}`));
  const bridges = Array.from({ length: 40 }, (_, i) => address(`docker${i}`, 600 + i, `198.51.100.${i}`));
  const lan = [address('eth0', 700, 'fe80::ffff'), address('eth0', 700, '192.0.2.1')];
  const all = beaconAddresses([...ends, ...bridges, ...lan]);
  assert.deepEqual(all.slice(0, 2), lan);
  assert.equal(all.length, 542);
  assert.ok(MAX_SENDERS >= 2 && MAX_SENDERS < all.length);
  assert.ok(all.slice(-40).every(({ device }) => device.startsWith('docker')));
});
