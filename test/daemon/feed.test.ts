/** Who listens, and how fast, is nobody else's matter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Feed, MAX_QUEUED, MAX_SUBSCRIBERS } from '../../src/daemon/feed.js';
import { isLost } from '../../src/rpc/streams.js';
import { collect } from '../core/collect.js';

interface Item {
  readonly n: number;
}

const item = (n: number): Item => ({ n });
/** Listens for ever. */
const here = () => new AbortController().signal;

test('each listener gets what it wants, in order, after what it begins with', async () => {
  const feed = new Feed<Item>('numbers');
  const all = feed.subscribe({ gone: here(), begin: [item(-1)] });
  const even = feed.subscribe({ gone: here(), wants: ({ n }) => n % 2 === 0 });
  for (const n of [1, 2, 3, 4]) feed.publish(item(n));
  feed.close();
  assert.deepEqual(await collect(all), [-1, 1, 2, 3, 4].map(item));
  assert.deepEqual(await collect(even), [2, 4].map(item));
});

test('a slow listener loses the oldest, is told how many, and costs the others nothing', async () => {
  const feed = new Feed<Item>('numbers');
  const [slow, fast] = [feed.subscribe({ gone: here() }), feed.subscribe({ gone: here() })[Symbol.asyncIterator]()];
  for (let n = 0; n < MAX_QUEUED + 5; n++) {
    feed.publish(item(n));
    assert.deepEqual((await fast.next()).value, item(n));
  }
  feed.close();
  const [first, ...rest] = await collect(slow);
  assert.deepEqual(first, { lost: 5 });
  assert.equal(rest.length, MAX_QUEUED);
  assert.deepEqual([rest[0], rest.at(-1)], [item(5), item(MAX_QUEUED + 4)]);
  assert.equal(feed.lostItems, 5);
  assert.ok(rest.every((each) => !isLost(each)));
});

test('only so many listen at once; who leaves makes room', async () => {
  const feed = new Feed<Item>('numbers');
  const leaving = new AbortController();
  const first = feed.subscribe({ gone: leaving.signal });
  for (let i = 1; i < MAX_SUBSCRIBERS; i++) feed.subscribe({ gone: here() });
  const reason = { reason: 'too-many', message: `expected at most ${MAX_SUBSCRIBERS} who listen to numbers at once` };
  assert.throws(() => feed.subscribe({ gone: here() }), reason);
  leaving.abort();
  assert.deepEqual(await collect(first), []);
  assert.equal(feed.subscribers, MAX_SUBSCRIBERS - 1);
  feed.subscribe({ gone: here() });
  feed.close();
  assert.throws(() => feed.subscribe({ gone: here() }), { reason: 'stopping' });
});
