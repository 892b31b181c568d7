/** What may be a candidate: nothing inside any overlay of this daemon, not this daemon itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { isContainerBridge } from '../../src/core/local-address.js';
import { lasting, parseFlags } from '../../src/discovery/addresses.js';
import { Surroundings } from '../../src/network/surroundings.js';

const PORT = 4900;

function surroundings(): Surroundings {
  const here = new Surroundings({ addresses: [{ ip: '10.10.10.1', prefix: 24 }] }, PORT);
  here.setAddresses([
    { device: 'eth0', zone: '0', ip: '192.0.2.1', prefix: 24 },
    { device: 'eth0', zone: '2', ip: 'fe80::1', prefix: 64 },
  ]);
  return here;
}

test('no candidate lies inside an overlay, as networks come and go', () => {
  const here = surroundings();
  const other = makeEndpoint('10.20.20.2', PORT);
  const other6 = makeEndpoint('fd00:20::2', PORT);
  assert.equal(here.isCandidate(makeEndpoint('10.10.10.2', PORT)), false);
  for (const endpoint of [other, other6]) assert.equal(here.isCandidate(endpoint), true);
  const subnets = [
    { ip: '10.20.20.1', prefix: 24 },
    { ip: 'fd00:20::1', prefix: 64 },
  ];
  assert.equal(here.setOverlays(subnets), true);
  assert.equal(here.setOverlays([...subnets]), false);
  for (const endpoint of [other, other6]) assert.equal(here.isCandidate(endpoint), false);
  here.setOverlays([]);
  for (const endpoint of [other, other6]) assert.equal(here.isCandidate(endpoint), true);
});

test('a link-local candidate is one only on a link of the underlay, and the daemon is none itself', () => {
  const here = surroundings();
  assert.equal(here.isCandidate(makeEndpoint('fe80::2%2', PORT)), true);
  assert.equal(here.isCandidate(makeEndpoint('fe80::2%7', PORT)), false);
  assert.equal(here.isCandidate(makeEndpoint('fe80::2%p2p0', PORT)), false);
  assert.equal(here.isCandidate(makeEndpoint('192.0.2.1', PORT)), false);
  assert.equal(here.isCandidate(makeEndpoint('192.0.2.1', PORT + 1)), true, 'another daemon on this machine');
});

test('bridges of containers are told by their names', () => {
  const bridges = ['docker0', 'br-0123456789ab', 'podman1', 'cni-podman0', 'cni0', 'lxcbr0', 'lxdbr0', 'virbr0'];
  for (const device of bridges) assert.equal(isContainerBridge(device), true, device);
  for (const device of ['eth0', 'br0', 'br-lan', 'wlan0', 'bond0'])
    assert.equal(isContainerBridge(device), false, device);
});

test('of IPv6 addresses those that last are told', () => {
  const flags = parseFlags(
    [
      '20010db8000000000000000000000001 02 40 00 80     eth0',
      '20010db8000000000000000000000002 02 40 00 01     eth0',
      '20010db8000000000000000000000003 02 40 00 21     eth0',
      '20010db8000100000000000000000004 02 40 00 01     eth0',
      '20010db8000200000000000000000005 02 40 00 40     eth0',
      'fe800000000000000000000000000001 02 40 20 80     eth0',
      '',
    ].join('\n'),
  );
  const at = (ip: string) => ({ device: 'eth0', zone: '2', ip, prefix: 64 });
  const all = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:1::4', '2001:db8:2::5', 'fe80::1', '192.0.2.1'];
  const kept = lasting(all.map(at), flags).map(({ ip }) => ip);
  assert.deepEqual(kept, ['2001:db8::1', '2001:db8:1::4', 'fe80::1', '192.0.2.1']);
  assert.equal(lasting(all.map(at), new Map()).length, all.length, 'without flags all are told');
});
