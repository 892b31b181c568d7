/** Keys as commands get them: flags, a file, standard input. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { fileKeys, keysOf } from '../../src/cli/keys.js';

test('as many -ttl as -key, or one less: the last key is for ever', async () => {
  assert.deepEqual(await keysOf({}), []);
  assert.deepEqual(await keysOf({ key: ['a'] }), [{ key: 'a' }]);
  assert.deepEqual(await keysOf({ key: ['a', 'b'], ttl: [5] }), [{ key: 'a', ttl: 5 }, { key: 'b' }]);
  assert.deepEqual(await keysOf({ key: ['a', 'b'], ttl: [5, 6] }), [
    { key: 'a', ttl: 5 },
    { key: 'b', ttl: 6 },
  ]);
  for (const [flags, says] of [
    [{ ttl: [5] }, /a --key for each --ttl, got 0 and 1/],
    [{ key: ['a', 'b', 'c'], ttl: [5] }, /a --ttl for each --key but the last, got 3 keys and 1 ttls/],
    [{ key: ['a'], keyfile: 'f' }, /either --keyfile, or --key and --ttl/],
    [{ key: ['-', '-'], ttl: [5] }, /--key - once/],
    [{ keyfile: '/nowhere/keys.yaml' }, /the key file can't be read: .*\/nowhere\/keys\.yaml/],
  ] as const)
    await assert.rejects(keysOf(flags), { message: says });
});

test('a key file is a list of keys, or one', () => {
  assert.deepEqual(fileKeys('f', '- key: first one\n  ttl: 1800000000\n- key: "0123"\n'), [
    { key: 'first one', ttl: 1_800_000_000 },
    { key: '0123' },
  ]);
  assert.deepEqual(fileKeys('f', 'key: alone\nttl: 5\n'), [{ key: 'alone', ttl: 5 }]);
  const entries = fc.array(fc.record({ key: fc.string(), ttl: fc.option(fc.nat(), { nil: undefined }) }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(entries, (list) => {
      const plain = list.map(({ key, ttl }) => (ttl === undefined ? { key } : { key, ttl }));
      assert.deepEqual(fileKeys('f', stringify(plain)), plain);
    }),
  );
});

test('what is wrong with a key file is said with its place, and without a key', () => {
  for (const [text, says] of [
    ['', /^f: expected a list of `key` and `ttl`$/],
    ['secret', /^f: expected a list of `key` and `ttl`$/],
    ['[]', /^f: .*length/i],
    ['- key: secret\n- ttl: 5\n', /^f: missing field 1\.key$/],
    ['- key: 1234\n', /^f: 0\.key: expected text; a key of digits alone needs quotes$/],
    ['- key: secret\n  ttl: tomorrow\n', /^f: 0\.ttl: expected a Unix time in seconds$/],
    ['- key: secret\n  tll: 5\n', /^f: unknown field 0\.tll$/],
    ['key: secret\nuntil: 5\n', /^f: unknown field until$/],
    ['- key: secret\n  "ttl: 5\n', /^f: no YAML at line \d$/],
  ] as const)
    assert.throws(
      () => fileKeys('f', text),
      (error: Error) => {
        assert.match(error.message, says, text);
        assert.doesNotMatch(error.message, /secret|1234/);
        return true;
      },
    );
});
