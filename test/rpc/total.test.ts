/** Parsers of text and values from outside: whatever comes, they give a value or an error that says so, of the one kind that's promised. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { endpointParts, makeEndpoint, parseEndpoint } from '../../src/core/endpoint.js';
import { parseCidr } from '../../src/core/ip.js';
import { formatMac, parseMac } from '../../src/core/mac.js';
import { isRelayWay, parseWay, relayWay, relayWayParts } from '../../src/core/way.js';
import { parseConfig } from '../../src/daemon/load-config.js';
import { decodeSaved } from '../../src/daemon/saved.js';
import { decodePins, encodePins } from '../../src/daemon/saved-pins.js';
import { StartError } from '../../src/daemon/start-error.js';
import { parseFromChild, parseToChild } from '../../src/discovery/dht/messages.js';
import * as addressFields from '../../src/rpc/address-fields.js';
import * as bounds from '../../src/rpc/bounds.js';
import * as fields from '../../src/rpc/fields.js';
import * as relayFields from '../../src/rpc/relay-fields.js';
import { METHODS } from '../../src/rpc/schema.js';

const ip = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('fe80::1%3', 'fe80::1%', '::ffff:192.0.2.1', '::', '1'));
const port = fc.oneof(fc.nat(70_000), fc.constantFrom('', '0', '00443', '-1'));
/** Text that's nearly what parsers want. */
const near = fc.oneof(
  fc.string({ unit: 'binary' }),
  ip,
  fc.tuple(ip, port).map(([address, number]) => `${address}:${number}`),
  fc.tuple(ip, port).map(([address, number]) => `[${address}]:${number}`),
  fc.tuple(ip, fc.nat(140)).map(([address, prefix]) => `${address}/${prefix}`),
  fc.tuple(fc.string(), fc.domain(), port).map(([id, host, number]) => `${id}@${host}:${number}/${number}`),
  fc.tuple(fc.constantFrom('udp', 'tls', 'tcp'), ip, port).map(([t, a, p]) => `${t}/[${a}]:${p}/0123456789abcdef`),
  fc.tuple(fc.string(), fc.string(), fc.domain(), port).map(([u, w, host, p]) => `http://${u}:${w}@${host}:${p}`),
  fc.tuple(fc.nat(70_000), fc.nat(70_000)).map(([min, max]) => `${min}-${max}`),
  fc.mixedCase(fc.constantFrom('off', 'members', 'debug', 'public', '02:00:00:00:00:01')),
);

test('addresses in text: what is read is written in one way, which is read as the same', () => {
  fc.assert(
    fc.property(near, (text) => {
      const endpoint = parseEndpoint(text);
      if (endpoint !== null) {
        assert.equal(parseEndpoint(endpoint), endpoint);
        const parts = endpointParts(endpoint);
        assert.equal(makeEndpoint(parts.zone === null ? parts.ip : `${parts.ip}%${parts.zone}`, parts.port), endpoint);
      }
      const way = parseWay(text);
      if (way !== null) assert.equal(parseWay(way), way);
      if (way !== null && isRelayWay(way)) {
        const { transport, relay, pseudonym } = relayWayParts(way);
        assert.equal(relayWay(transport, relay, Uint8Array.from(Buffer.from(pseudonym, 'hex'))), way);
      }
      const cidr = parseCidr(text);
      if (cidr !== null) assert.deepEqual(parseCidr(`${cidr.ip}/${cidr.prefix}`), cidr);
      const mac = parseMac(text);
      if (mac !== null) assert.deepEqual(parseMac(formatMac(mac)), mac);
    }),
    { numRuns: 1_000 },
  );
});

test('fields: a value, or a RangeError', () => {
  const all = { ...fields, ...addressFields, ...relayFields, ...bounds };
  const parsers = Object.entries(all).filter(([name]) => /^parse|^relayName$|^wholeNumber$/.test(name));
  assert.ok(parsers.length > 15, `only ${parsers.length} parsers`);
  const takesNumber = ['parsePort', 'parseMtu', 'parseMark', 'parseUnixTime'];
  fc.assert(
    fc.property(
      near,
      fc.oneof(fc.double(), fc.integer()),
      fc.constantFrom(...parsers),
      (text, number, [name, parse]) => {
        try {
          (parse as (value: unknown) => unknown)(takesNumber.includes(name) ? number : text);
        } catch (error) {
          assert.ok(error instanceof RangeError, `${name} threw ${String(error)}`);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

test('parameters of every method: anything is parsed or refused', () => {
  const values = fc.oneof(near, fc.anything());
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(METHODS)),
      fc.dictionary(fc.string(), values),
      values,
      (method, some, any) => {
        const names = Object.keys('entries' in method.params ? method.params.entries : {});
        const named = Object.fromEntries(names.map((name, i) => [name, Object.values(some)[i] ?? any]));
        for (const value of [any, some, named]) v.safeParse(method.params, value, { abortEarly: true });
      },
    ),
    { numRuns: 1_000 },
  );
});

test('messages between the daemon and the child of the DHT: anything is parsed or null', () => {
  const kinds = fc.constantFrom('join', 'listen', 'publish', 'look', 'fetch', 'ready', 'nodes', 'looked', 'fetched');
  const bytes = fc.uint8Array({ maxLength: 1_100 });
  const value = fc.oneof(fc.anything(), bytes, fc.constant(new Uint8Array(32)), fc.integer());
  const names = [
    'node',
    'request',
    'topic',
    'seed',
    'sequence',
    'value',
    'key',
    'keys',
    'count',
    'some',
    'error',
    'port',
  ];
  fc.assert(
    fc.property(fc.anything(), kinds, fc.array(value), (any, kind, values) => {
      const message = { kind, ...Object.fromEntries(names.map((name, i) => [name, values[i]])) };
      for (const parse of [parseToChild, parseFromChild]) {
        parse(any);
        const parsed = parse(message);
        if (parsed !== null) assert.deepEqual(parse(parsed), parsed);
      }
    }),
  );
});

test('a configuration file: anything is read, or refused with its name', () => {
  const keys =
    'state socket log lan dht dhtListen relays relayListen relayTls relayLimits proxy ports mtu threads name';
  const line = fc.tuple(fc.constantFrom(...keys.split(' ')), fc.oneof(near, fc.json(), fc.string()));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(line, { maxLength: 5 }).map((lines) => lines.map(([key, value]) => `${key}: ${value}\n`).join('')),
  );
  fc.assert(
    fc.property(text, (file) => {
      try {
        parseConfig(file, 'f');
      } catch (error) {
        assert.ok(error instanceof StartError && error.message.startsWith('f'), String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('saved state: anything is read, or refused by an error that holds none of it', () => {
  const secret = 'c2VjcmV0';
  const value = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(fc.string(), fc.string()).map((d) => JSON.stringify(d)),
  );
  fc.assert(
    fc.property(value, fc.boolean(), (text, isWrapped) => {
      const file = isWrapped ? `{"version":1,"root":"${secret}","keys":[{"secret":"${secret}"}],"x":${text}}` : text;
      for (const decode of [decodeSaved, decodePins])
        try {
          decode(file);
        } catch (error) {
          assert.ok(error instanceof Error && (decode === decodePins || !error.message.includes(secret)));
        }
    }),
    { numRuns: 500 },
  );
});

test('pins come back as they were', () => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
  const pin = fc.record({ id, since: fc.nat() }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), pin), (relays) => {
      const pins = new Map(Object.entries(relays));
      assert.deepEqual(decodePins(encodePins(pins)), pins);
    }),
  );
});
