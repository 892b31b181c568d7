import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeEndpoint,
  encodeEndpoint,
  endpointParts,
  makeEndpoint,
  parseEndpoint,
  tryEndpoint,
} from '../../src/core/endpoint.js';
import { decodeIp, encodeIp, inSubnet, isUsable, parseCidr } from '../../src/core/ip.js';
import { formatMac, isUnicastMac, parseMac } from '../../src/core/mac.js';

const ip = fc.oneof(fc.ipV4(), fc.ipV6());
const port = fc.integer({ min: 1, max: 65_535 });

test('endpoints: text and bytes come back as they were', () => {
  fc.assert(
    fc.property(ip, port, (address, number) => {
      const endpoint = makeEndpoint(address, number);
      assert.equal(parseEndpoint(endpoint), endpoint);
      assert.equal(decodeEndpoint(encodeEndpoint(endpoint)), endpoint);
      const parts = endpointParts(endpoint);
      assert.equal(tryEndpoint(parts.ip, parts.port), endpoint);
      assert.equal(decodeIp(encodeIp(parts.ip)), parts.ip);
    }),
  );
});

test('endpoints: one way to write each', () => {
  const cases = [
    ['[2001:DB8:0:0::1]:80', '[2001:db8::1]:80'],
    ['[::ffff:192.0.2.1]:80', '192.0.2.1:80'],
    ['[fe80::1%3]:4900', '[fe80::1%3]:4900'],
    ['192.0.2.1:4900', '192.0.2.1:4900'],
  ] as const;
  for (const [text, expected] of cases) assert.equal(parseEndpoint(text), expected);
});

test('endpoints: what is none', () => {
  const bad = [
    '',
    '192.0.2.1',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    '192.0.2:80',
    '2001:db8::1:80',
    '[192.0.2.1',
    'host:80',
    '127.1:80',
    '[::1]',
    ':80',
    '[fe80::1%]:80',
    '[fe80::1%%]:80',
  ];
  for (const text of bad) assert.equal(parseEndpoint(text), null, text);
  fc.assert(
    fc.property(
      fc.string(),
      (text) =>
        parseEndpoint(text) === null ||
        makeEndpoint(endpointParts(parseEndpoint(text) ?? makeEndpoint('192.0.2.1', 1)).ip, 1) !== null,
    ),
  );
  assert.equal(decodeEndpoint(new Uint8Array(17)), null);
  assert.equal(decodeEndpoint(new Uint8Array(18)), null);
});

test('datagrams go to one other host, never to a group, to everyone or to ourselves', () => {
  const good = ['192.0.2.1', '203.0.113.9', '10.1.2.3', '100.64.0.1', '2001:db8::1', 'fd00::1', 'fe80::1%2'];
  const bad = ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '240.0.0.1', '::', '::1', 'ff02::1', 'fe80::1'];
  for (const address of good) assert.equal(isUsable(makeEndpoint(address, 4900)), true, address);
  for (const address of bad) assert.equal(isUsable(makeEndpoint(address, 4900)), false, address);
});

test('prefixes', () => {
  assert.deepEqual(parseCidr('10.10.10.1/24'), { ip: '10.10.10.1', prefix: 24 });
  for (const text of ['10.10.10.1', '10.10.10.1/33', '10.10.10/24', '2001:db8::/129', '/24', '10.10.10.1/x', '1/8']) {
    assert.equal(parseCidr(text), null, text);
  }
  assert.equal(inSubnet('10.10.10.77', { ip: '10.10.10.1', prefix: 24 }), true);
  assert.equal(inSubnet('10.10.11.77', { ip: '10.10.10.1', prefix: 24 }), false);
  assert.equal(inSubnet('2001:db8::1', { ip: '10.10.10.1', prefix: 0 }), false);
});

test('MACs', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mac) => {
      assert.deepEqual(parseMac(formatMac(mac)), mac);
    }),
  );
  for (const text of ['', '02:00:00:00:00', '02:00:00:00:00:0g', '020000000000', '02:00:00:00:00:00:00'])
    assert.equal(parseMac(text), null, text);
  assert.equal(isUnicastMac(Uint8Array.of(2, 0, 0, 0, 0, 1)), true);
  assert.equal(isUnicastMac(Uint8Array.of(1, 0, 0, 0, 0, 1)), false);
  assert.equal(isUnicastMac(new Uint8Array(6)), false);
});
