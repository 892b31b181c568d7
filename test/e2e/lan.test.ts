/** Machines on one LAN find each other by beacons, and by nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed } from './harness/wait.js';

const IPS = { ada: '10.10.10.1', bob: '10.10.10.2', cleo: '10.10.10.3' } as const;

test('three hosts on a LAN are one Ethernet', (t) =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    const hosts = [ada, bob, cleo] as const;
    for (const host of hosts) await host.daemon();
    await Promise.all([ada, bob].map((host) => host.joins(hash, IPS[host.name as 'ada' | 'bob'], '-name', host.name)));
    const { ms } = await timed(async () => {
      await cleo.joins(hash, IPS.cleo, '-name', 'cleo');
      await cleo.pings(IPS.ada);
    });
    t.diagnostic(`from start to the first answered ping: ${ms} ms`);

    for (const host of hosts) {
      const others = hosts.filter((other) => other !== host);
      for (const other of others) {
        const ip = IPS[other.name as keyof typeof IPS];
        await host.meets(hash, ip);
        await host.pings(ip);
        assert.equal((await host.p2p('show', '-check', ip, '-hash', hash)).code, 0);
        assert.equal((await host.p2p('show', '-check', ip)).code, 0);
      }
      const [network, ...more] = await host.status();
      assert.deepEqual(more, []);
      assert.equal(network?.hash, hash);
      assert.equal(network?.ip.split('/')[0], IPS[host.name as keyof typeof IPS]);
      assert.deepEqual(
        network?.peers.map(({ ip, state, path }) => [ip.split('/')[0], state, path]).sort(),
        others.map((other) => [IPS[other.name as keyof typeof IPS], 'connected', 'lan']).sort(),
      );
      const table = await host.mustP2p('show', '-hash', hash);
      for (const other of others) assert.match(table, new RegExp(`\\b${other.name}\\b.*\\blan\\b`));
    }
  }));

test('a host that is missing is not connected, and an unknown network is said to be unknown', () =>
  onLan(['ada'], async ({ ada }) => {
    const hash = freshHash();
    await ada.daemon();
    await ada.joins(hash, IPS.ada);
    assert.equal((await ada.p2p('show', '-check', IPS.bob, '-hash', hash)).code, 12);
    assert.equal((await ada.p2p('show', '-check', IPS.bob, '-hash', freshHash())).code, 15);
    assert.equal((await ada.p2p('show', '-hash', freshHash())).code, 15);
    assert.equal((await ada.p2p('wait', '-hash', hash, '-check', IPS.bob, '--timeout', '1')).code, 12);
  }));

test('hosts without any IPv4 address meet on their LAN', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.namespace.ip(`address delete ${host.addresses.ipv4}/24 dev eth0`);
      await host.daemon();
      await host.joins(hash, IPS[host.name as 'ada' | 'bob']);
    }
    await ada.meets(hash, IPS.bob);
    await ada.pings(IPS.bob);
    const { path, endpoint } = await ada.member(hash, IPS.bob);
    assert.equal(path, 'lan');
    assert.match(endpoint ?? '', /^\[(fe80|2001:db8):/);
  }));

test('with -no-lan nobody is found on a LAN', () =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    const hash = freshHash();
    const beacons = await bob.capture('eth0');
    await ada.daemon({ args: ['-no-lan'] });
    await bob.daemon();
    await cleo.daemon();
    await ada.joins(hash, IPS.ada);
    await bob.joins(hash, IPS.bob, '-no-lan');
    await cleo.joins(hash, IPS.cleo);
    // Two more members, who do look for each other, meet: by then the others would have been found as well.
    const later = freshHash();
    await bob.joins(later, '10.20.20.2');
    await cleo.joins(later, '10.20.20.3');
    await cleo.meets(later, '10.20.20.2');
    for (const ip of [IPS.ada, IPS.bob]) assert.equal((await cleo.p2p('show', '-check', ip, '-hash', hash)).code, 12);
    const senders = new Set(beacons.datagrams.filter(({ toPort }) => toPort === 4909).map(({ from }) => from));
    assert.equal(senders.has(ada.addresses.ipv4), false, "ada's daemon sends no beacon");
    assert.equal(senders.has(cleo.addresses.ipv4), true, "the capture sees cleo's");
  }));
