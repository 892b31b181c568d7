/** Which nodes a DHT is entered by: the public ones only where nobody forbade it, and always a list that somebody chose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bootstrapNodes } from '../../src/discovery/dht/bootstrap.js';
import { DhtClient } from '../../src/discovery/dht/client.js';
import { whyUnheard } from '../../src/discovery/dht/unheard.js';

const PUBLIC = ['node.example:49737'];
const FORBIDDEN = { P2P_NO_PUBLIC_DHT: '1' };

test('what was given is what is asked, also an empty list, whether or not the public DHT is forbidden', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 20 }), fc.constantFrom({}, FORBIDDEN), (given, environment) => {
      const nodes = bootstrapNodes(given, PUBLIC, environment);
      assert.deepEqual(nodes, given);
      assert.notEqual(nodes, given, 'a list of its own');
    }),
  );
});

test('without a list the public nodes are meant, and a test may not ask them', () => {
  assert.deepEqual(bootstrapNodes(null, PUBLIC, {}), PUBLIC);
  for (const value of ['1', '0', ''])
    assert.throws(() => bootstrapNodes(null, PUBLIC, { P2P_NO_PUBLIC_DHT: value }), {
      name: 'RangeError',
      message: /P2P_NO_PUBLIC_DHT is set: the public DHT is left alone/,
    });
});

test('the library never gets anything but a list: it would take that for the public nodes', () => {
  for (const bootstrap of [undefined, null, false, '192.0.2.1:49737'])
    assert.throws(() => new DhtClient(bootstrap as unknown as string[], () => undefined), {
      name: 'TypeError',
      message: /expected a list of DHT nodes that someone chose/,
    });
});

test('why no node was heard is said of each, in words that end', async () => {
  assert.equal(await whyUnheard([]), 'no DHT node is known');
  assert.equal(await whyUnheard(['192.0.2.1:1', 'localhost:2']), 'no DHT node answers at 192.0.2.1:1, localhost:2');
  assert.equal(await whyUnheard(['192.0.2.9@node.example:1']), 'no DHT node answers at 192.0.2.9@node.example:1');
  const many = await whyUnheard(Array.from({ length: 16 }, (_, i) => `192.0.2.${i}:1`));
  assert.match(many, /192\.0\.2\.3:1 and 12 more$/);
});
