import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { duration, field, milliseconds, table } from '../../src/cli/format.js';

test('columns are aligned, also under wide letters', () => {
  const text = table(
    ['NAME', 'IP'],
    [
      ['ada', '10.10.10.1'],
      ['日本', '10.10.10.2'],
      ['e\u0301ve', '10.10.10.3'],
    ],
  );
  assert.equal(text, ['NAME  IP', 'ada   10.10.10.1', '日本  10.10.10.2', 'e\u0301ve   10.10.10.3'].join('\n'));
});

test("a member's name can't move the cursor or break the line", () => {
  assert.equal(table(['NAME'], [['\u001b[2Jx\n\u202ey']]), 'NAME\n\\x1b[2Jx\\x0a\\u{202e}y');
});

test('a field can be split off again, whatever is in it', () => {
  assert.equal(field('a|b\\c\nd'), 'a\\x7cb\\x5cc\\x0ad');
  assert.equal(field(''), '-');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
      const written = field(text);
      assert.doesNotMatch(written, /[|\p{C}\p{Zl}\p{Zp}]/u);
      assert.equal(read(written), text);
    }),
  );
});

/** The way back, as docs/guide.md tells it to programs. */
function read(written: string): string {
  return written.replace(/\\(?:x([0-9a-f]{2})|u\{([0-9a-f]+)\})/g, (_, hex: string, code: string) =>
    String.fromCodePoint(Number.parseInt(hex ?? code, 16)),
  );
}

test('times are short and have their unit', () => {
  assert.deepEqual([null, 0.123, 9.999, 12.345, 99.94, 100, 1234.5].map(milliseconds), [
    '-',
    '0.12ms',
    '10.00ms',
    '12.3ms',
    '99.9ms',
    '100ms',
    '1235ms',
  ]);
  const spans = [0, 999, 1000, 61_000, 3_600_000, 11_100_000, 90_061_000];
  assert.deepEqual(spans.map(duration), ['0s', '0s', '1s', '1m 1s', '1h', '3h 5m', '1d 1h']);
});
