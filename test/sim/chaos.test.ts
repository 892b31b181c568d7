/**
 * Members under loss, reordering, corruption, partitions, sleep, moves, kills, forgetful NATs and an attacker, from a seed (scenario.ts). While
 * it goes on the invariants hold; when it's over everyone is connected with everyone. A failure names its seed: SEED=n make sim plays it again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play, seedsToPlay } from './scenario.js';

for (const seed of seedsToPlay([1, 2, 3], 2)) {
  test(`chaos with SEED=${seed}`, () => {
    const { failure, story, framesDelivered } = play(seed);
    assert.equal(failure, null, `SEED=${seed} make sim plays this again:\n${story.slice(-30).join('\n')}`);
    assert.ok(framesDelivered > 100, `SEED=${seed}: ${framesDelivered} frames were delivered`);
  });
}

test('a seed makes the same run again', () => {
  assert.deepEqual(play(4, 4).story, play(4, 4).story);
});
