/**
 * A member that bridges its LAN: who is behind it is reached from a member elsewhere.
 *
 *     bob ── LAN ── ada ─ mesh ┐
 *                          br0 │
 *                         lan0 ┴── server (10.10.10.50, knows nothing of p2p)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { Namespace } from './harness/namespace.js';
import { PYTHON } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const DEV = 'mesh';
const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const SERVER = '10.10.10.50';

test('with -bridge a host behind a member is reached by ping and TCP, without it is not', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const server = await Namespace.make('server');
    try {
      const hash = freshHash();
      for (const host of [ada, bob]) await host.daemon();
      await bob.joins(hash, BOB);
      await layLan(ada, server);
      await joins(ada, hash);
      await bob.meets(hash, ADA);
      await server.run('ping', ['-n', '-c', '1', '-W', '1', BOB]);
      assert.notEqual((await bob.run('ping', '-n', '-c', '1', '-W', '1', SERVER)).code, 0);
      await waitFor('a refused frame', async () => ((await bob.network(hash)).drops['source-mac'] ?? 0) > 0);

      await ada.mustP2p('stop', '-hash', hash);
      await joins(ada, hash, '-bridge');
      await bob.meets(hash, ADA);
      assert.match(await ada.mustP2p('show'), /, bridge$/m);
      assert.match(await bob.mustP2p('show', '-hash', hash), /connected, bridge$/m);
      await bob.pings(SERVER);
      const web = server.start(PYTHON, ['-m', 'http.server', '--bind', SERVER, '--directory', bob.directory, '8000']);
      const url = `http://${SERVER}:8000/`;
      await waitFor('an answer over TCP', async () => (await bob.run('curl', '-sf', '-m', '5', url)).code === 0);
      await web.stop();
    } finally {
      server.remove();
    }
  }));

/** Gives ada a bridge with a cable to the server. */
async function layLan(ada: Host, server: Namespace): Promise<void> {
  await ada.namespace.ip(
    `link add lan0 type veth peer name eth0 netns ${server.name}`,
    'link add br0 type bridge mcast_snooping 0',
    'link set lan0 master br0',
    'link set lan0 up',
    'link set br0 up',
  );
  await server.ip(`address add ${SERVER}/24 dev eth0`, 'link set eth0 up');
}

async function joins(ada: Host, hash: string, ...options: string[]): Promise<void> {
  await ada.joins(hash, ADA, '-dev', DEV, ...options);
  await ada.namespace.ip(`link set ${DEV} master br0`);
}
