/** Blocking a member at one machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CLEO = '10.10.10.3';

test('a peer that is blocked gets nothing from that machine at once, also after its restart; the others go on', () =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    for (const host of [ada, bob, cleo]) await host.daemon();
    await ada.joins(hash, ADA);
    const { peerId } = await bob.joins(hash, BOB, '-name', 'bob');
    await cleo.joins(hash, CLEO);
    for (const ip of [BOB, CLEO]) await ada.meets(hash, ip);
    await bob.pings(ADA);
    const listed = (await ada.mustP2p('peers')).split('\n').find((line) => line.startsWith(peerId));
    assert.match(listed ?? '', /bob +10\.10\.10\.2 +connected +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);

    await ada.mustP2p('peers', 'block', peerId);
    assert.notEqual((await bob.run('ping', '-n', '-c', '1', '-W', '1', ADA)).code, 0);
    assert.equal((await ada.member(hash, BOB)).state, 'blocked');
    await waitFor(
      'bob to be told',
      async () => (await bob.member(hash, ADA)).lastError === 'it refuses this machine',
      120_000,
    );
    await ada.pings(CLEO);
    await bob.pings(CLEO);

    await ada.killDaemon('SIGKILL');
    await ada.daemon();
    await ada.meets(hash, CLEO);
    assert.equal((await ada.p2p('show', '-check', BOB, '-hash', hash)).code, 12);
    assert.match(await ada.mustP2p('peers'), new RegExp(`^${peerId} .* blocked `, 'm'));
    assert.equal((await ada.p2p('status', '--check')).code, 0, 'that is how it should be');

    await ada.mustP2p('peers', 'unblock', peerId);
    await ada.meets(hash, BOB);
    await bob.pings(ADA);
  }));
