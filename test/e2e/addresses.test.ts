/** Addresses that members choose by themselves, change while they run, and have by their identity. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';

test('two that choose at the same moment have one each and reach each other, by IPv6 too; a restart changes nothing', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    const hosts = [ada, bob];
    for (const host of hosts) await host.daemon();
    await Promise.all([ada.joins(hash, 'dhcp'), bob.mustP2p('start', '-hash', hash)]);
    await waitFor('addresses of their own, known to the other', async () => {
      const [a = '', b = ''] = await Promise.all(hosts.map((host) => addressOf(host, hash)));
      assert.match(a, /^10\.\d+\.\d+\.\d+$/);
      assert.notEqual(a, b);
      assert.equal(a.split('.').slice(0, 3).join(), b.split('.').slice(0, 3).join());
      assert.equal((await ada.member(hash, b)).state, 'connected');
      assert.equal((await bob.member(hash, a)).state, 'connected');
      return true;
    });
    const [a, b] = [await addressOf(ada, hash), await addressOf(bob, hash)];
    await ada.pings(b);
    await bob.pings(a);
    const ula = (await bob.network(hash)).ula?.split('/')[0] ?? '';
    assert.match(ula, /^fd/);
    await ada.pings(ula, '-6');
    await ada.meets(hash, ula);
    assert.match(await ada.mustP2p('show', '-hash', hash), new RegExp(`${b},${ula}`));

    await bob.killDaemon('SIGKILL');
    await bob.daemon();
    const { addresses, dynamic, seeking } = await bob.network(hash);
    assert.deepEqual([addresses, dynamic, seeking], [[`${b}/24`], true, false]);
    await ada.pings(b);
  }));

test('a member that chose its address gives way to one that was given it, and is reached at its new one', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon();
    await ada.joins(hash, 'dhcp');
    const before = await addressOf(ada, hash);
    await bob.joins(hash, `${before}/24`);
    const after = await waitFor('ada to move', async () => {
      const address = await addressOf(ada, hash);
      if (address === '' || address === before) throw new Error(`ada has ${address}`);
      return address;
    });
    assert.equal(after.split('.').slice(0, 3).join(), before.split('.').slice(0, 3).join());
    await waitFor('bob to know', async () => (await bob.member(hash, after)).state === 'connected');
    await bob.pings(after);
    await ada.pings(before);
    assert.doesNotMatch(await ada.must('ip', '-4', 'address', 'show', 'p2p0'), new RegExp(`\\b${before}/`));
    assert.deepEqual((await bob.network(hash)).addresses, [`${before}/24`], 'bob stays');
  }));

test('addresses change while a network runs: the device has them, the others know, and a bad one changes nothing', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon();
    await ada.joins(hash, ADA);
    await bob.joins(hash, '10.10.10.2', '-ip', '10.20.20.2', '-ip', '2001:db8:10::2');
    for (const ip of ['10.10.10.2', '10.20.20.2', '2001:db8:10::2']) await ada.meets(hash, ip);
    await ada.mustP2p('set', '-hash', hash, '-ip', ADA, '-ip', '2001:db8:10::1/64');
    await ada.pings('2001:db8:10::2', '-6');
    await ada.pings('10.10.10.2');

    const device = () => ada.must('ip', '-brief', 'address', 'show', 'p2p0');
    const had = await device();
    for (const [ip, code, says] of [
      ['10.10.10.256', 2, /10\.10\.10\.256/],
      ['10.10.10.0/24', 2, /network's own address/],
      ['192.0.2.1', 8, /already an address of this machine/],
    ] as const) {
      const answer = await ada.p2p('set', '-hash', hash, '-ip', ip);
      assert.deepEqual([answer.code, says.test(answer.stderr)], [code, true], answer.stderr);
    }
    assert.equal((await ada.p2p('set', '-ip', '10.10.10.7')).code, 2, 'of which network?');
    assert.equal(await device(), had);

    await ada.mustP2p('set', '-hash', hash, '-ip', '10.10.10.7');
    await bob.meets(hash, '10.10.10.7');
    await bob.pings('10.10.10.7');
    assert.doesNotMatch(await device(), /10\.10\.10\.1\/|2001:db8:10::1/);
    await ada.killDaemon('SIGKILL');
    await ada.daemon();
    assert.deepEqual((await ada.network(hash)).addresses, ['10.10.10.7/24']);
    await bob.pings('10.10.10.7');
  }));

/** The first IPv4 address of a network without its prefix length; empty if there's none. */
async function addressOf(host: Host, hash: string): Promise<string> {
  return (await host.network(hash)).addresses[0]?.split('/')[0] ?? '';
}
