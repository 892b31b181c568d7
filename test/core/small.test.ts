import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoff } from '../../src/core/backoff.js';
import { BoundedMap } from '../../src/core/bounded-map.js';
import { ByteReader, concat, Malformed, padded, parsed, u8, u16, u32, u64 } from '../../src/core/bytes.js';
import { Deadlines } from '../../src/core/deadlines.js';
import { Stamper } from '../../src/core/stamp.js';

test('what is written is read', () => {
  const number = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
  fc.assert(
    fc.property(
      number(8),
      number(16),
      number(32),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.uint8Array(),
      (a, b, c, d, e) => {
        const reader = new ByteReader(concat(u8(a), u16(b), u32(c), u64(d), e));
        assert.deepEqual(
          [reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.bytes(e.length)],
          [a, b, c, d, e],
        );
        assert.equal(reader.remaining, 0);
        assert.throws(() => reader.u8(), Malformed);
      },
    ),
  );
});

test('a parser that reads too far gives null; its own mistakes are not swallowed', () => {
  assert.equal(
    parsed(() => new ByteReader(new Uint8Array(3)).u32()),
    null,
  );
  assert.throws(
    () =>
      parsed(() => {
        throw new TypeError('a bug');
      }),
    TypeError,
  );
  assert.throws(() => padded(new Uint8Array(3), 2), RangeError);
});

test('bytes that are read are a copy', () => {
  const source = Uint8Array.of(1, 2, 3);
  const read = new ByteReader(source).bytes(3);
  source.fill(9);
  assert.deepEqual(read, Uint8Array.of(1, 2, 3));
});

test('a bounded map drops what was set longest ago', () => {
  const map = new BoundedMap<string, number>(2);
  assert.equal(map.set('a', 1), null);
  map.set('b', 2);
  map.set('a', 3);
  assert.deepEqual(map.set('c', 4), ['b', 2]);
  assert.deepEqual(
    [...map],
    [
      ['a', 3],
      ['c', 4],
    ],
  );
});

test('deadlines come in order, once', () => {
  const deadlines = new Deadlines<'a' | 'b' | 'c'>();
  assert.equal(deadlines.next(), Number.POSITIVE_INFINITY);
  deadlines.set('a', 30);
  deadlines.set('b', 10);
  deadlines.set('c', 20);
  assert.equal(deadlines.next(), 10);
  assert.deepEqual(deadlines.due(25), ['b', 'c']);
  assert.deepEqual(deadlines.due(25), []);
  deadlines.clear('a');
  assert.equal(deadlines.isSet('a'), false);
});

test('back-off repeats its last wait and adds at most a tenth', () => {
  const most = () => new Uint8Array([255, 255, 255, 255]);
  const none = () => new Uint8Array(4);
  assert.equal(backoff([0, 100, 200], 1, none), 100);
  assert.equal(backoff([0, 100, 200], 99, none), 200);
  assert.ok(backoff([0, 100, 200], 2, most) < 220.001);
});

test('stamps of a later boot are greater than all of an earlier one', () => {
  const [early, late] = [new Stamper(4), new Stamper(5)];
  const first = late.next();
  for (let i = 0; i < 1000; i++) assert.ok(early.next() < first);
  assert.ok(late.next() > first);
});
