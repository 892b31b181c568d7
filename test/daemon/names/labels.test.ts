/** Which host name each member gets, whatever it calls itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostLabels, labelOf, type Named } from '../../../src/daemon/names/labels.js';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function named(id: string, name: string, knownSince: number | null = null): Named {
  return { id: id.padEnd(16, '0'), name, knownSince };
}

test('a name is made into a label', () => {
  for (const [name, label] of [
    ['ben', 'ben'],
    ['Ben’s Laptop', 'ben-s-laptop'],
    ['MÜNCHEN_2', 'munchen-2'],
    ['a.b.example', 'a-b-example'],
    ['10.0.0.1', '10-0-0-1'],
    ['--x--', 'x'],
    ['xn--80ak6aa92e', 'xn-80ak6aa92e'],
    ['evil\n127.0.0.1 bank.example', 'evil-127-0-0-1-bank-example'],
    ['x'.repeat(80), 'x'.repeat(63)],
    ['日本', null],
    ['', null],
  ] as const)
    assert.equal(labelOf(name), label, name);
});

test('of namesakes the one that is known longest has the plain name', () => {
  const own = [named('0', 'ada')];
  const labels = hostLabels(own, [
    named('c', 'Ben', 3),
    named('b', 'ben', 2),
    named('d', 'ada', 1),
    named('e', '日本'),
  ]);
  assert.deepEqual([...labels.values()].sort(), ['ada', 'ada-d000', 'ben', 'ben-c000', 'member-e000']);
  assert.equal(labels.get(named('b', '').id), 'ben');
});

test('who takes a name that somebody has by its digits gets more digits', () => {
  const squatter = named('9', 'ben-c000', 1);
  const labels = hostLabels([], [squatter, named('b', 'ben', 2), named('c', 'ben', 3)]);
  assert.equal(labels.get(squatter.id), 'ben-c000');
  assert.equal(labels.get(named('c', '').id), 'ben-c0000000');
});

test('this machine may be called the same in all its networks', () => {
  assert.deepEqual([...hostLabels([named('1', 'ada'), named('2', 'Ada')], []).values()], ['ada', 'ada']);
});

test('whatever members call themselves: labels are valid, none is given twice, and nobody who comes later changes those that are there', () => {
  const member = fc.record({
    id: fc.stringMatching(/^[0-9a-f]{16}$/),
    name: fc.oneof(fc.string({ maxLength: 63 }), fc.constantFrom('ben', 'Ben', 'ben-0000', '', '日本')),
    knownSince: fc.option(fc.nat(1_000)),
  });
  const members = fc.uniqueArray(member, { selector: ({ id }) => id, maxLength: 30 });
  fc.assert(
    fc.property(members, member, (others, late) => {
      const own = [{ id: 'f'.repeat(16), name: 'ada', knownSince: null }];
      const labels = hostLabels(own, others);
      for (const label of labels.values()) assert.match(label, LABEL);
      assert.equal(new Set(labels.values()).size, labels.size);
      if (labels.has(late.id)) return;
      const after = hostLabels(own, [
        ...others.map((other) => ({ ...other, knownSince: 0 })),
        { ...late, knownSince: 2_000 },
      ]);
      const before = hostLabels(
        own,
        others.map((other) => ({ ...other, knownSince: 0 })),
      );
      for (const [id, label] of before) assert.equal(after.get(id), label);
    }),
  );
});
