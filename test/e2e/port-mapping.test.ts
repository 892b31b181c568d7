/** Port mappings from a real router daemon: miniupnpd, by each protocol that it speaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from '../../src/rpc/client.js';
import type { NetcheckNetwork, PortMappingInfo } from '../../src/rpc/netcheck.js';
import { dhtAt, servesDht } from './harness/dht.js';
import { type Granting, Home, type Spoken } from './harness/home.js';
import type { Host } from './harness/host.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const ALONE = { args: ['--no-dht', '--no-lan'] };

/** Plays a scene with one home; what the router grants is told by `granting`, null for a router that knows nothing of mappings. */
function atHome(granting: Granting | null, play: (home: Home) => Promise<void>): Promise<void> {
  return onRoutedSubnets(['router'], async ({ router }) => {
    const home = await Home.behind(router, 'ada');
    try {
      if (granting !== null) await home.grants(granting);
      await play(home);
    } finally {
      await home.leave();
    }
  });
}

async function mappingOf(host: Host, hash: string): Promise<PortMappingInfo> {
  return (await host.network(hash)).portMapping;
}

/** Waits until the port mapping is in that state. */
async function reaches(host: Host, hash: string, state: PortMappingInfo['state']): Promise<PortMappingInfo> {
  return waitFor(`${host.name}: a port mapping that is ${state}`, async () => {
    const mapping = await mappingOf(host, hash);
    if (mapping.state !== state) throw new Error(JSON.stringify(mapping));
    return mapping;
  });
}

async function netcheck(host: Host): Promise<NetcheckNetwork> {
  const [network] = (await call(host.socket, 'daemon.netcheck', {})).networks;
  assert.ok(network !== undefined);
  return network;
}

for (const protocol of ['pcp', 'nat-pmp', 'upnp'] as const satisfies readonly Spoken[])
  test(`${protocol} alone: the port is mapped, shown, told to others, and given back`, () =>
    atHome({ only: protocol }, async (home) => {
      const { host, router } = home;
      const hash = freshHash();
      await host.daemon(ALONE);
      const { port } = await host.joins(hash, ADA);
      const mapping = await reaches(host, hash, 'mapped');
      const external = `${router.addresses.ipv4}:${port}`;
      assert.deepEqual([mapping.protocol, mapping.external], [protocol, external]);
      assert.ok((mapping.expiresMs ?? 0) <= 3_600_000, 'it runs out within an hour');
      assert.deepEqual(await home.openPorts(), [port]);

      const debug = await call(host.socket, 'daemon.debug', {});
      assert.ok(debug.networks[0]?.endpoints.includes(external), 'our record names it');
      assert.match(await host.mustP2p('debug'), new RegExp(`port mapping: +${external} by`));
      assert.match((await host.p2p('status')).stderr, new RegExp(`port mapping: ${external} by`));
      assert.match(await host.mustP2p('netcheck'), /work from anywhere/);

      await host.mustP2p('stop', '-hash', hash);
      assert.deepEqual(await home.openPorts(), [], 'a network that is stopped gives it back');
      await host.joins(hash, ADA);
      await reaches(host, hash, 'mapped');
      assert.equal(await host.killDaemon('SIGTERM'), 0);
      assert.deepEqual(await home.openPorts(), [], 'a daemon that ends gives it back');
    }));

test('two networks have a mapping each; a daemon that was killed has its own again', () =>
  atHome({}, async (home) => {
    const { host } = home;
    const [one, two] = [freshHash(), freshHash()];
    await host.daemon(ALONE);
    const ports = [(await host.joins(one, ADA)).port, (await host.joins(two, '10.10.20.1')).port];
    for (const hash of [one, two]) await reaches(host, hash, 'mapped');
    assert.deepEqual((await home.openPorts()).sort(), [...ports].sort());
    await host.killDaemon('SIGKILL');
    assert.equal((await home.openPorts()).length, 2, 'nobody gave them back');
    await host.daemon(ALONE);
    for (const hash of [one, two]) assert.equal((await reaches(host, hash, 'mapped')).protocol, 'pcp');
    assert.deepEqual((await home.openPorts()).sort(), [...ports].sort());
  }));

test('a mapping is renewed while the daemon lives, and runs out after it was killed', () =>
  atHome({ only: 'pcp', maxLifetime: 4 }, async (home) => {
    const { host } = home;
    const hash = freshHash();
    await host.daemon(ALONE);
    const { port } = await host.joins(hash, ADA);
    let last = (await reaches(host, hash, 'mapped')).expiresMs ?? 0;
    for (let renewed = 0; renewed < 3; ) {
      await waitFor('time that changes', async () => {
        const { state, expiresMs } = await mappingOf(host, hash);
        assert.equal(state, 'mapped', 'it never ran out');
        if ((expiresMs ?? 0) > last) renewed++;
        const changed = expiresMs !== last;
        last = expiresMs ?? 0;
        return changed;
      });
    }
    assert.deepEqual(await home.openPorts(), [port]);
    await host.killDaemon('SIGKILL');
    await waitFor('a mapping that nobody renews to end', async () => (await home.openPorts()).length === 0);
  }));

test('a router that answers nothing, and one that refuses: both are said', async (t) => {
  for (const granting of [null, { refuses: true }] satisfies (Granting | null)[])
    await atHome(granting, async (home) => {
      const { host } = home;
      const hash = freshHash();
      await host.daemon(ALONE);
      await host.joins(hash, ADA);
      const { attempts } = await reaches(host, hash, 'none');
      // A router without a public address has none to tell by UPnP, which is an error of its own.
      const reasons = granting === null ? ['no-answer', 'no-answer', 'no-answer'] : ['refused', 'refused', 'failed'];
      assert.deepEqual(
        attempts.map((attempt) => [attempt.protocol, attempt.reason]),
        [
          ['pcp', reasons[0]],
          ['nat-pmp', reasons[1]],
          ['upnp', reasons[2]],
        ],
      );
      assert.deepEqual(await home.openPorts(), []);
      const words = granting === null ? /PCP, NAT-PMP, UPnP: no answer/ : /PCP: the router says: /;
      const debug = await host.mustP2p('debug');
      assert.match(debug, words);
      t.diagnostic(await host.mustP2p('netcheck'));
    });
});

test('the router is asked as soon as there is a default route, and only the router is believed', () =>
  atHome({}, async (home) => {
    const { host, router } = home;
    const hash = freshHash();
    await host.namespace.ip('route del default');
    await host.daemon(ALONE);
    await host.joins(hash, ADA);
    await reaches(host, hash, 'no-router');
    assert.match(await host.mustP2p('netcheck'), /no way out/);
    await host.namespace.ip('route add default via 192.168.77.1');
    await reaches(host, hash, 'mapped');
    await host.namespace.ip('route del default');
    await reaches(host, hash, 'no-router');
    // One that passes the search on to the router before: what answers isn't what was asked.
    await router.namespace.ip('address add 192.168.77.9/24 dev inside');
    await host.namespace.ip('route add default via 192.168.77.9');
    const { gateway, attempts } = await reaches(host, hash, 'none');
    assert.equal(gateway, '192.168.77.9');
    assert.match(
      attempts.find(({ protocol }) => protocol === 'upnp')?.error ?? '',
      /192\.168\.77\.1 answered in place/,
    );
  }));

test('switched off, the router is not asked', () =>
  atHome({}, async (home) => {
    const { host } = home;
    const hash = freshHash();
    await host.daemon({ ...ALONE, config: 'portMapping: false\n' });
    await host.joins(hash, ADA);
    assert.equal((await mappingOf(host, hash)).state, 'off');
    assert.match(await host.mustP2p('netcheck'), /port mapping: +switched off/);
  }));

test('two NATs with a port per destination: no way without a mapping, direct with one', () =>
  onRoutedSubnets(['left', 'right', 'dht'], async ({ left, right, dht }) => {
    await servesDht(dht);
    const homes = [await Home.behind(left, 'ada'), await Home.behind(right, 'bob')] as const;
    const [ada, bob] = [homes[0].host, homes[1].host];
    const hash = freshHash();
    const args = ['--dht', dhtAt(dht), '--no-lan'];
    try {
      await homes[1].grants();
      await ada.daemon({ args });
      await bob.daemon({ args: [...args, '--no-port-mapping'] });
      await ada.joins(hash, ADA);
      const { port } = await bob.joins(hash, BOB);
      await waitFor('several handshakes in vain', async () => {
        const { networks } = await call(bob.socket, 'daemon.debug', {});
        return (networks[0]?.peers[0]?.handshakeTries ?? 0) >= 4;
      });
      assert.notEqual((await bob.member(hash, ADA)).state, 'connected');
      const before = await waitFor('a NAT that is known', async () => {
        const seen = await netcheck(bob);
        return seen.nat === 'dependent' && seen;
      });
      assert.deepEqual(
        [before.reach, before.open],
        ['reachable', { port, router: '192.168.77.1', to: '192.168.77.2' }],
      );
      assert.match(await bob.mustP2p('netcheck'), new RegExp(`open UDP port ${port} on your router, 192.168.77.1`));

      assert.equal(await bob.killDaemon('SIGTERM'), 0);
      await bob.daemon({ args });
      await bob.pings(ADA);
      assert.equal((await bob.member(hash, ADA)).path, 'direct');
      assert.equal((await netcheck(bob)).reach, 'mapped');
      assert.equal((await netcheck(ada)).udp, 'works');
    } finally {
      for (const home of homes) await home.leave();
    }
  }));
