/**
 * Subnets behind members.
 *
 *   ada ──── LAN ──── bob (offers) ──── site: 192.168.77.2, no member of anything
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { Namespace } from './harness/namespace.js';
import { PYTHON } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const SITE = '192.168.77.0/24';
const BEHIND = '192.168.77.2';

test('a host behind a member is reached by ordinary programs, as long as the member offers it and is there', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    const site = await siteBehind(bob);
    try {
      for (const host of [ada, bob]) await host.daemon({ args: ['--no-dht'] });
      await bob.namespace.sysctl({ 'net/ipv4/ip_forward': 0 }); // which it may have from the machine of the test
      await ada.joins(hash, ADA, '-accept-routes');
      const started = await bob.p2p('start', '-hash', hash, '-ip', BOB, '-name', 'bob', '-route', SITE);
      assert.match(started.stderr, /warning: 192\.168\.77\.0\/24 can't be reached through this machine/);
      assert.match((await bob.p2p('status')).stderr, /sysctl net\.ipv4\.ip_forward=1/);
      await bob.namespace.sysctl({ 'net/ipv4/ip_forward': 1 });
      assert.doesNotMatch((await bob.p2p('status')).stderr, /ip_forward/);

      await ada.pings(BEHIND);
      assert.match(await ada.must('ip', 'route', 'show', SITE), /via 10\.10\.10\.2 dev p2p0 proto 112 metric 5000/);
      assert.match(
        await ada.mustP2p('show', '-routes'),
        /192\.168\.77\.0\/24 +bob \([0-9a-f]{16}\) +10\.10\.10\.2 +installed/,
      );
      site.start(PYTHON, ['-m', 'http.server', '--bind', BEHIND, '8080']);
      await waitFor('a page from behind', async () => {
        const { code, stdout } = await ada.run('curl', '-sS', '--max-time', '2', `http://${BEHIND}:8080/`);
        return code === 0 && /Directory listing/.test(stdout);
      });

      await ada.must('ip', 'link', 'set', 'p2p0', 'down');
      await ada.must('ip', 'link', 'set', 'p2p0', 'up');
      await ada.pings(BEHIND);
      await ada.mustP2p('set', '-accept-routes', '192.168.78.0/24', '-hash', hash);
      await hasRoute(ada, false);
      assert.match(await ada.mustP2p('show', '-routes'), /refused: it is not in what is accepted: 192\.168\.78\.0\/24/);
      await ada.mustP2p('set', '-accept-routes', 'private');
      await hasRoute(ada, true);
      await bob.mustP2p('set', '-route', 'none');
      await hasRoute(ada, false);
      await bob.mustP2p('set', '-route', `${SITE},192.168.79.0/24`);
      await hasRoute(ada, true);
      // Where this machine is itself, it needs nobody.
      await ada.must('ip', 'address', 'add', '192.168.77.9/24', 'dev', 'eth0');
      await hasRoute(ada, false);
      await ada.must('ip', 'address', 'del', '192.168.77.9/24', 'dev', 'eth0');
      await hasRoute(ada, true);
      await bob.killDaemon('SIGTERM');
      await hasRoute(ada, false);
      await bob.daemon({ args: ['--no-dht'] });
      await ada.pings(BEHIND);
      await ada.killDaemon('SIGKILL');
      await hasRoute(ada, false);
    } finally {
      site.remove();
    }
  }));

/** A host on a wire of its own to `router`, by which it gets everywhere. */
async function siteBehind(router: Host): Promise<Namespace> {
  const site = await Namespace.make('site');
  await router.namespace.ip(`link add site0 type veth peer name eth0 netns ${site.name}`);
  await router.namespace.ip('address add 192.168.77.1/24 dev site0', 'link set site0 up');
  await site.ip(`address add ${BEHIND}/24 dev eth0`, 'link set eth0 up', 'route add default via 192.168.77.1');
  return site;
}

async function hasRoute(host: Host, wanted: boolean): Promise<void> {
  await waitFor(`${host.name} with ${wanted ? 'a' : 'no'} route to ${SITE}`, async () => {
    const routes = await host.must('ip', 'route', 'show', 'proto', '112');
    return routes.includes(`${SITE} via ${BOB}`) === wanted;
  });
}
