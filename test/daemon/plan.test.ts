import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { portChoices } from '../../src/daemon/plan.js';
import { weakness } from '../../src/daemon/weak.js';
import { generatedHash } from '../../src/network/secrets.js';

test('ports to try are different ones of the range, as many as there are or as asked for', () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 65535 }), fc.nat(300));
  fc.assert(
    fc.property(
      range,
      fc.integer({ min: 1, max: 100 }),
      fc.noShrink(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }))),
      ([min, more], limit, random) => {
        const max = Math.min(65535, min + more);
        const ports = portChoices({ min, max }, limit, () => random.next().value ?? 0);
        assert.equal(ports.length, Math.min(limit, max - min + 1));
        assert.equal(new Set(ports).size, ports.length);
        assert.ok(ports.every((port) => port >= min && port <= max));
      },
    ),
  );
});

test('a hash that can be guessed is called so, another is not', () => {
  const weak: readonly (readonly [string, RegExp])[] = [
    ['myhash', /common|few different/],
    ['password1', /common/],
    ['Qwerty123456', /common/],
    ['aaaaaaaaaaaaaaaaaaaaaa', /few different/],
    ['kitchen42x', /short/],
  ];
  for (const [hash, says] of weak) assert.match(weakness(hash) ?? '', says, hash);
  assert.equal(weakness('correct horse battery staple'), null);
  assert.equal(weakness(generatedHash(new Uint8Array(16))), null);
});
