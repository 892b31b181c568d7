/** Every kind of value that people hand in, good and bad; a bad one is named together with what was expected. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as addressFields from '../../src/rpc/address-fields.js';
import * as fields from '../../src/rpc/fields.js';
import * as relayFields from '../../src/rpc/relay-fields.js';

type Parse = (value: never) => unknown;

/** Parser, value, what comes of it. */
const GOOD: readonly (readonly [Parse, unknown, unknown])[] = [
  [fields.parseHash, 'myhash', 'myhash'],
  [fields.parseHash, 'x'.repeat(128), 'x'.repeat(128)],
  [fields.parseHash, 'e\u0301', '\u00e9'],
  [fields.parseHash, ' a b ', ' a b '],
  [addressFields.parseOverlayAddress, '10.10.10.1', '10.10.10.1/24'],
  [addressFields.parseOverlayAddress, '10.10.10.1/16', '10.10.10.1/16'],
  [addressFields.parseOverlayAddress, '10.10.10.0/31', '10.10.10.0/31'],
  [addressFields.parseOverlayAddress, '10.10.10.255/16', '10.10.10.255/16'],
  [addressFields.parseOverlayAddress, '10.10.10.9/32', '10.10.10.9/32'],
  [addressFields.parseOverlayAddress, 'FD00:0::1', 'fd00::1/64'],
  [addressFields.parseOverlayAddress, '192.0.2.7', '192.0.2.7/24'],
  [addressFields.parseIp, 'FD00:0::1', 'fd00::1'],
  [fields.parseWho, 'FD00:0::1', 'fd00::1'],
  [fields.parseWho, 'ben.p2p', 'ben.p2p'],
  [fields.parseWho, '0123456789abcdef', '0123456789abcdef'],
  [fields.parseWho, '7', '7'],
  [fields.parseMac, '02-12-34-56-78-9A', '02:12:34:56:78:9a'],
  [fields.parseDevice, 'mesh-0.1_x', 'mesh-0.1_x'],
  [fields.parseDevice, 'fifteen-letters', 'fifteen-letters'],
  [fields.parsePort, 65535, 65535],
  [fields.parsePorts, '4000-5000', { min: 4000, max: 5000 }],
  [fields.parsePorts, '4000', { min: 4000, max: 4000 }],
  [fields.parseMtu, 576, 576],
  [fields.parseMtu, 9000, 9000],
  [fields.parsePeer, '192.0.2.1:4900', '192.0.2.1:4900'],
  [fields.parsePeer, '[2001:db8::1]:4900', '[2001:db8::1]:4900'],
  [fields.parsePeer, '0123456789abcdef@host.example:1', '0123456789abcdef@host.example:1'],
  [fields.parseName, 'ada', 'ada'],
  [fields.parseLevel, 'debug', 'DEBUG'],
  [fields.parseLogFormat, 'JSON', 'json'],
  [fields.parseProfile, 'memory', 'memory'],
  [fields.parseLogLines, 1_000, 1_000],
  [fields.parseMetricsListen, '9469', { host: '127.0.0.1', port: 9469 }],
  [fields.parseMetricsListen, 'localhost:9469', { host: '127.0.0.1', port: 9469 }],
  [fields.parseMetricsListen, '[2001:db8::1]:9469', { host: '2001:db8::1', port: 9469 }],
];

/** Parser, value, what the message has to hold. */
const BAD: readonly (readonly [Parse, unknown, RegExp])[] = [
  [fields.parseHash, '', /1 to 128 bytes, got 0/],
  [fields.parseHash, 'é'.repeat(65), /1 to 128 bytes, got 130/],
  [fields.parseHash, 'a\u0007', /printable.*U\+0007 at position 2/],
  [fields.parseHash, 'a\u200bb', /printable.*U\+200B/],
  [fields.parseHash, '\ud800', /printable.*U\+D800/],
  [fields.parseKey, 'a\nb', /printable.*U\+000A/],
  [addressFields.parseOverlayAddress, '', /such as 10\.10\.10\.1.*""/],
  [addressFields.parseOverlayAddress, '10.10.10', /"10\.10\.10"/],
  [addressFields.parseOverlayAddress, '010.10.10.1', /"010\.10\.10\.1"/],
  [addressFields.parseOverlayAddress, '10.10.10.1/24/24', /"10\.10\.10\.1\/24\/24"/],
  [addressFields.parseOverlayAddress, '10.10.10.1/', /prefix length from 1 to 32/],
  [addressFields.parseOverlayAddress, '10.10.10.1/33', /prefix length from 1 to 32.*\/33"/],
  [addressFields.parseOverlayAddress, 'fd00::1/129', /prefix length from 1 to 128/],
  [addressFields.parseOverlayAddress, 'fe80::1%eth0', /"fe80::1%eth0"/],
  [addressFields.parseOverlayAddress, '10.10.10.0', /network's own address/],
  [addressFields.parseOverlayAddress, 'fd00::', /network's own address/],
  [addressFields.parseOverlayAddress, '10.10.10.255', /broadcast/],
  [addressFields.parseOverlayAddress, '255.255.255.255/32', /broadcast/],
  [addressFields.parseOverlayAddress, '224.0.0.1', /multicast/],
  [addressFields.parseOverlayAddress, 'ff02::1', /multicast/],
  [addressFields.parseOverlayAddress, '127.0.0.1', /loopback/],
  [addressFields.parseOverlayAddress, '::1', /loopback/],
  [addressFields.parseOverlayAddress, '0.0.0.0', /unspecified/],
  [addressFields.parseOverlayAddress, '::ffff:10.0.0.1', /IPv6 form/],
  [addressFields.parseOverlayAddress, '240.0.0.1', /reserved/],
  [addressFields.parseIp, '10.10.10.1/24', /"10\.10\.10\.1\/24"/],
  [fields.parseWho, '10.10.10', /IP address.*"10\.10\.10"/],
  [fields.parseWho, '10.10.10.1/24', /IP address/],
  [fields.parseWho, 'fd00::1::2', /IP address/],
  [fields.parseWho, '', /1 to 67 bytes, got 0/],
  [fields.parseMac, '02:12:34:56:78', /"02:12:34:56:78"/],
  [fields.parseMac, '02:12:34:56:78-9a:00', /MAC such as/],
  [fields.parseMac, '01:00:5e:00:00:01', /multicast/],
  [fields.parseMac, '00:00:00:00:00:00', /all zeros/],
  [fields.parseDevice, '', /1 to 15/],
  [fields.parseDevice, 'sixteen-letters-', /1 to 15.*"sixteen-letters-"/],
  [fields.parseDevice, 'p2p%d', /"p2p%d"/],
  [fields.parseDevice, '..', /"\.\."/],
  [fields.parseDevice, 'a/b', /"a\/b"/],
  [fields.parsePort, 0, /1 to 65535, got 0/],
  [fields.parsePort, 1.5, /got 1\.5/],
  [fields.parsePorts, '5000-4000', /"5000-4000"/],
  [fields.parsePorts, '0-10', /"0-10"/],
  [fields.parsePorts, '1-65536', /"1-65536"/],
  [fields.parseMtu, 575, /576 to 9000, got 575/],
  [fields.parseMtu, 9001, /576 to 9000, got 9001/],
  [fields.parsePeer, 'host', /HOST:PORT.*"host"/],
  [fields.parsePeer, 'host:0', /port from 1 to 65535.*"host:0"/],
  [fields.parsePeer, 'host:65536', /port from 1 to 65535/],
  [fields.parsePeer, 'xyz@host:1', /16 hex digits.*"xyz@host:1"/],
  [fields.parsePeer, '[::g]:1', /HOST:PORT/],
  [fields.parsePeer, '192.0.2.256:1', /host name or an address/],
  [fields.parsePeer, '-x:1', /host name or an address/],
  [fields.parseName, 'n'.repeat(64), /1 to 63 bytes, got 64/],
  [fields.parseUnixTime, -1, /Unix time.*-1/],
  [relayFields.parseProxy, 'http://a%zz@proxy.example', /expected a proxy as http.*% isn't followed/],
  [fields.parseLevel, 'LOUD', /TRACE, DEBUG, INFO, WARNING, ERROR.*"LOUD"/],
  [fields.parseLogFormat, 'xml', /one of text, json, got "xml"/],
  [fields.parseProfile, 'disk', /one of cpu, memory, got "disk"/],
  [fields.parseLogLines, 1_001, /a number of lines from 0 to 1000, got 1001/],
  [fields.parseLogLines, -1, /from 0 to 1000, got -1/],
  [fields.parseMetricsListen, 'host:9469', /expected \[HOST:\]PORT with an IP address.*"host:9469"/],
  [fields.parseMetricsListen, '2001:db8::1:9469', /\[HOST:\]PORT/],
  [fields.parseMetricsListen, '0', /a port from 1 to 65535, got 0/],
];

test('good values are taken, in one form', () => {
  for (const [parse, value, expected] of GOOD) assert.deepEqual(parse(value as never), expected, String(value));
});

test('bad values are refused, and named', () => {
  for (const [parse, value, says] of BAD)
    assert.throws(() => parse(value as never), { name: 'RangeError', message: says }, `${parse.name} ${String(value)}`);
});

test('a secret never stands in a message', () => {
  const secret = 'correct horse\u0000';
  for (const parse of [fields.parseHash, fields.parseKey])
    assert.throws(
      () => parse(secret),
      (error: Error) => !error.message.includes('horse'),
    );
});

test('what was parsed is parsed to the same again, and anything else is a RangeError', () => {
  const parsers = [
    fields.parseHash,
    addressFields.parseOverlayAddress,
    fields.parseMac,
    fields.parseDevice,
    fields.parsePeer,
  ];
  const near = fc.oneof(
    fc.string(),
    fc.ipV4(),
    fc.ipV6(),
    fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, prefix]) => `${ip}/${prefix}`),
    fc.tuple(fc.domain(), fc.nat(70_000)).map(([host, port]) => `${host}:${port}`),
  );
  fc.assert(
    fc.property(near, fc.constantFrom(...parsers), (text, parse) => {
      let parsed: string;
      try {
        parsed = parse(text);
      } catch (error) {
        assert.ok(error instanceof RangeError);
        return;
      }
      assert.equal(parse(parsed), parsed);
    }),
  );
});
