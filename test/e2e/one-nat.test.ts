/**
 * Members behind one NAT: in one house, and in two houses behind a carrier's, with the same private addresses in both.
 *
 *     ada ── home of ada ──┐
 *     192.168.1.10           isp ──── internet ── cleo
 *     bob ── home of bob ──┘                      dht
 *     192.168.1.10
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dhtAt, servesDht } from './harness/dht.js';
import { Host } from './harness/host.js';
import { Namespace } from './harness/namespace.js';
import { leave, translates } from './harness/nat.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const [ADA, BOB, CLEO] = ['10.10.10.1', '10.10.10.2', '10.10.10.3'];
const PORT = '4900';

test('two houses with the same addresses behind a carrier that sends nothing back in: a clear state, and others are reached', () =>
  onRoutedSubnets(['isp', 'cleo', 'dht'], async ({ isp, cleo, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await translates(isp);
    const homes = [await home(isp, 'homea', 1), await home(isp, 'homeb', 2)];
    const [ada, bob] = [await inside(homes[0], 'ada', 10), await inside(homes[1], 'bob', 10)];
    try {
      for (const host of [ada, bob, cleo]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
      await cleo.joins(hash, CLEO);
      // The same port as well: each has an endpoint that is, to the other, itself.
      await ada.joins(hash, ADA, '-port', PORT);
      await bob.joins(hash, BOB, '-port', PORT);
      for (const host of [ada, bob]) {
        await host.meets(hash, CLEO);
        await host.pings(CLEO);
      }
      for (const [host, other] of [
        [ada, BOB],
        [bob, ADA],
      ] as const)
        await waitFor(`${host.name} to say that it can't reach the other`, async () => {
          const { state, lastError } = await host.member(hash, other);
          return state === 'unreachable' && lastError === 'no answer at any of its endpoints';
        });
      assert.equal((await ada.p2p('ping', BOB, '-c', '1')).code, 12);
      assert.equal((await ada.member(hash, CLEO)).state, 'connected');
    } finally {
      for (const host of [ada, bob]) await leave(host);
      for (const router of homes) router.remove();
    }
  }));

test('two in one house, whose router sends nothing back in, meet inside', () =>
  onRoutedSubnets(['isp', 'dht'], async ({ isp, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await translates(isp);
    const house = await home(isp, 'home', 1);
    const [ada, bob] = [await inside(house, 'ada', 10), await inside(house, 'bob', 11)];
    try {
      for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht), '--no-lan'] });
      await ada.joins(hash, ADA);
      await bob.joins(hash, BOB);
      await ada.meets(hash, BOB);
      await ada.pings(BOB);
      const { path, endpoint } = await ada.member(hash, BOB);
      assert.equal(path, 'lan');
      assert.match(endpoint ?? '', /^192\.168\.1\.11:/);
    } finally {
      for (const host of [ada, bob]) await leave(host);
      house.remove();
    }
  }));

/** A home router behind the carrier's; inside of it is 192.168.1.0/24. */
async function home(isp: Host, name: string, n: number): Promise<Host> {
  const namespace = await Namespace.make(name);
  await namespace.ip(`link add eth0 type veth peer name ${name} netns ${isp.namespace.name}`);
  await namespace.ip(
    `address add 10.64.${n}.2/30 dev eth0`,
    'link set eth0 up',
    `route add default via 10.64.${n}.1`,
    'link add lan type bridge mcast_snooping 0',
    'address add 192.168.1.1/24 dev lan',
    'link set lan up',
  );
  await isp.namespace.ip(`address add 10.64.${n}.1/30 dev ${name}`, `link set ${name} up`);
  const router = new Host(name, namespace, { ipv4: `10.64.${n}.2`, ipv6: '' });
  await translates(router);
  return router;
}

async function inside(router: Host | undefined, name: string, n: number): Promise<Host> {
  if (router === undefined) throw new Error(`${name} has no router`);
  const namespace = await Namespace.make(name);
  await namespace.ip(`link add eth0 type veth peer name ${name} netns ${router.namespace.name}`);
  await namespace.ip(`address add 192.168.1.${n}/24 dev eth0`, 'link set eth0 up', 'route add default via 192.168.1.1');
  await router.namespace.ip(`link set ${name} master lan`, `link set ${name} up`);
  return new Host(name, namespace, { ipv4: `192.168.1.${n}`, ipv6: '' });
}
