/** Members behind NATs that keep strangers out, and no server but a DHT: they meet by punching holes, wherever that's possible. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAIRS, tryPair } from './harness/meeting.js';

for (const pair of PAIRS) {
  const { one, two, canMeet } = pair;
  test(`NAT ${one} × ${two}: ${canMeet ? 'direct' : 'only a relay could help, and that is said'}, by DHT alone`, async (t) => {
    const { pingMs, directMs, member } = await tryPair(pair);
    t.diagnostic(`from start to the first answered ping: ${pingMs} ms, to a direct path: ${directMs} ms`);
    if (canMeet) assert.equal(member.path, 'direct');
    else {
      assert.equal(member.path, 'none');
      assert.equal(member.state, 'unreachable');
      assert.equal(member.lastError, 'no answer at any of its endpoints');
    }
  });
}
