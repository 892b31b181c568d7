/** Members called by name, and what of a member can be set while it runs. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { P2P } from './harness/places.js';
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

    // The kernel ends IPv6 on a device below 1,280 bytes, and begins it anew above.
    const { ula } = await bob.network(hash);
    for (const size of ['1000', '1300']) await bob.mustP2p('set', '-mtu', size, '-hash', hash);
    const [address = 'none'] = (ula ?? '').split('/');
    assert.match(await bob.must('ip', '-6', 'address', 'show', 'dev', 'p2p0'), new RegExp(`inet6 ${address}/`));
    assert.equal((await bob.must('cat', '/proc/sys/net/ipv6/conf/p2p0/accept_ra')).trim(), '0');
    await ada.pings(address);

    await bob.killDaemon('SIGKILL');
    await bob.daemon({ args: ['--no-dht'] });
    const { name, mtu } = await bob.network(hash);
    assert.deepEqual([name, mtu, await mtuOf(bob)], ['ada', 1300, 1300], 'it is kept');
    assert.equal((await bob.p2p('stop', '-dev', 'p2p1')).code, 15);
    await bob.mustP2p('stop', '-dev', 'p2p0');
    assert.equal((await bob.interfaces()).includes('p2p0'), false);
  }));

const NAMES = '127.0.0.1 localhost\n';

test('with --hosts every program finds members by name, as long as the daemon runs, however it ends; a hook sees its network', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    const seen = join(ada.directory, 'seen');
    // What one program has of its own is a file that's mounted over /etc/hosts: it can't be replaced, and is written in place.
    const hosts = join(ada.directory, 'hosts');
    const config = `up: env > ${seen}; ip -brief link show "$P2P_DEVICE" >> ${seen}\ndown: [/bin/rm, ${seen}]\n`;
    const options = { args: ['--no-dht', '--hosts'], hosts: NAMES, config };
    await ada.daemon(options);
    await bob.daemon({ args: ['--no-dht'] });
    await ada.joins(hash, ADA, '-name', 'ada');
    await bob.joins(hash, BOB, '-name', 'bob');
    const reads = (...command: string[]) =>
      ada.run('sh', '-ec', 'mount --bind "$0" /etc/hosts; exec "$@"', hosts, ...command);
    const finds = async (name: string, ip: string) => {
      await waitFor(`${name} as ${ip}`, async () => (await reads('getent', 'hosts', name)).stdout.startsWith(`${ip} `));
    };
    await finds('bob.p2p', BOB);
    await finds('ada.p2p', ADA);
    await waitFor('bob to answer', async () => (await reads('ping', '-c', '1', '-W', '1', 'bob.p2p')).code === 0);
    await bob.mustP2p('set', '-name', 'Bob’s Box');
    await finds('bob-s-box.p2p', BOB);
    assert.doesNotMatch(await readFile(hosts, 'utf8'), /bob\.p2p/);

    const facts = await waitFor('the hook', async () => {
      const text = await readFile(seen, 'utf8');
      return text.includes('UP') && text;
    });
    const { id } = await ada.network(hash);
    for (const fact of [`P2P_NETWORK=${id}`, 'P2P_DEVICE=p2p0', `P2P_IP=${ADA}`, 'P2P_MTU=1360', 'P2P_HOOK=up'])
      assert.ok(facts.split('\n').includes(fact), fact);
    assert.equal(facts.includes(hash), false);

    await ada.killDaemon('SIGKILL');
    assert.match(await readFile(hosts, 'utf8'), /bob-s-box\.p2p/, 'nobody was left to remove it');
    const { code } = await reads(P2P, 'clean-hosts');
    assert.equal(code, 0);
    assert.equal(await readFile(hosts, 'utf8'), NAMES);
    await ada.daemon(options);
    await finds('bob-s-box.p2p', BOB);
    await ada.killDaemon('SIGTERM');
    assert.equal(await readFile(hosts, 'utf8'), NAMES);
    assert.equal(existsSync(seen), false, 'the other hook has run');
  }));

async function mtuOf(host: Host): Promise<number> {
  const links = JSON.parse(await host.must('ip', '-json', 'link', 'show', 'p2p0')) as { mtu: number }[];
  return links[0]?.mtu ?? 0;
}
