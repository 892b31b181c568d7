/** Members called by name, and what of a member can be set while it runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';

test('a name does where an address does; a new name and another MTU are there at once, on both sides', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon({ args: ['--no-dht'] });
    await ada.joins(hash, ADA, '-name', 'ada');
    await bob.joins(hash, BOB, '-name', 'Bob’s Box');
    await ada.mustP2p('wait', '-hash', hash, '-check', 'bob-s-box.p2p', '--timeout', '30');
    for (const who of ['Bob’s Box', 'bob’s box', 'BOB-s-box.p2p', BOB]) {
      await ada.mustP2p('show', '-check', who);
      await ada.mustP2p('ping', who, '-c', '1', '--timeout', '10');
    }
    assert.equal((await ada.p2p('show', '-check', 'cleo')).code, 12);

    await bob.mustP2p('set', '-name', 'ada', '-mtu', '1300', '-hash', hash);
    assert.equal(await mtuOf(bob), 1300);
    const renamed = await waitFor('the new name', async () => {
      const member = await ada.member(hash, BOB);
      return member.name === 'ada' && member;
    });
    assert.match(renamed.hostName ?? '', /^ada-[0-9a-f]{4}\.p2p$/, 'it is not taken for this machine');
    await bob.pings(ADA, '-s', '1272', '-M', 'do');
    assert.notEqual((await bob.run('ping', '-c', '1', '-W', '1', '-s', '1273', '-M', 'do', ADA)).code, 0);

    await bob.killDaemon('SIGKILL');
    await bob.daemon({ args: ['--no-dht'] });
    const { name, mtu } = await bob.network(hash);
    assert.deepEqual([name, mtu, await mtuOf(bob)], ['ada', 1300, 1300], 'it is kept');
    assert.equal((await bob.p2p('stop', '-dev', 'p2p1')).code, 15);
    await bob.mustP2p('stop', '-dev', 'p2p0');
    assert.equal((await bob.interfaces()).includes('p2p0'), false);
  }));

async function mtuOf(host: Host): Promise<number> {
  const links = JSON.parse(await host.must('ip', '-json', 'link', 'show', 'p2p0')) as { mtu: number }[];
  return links[0]?.mtu ?? 0;
}
