/** The key queue by itself: which key is offered and which is accepted, at any moment, by members whose clocks differ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KEY_TOLERANCE, type KeyEntry, KeyQueue, REKEY_SPREAD } from '../../src/session/key-queue.js';
import { seeded } from '../sim/random.js';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

const entry = (n: number, until: number): KeyEntry => ({
  id: new Uint8Array(8).fill(n),
  psk: new Uint8Array(32).fill(n),
  until,
});
/** Keys that are in use for so long each, in ms, from `NOW` on; with `isEndless` one more that has no end. */
function queueOf(turns: readonly number[], isEndless: boolean): KeyEntry[] {
  let until = NOW;
  const entries = turns.map((turn, i) => {
    until += turn;
    return entry(i + 1, until);
  });
  return isEndless ? [...entries, entry(turns.length + 1, Number.POSITIVE_INFINITY)] : entries;
}
const turns = fc.array(fc.integer({ min: 1_000, max: 10 * MINUTE }), { minLength: 1, maxLength: 6 });
const seed = fc.nat();

test('an entry is used until its moment, and is left at most a minute or half its turn before', () => {
  fc.assert(
    fc.property(turns, fc.boolean(), seed, fc.double({ min: 0, max: 1, noNaN: true }), (lengths, isEndless, s, at) => {
      const entries = queueOf(lengths, isEndless);
      const queue = new KeyQueue(entries, seeded(s), NOW);
      const total = lengths.reduce((a, b) => a + b, 0);
      const wall = NOW + at * (total + 3 * MINUTE);
      const current = queue.current(wall);
      if (current === null) {
        assert.ok(!isEndless && wall >= NOW + total, 'only after the last one has ended');
        return;
      }
      const place = entries.indexOf(current);
      const began = entries[place - 1]?.until ?? NOW;
      assert.ok(wall < current.until, 'never after its end');
      const turn = began - (entries[place - 2]?.until ?? NOW);
      if (place > 0)
        assert.ok(wall >= began - Math.min(REKEY_SPREAD, turn / 2), 'not before its turn but for the spread');
    }),
  );
});

test('whatever one member offers, another accepts whose clock is up to a minute off, as long as both have a key', () => {
  const skew = fc.integer({ min: -MINUTE, max: MINUTE });
  fc.assert(
    fc.property(
      turns,
      fc.boolean(),
      seed,
      seed,
      skew,
      fc.nat(60 * MINUTE),
      (lengths, isEndless, s1, s2, off, after) => {
        const entries = queueOf(lengths, isEndless);
        const [ours, theirs] = [new KeyQueue(entries, seeded(s1), NOW), new KeyQueue(entries, seeded(s2), NOW + off)];
        const wall = NOW + after;
        const offered = ours.current(wall);
        if (offered === null || theirs.current(wall + off) === null) return;
        assert.equal(theirs.accept(wall + off, offered.id), offered);
        assert.ok(!theirs.isOver(wall + off, offered));
        assert.equal(
          theirs.offer(wall + off, offered)?.until,
          Math.max(offered.until, theirs.current(wall + off)?.until ?? 0),
        );
      },
    ),
    { numRuns: 1_000 },
  );
});

test('two minutes after its end an entry is over and nobody gets a session with it; two minutes before its turn neither', () => {
  const entries = queueOf([10 * MINUTE, 10 * MINUTE], true);
  const queue = new KeyQueue(entries, seeded(1), NOW);
  const [first, second, third] = entries;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const end = first.until;
  for (const [wall, accepted] of [
    [end - KEY_TOLERANCE - 1, [true, false, false]],
    [end - KEY_TOLERANCE, [true, true, false]],
    [end + KEY_TOLERANCE - 1, [true, true, false]],
    [end + KEY_TOLERANCE, [false, true, false]],
  ] as const) {
    assert.deepEqual(
      [first, second, third].map(({ id }) => queue.accept(wall, id) !== null),
      accepted,
    );
    assert.equal(queue.isOver(wall, first), !accepted[0]);
    assert.equal(queue.outlived(wall), accepted[0] ? Number.NEGATIVE_INFINITY : end);
  }
  assert.equal(queue.accept(end, new Uint8Array(8)), null, 'a key that nobody has');
});

test('after the last one has ended there is nothing to offer or to accept, and a new one goes on', () => {
  const entries = queueOf([MINUTE], false);
  const queue = new KeyQueue(entries, seeded(1), NOW);
  const [last] = entries;
  assert.ok(last !== undefined);
  assert.equal(queue.current(last.until - 1), last);
  assert.equal(queue.current(last.until), null);
  assert.equal(queue.accept(last.until, last.id), null, 'also within the two minutes: it stops at the moment');
  assert.ok(queue.isOver(last.until, last));
  queue.replace([last, entry(9, last.until + MINUTE)], last.until + 1);
  assert.deepEqual(queue.current(last.until + 1)?.id, new Uint8Array(8).fill(9));
  assert.equal(queue.accept(last.until + 1, last.id), last, 'a member whose clock is late may still have it');
});

test('an emptied queue has ended, and is not one without keys', () => {
  const queue = new KeyQueue([], seeded(1), NOW);
  assert.equal(queue.current(NOW), null);
  assert.equal(queue.nextChange(NOW), Number.POSITIVE_INFINITY);
});

test('what was drawn stays when a key is appended; clocks that are set only look at another place of it', () => {
  fc.assert(
    fc.property(turns, seed, fc.array(fc.nat(60 * MINUTE)), (lengths, s, jumps) => {
      const entries = queueOf(lengths, false);
      const queue = new KeyQueue(entries, seeded(s), NOW);
      const walls = jumps.map((jump) => NOW + jump);
      const before = walls.map((wall) => queue.current(wall));
      assert.deepEqual(
        walls.toReversed().map((wall) => queue.current(wall)),
        before.toReversed(),
      );
      queue.replace([...entries, entry(99, Number.POSITIVE_INFINITY)], NOW + 5);
      const last = entries.at(-1);
      for (const [i, wall] of walls.entries()) {
        const was = before[i] ?? null;
        if (was !== null && was !== last) assert.equal(queue.current(wall), was);
      }
    }),
  );
});

test('nothing changes between two moments that it names', () => {
  fc.assert(
    fc.property(
      turns,
      fc.boolean(),
      seed,
      fc.nat(30 * MINUTE),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (lengths, isEndless, s, at, share) => {
        const entries = queueOf(lengths, isEndless);
        const queue = new KeyQueue(entries, seeded(s), NOW);
        const wall = NOW + at;
        const next = Math.min(queue.nextChange(wall), wall + 60 * MINUTE);
        const between = wall + (next - wall) * share;
        if (between >= next) return; // rounded
        const look = (moment: number) => [
          queue.current(moment),
          queue.outlived(moment),
          entries.map((e) => queue.isOver(moment, e)),
        ];
        assert.deepEqual(look(between), look(wall));
      },
    ),
    { numRuns: 500 },
  );
});
