/** Daemons that offer and reach subnets: all but the kernel's part is the real thing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { call } from '../../../src/rpc/client.js';
import type { NetworkInfo } from '../../../src/rpc/network-info.js';
import { startDaemon } from '../../cli/program.js';
import { Wire } from '../wire.js';

const HASH = 'p2p-aaaaaaaaaaaaaaaaaaaaaaaaaa';
const ROUTE = '192.168.7.0/24 via 10.10.10.2 dev p2p0';

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`waited for: ${what}`);
    await pause(20);
  }
}

async function network(socket: string): Promise<NetworkInfo> {
  const { networks } = await call(socket, 'daemon.status', { hash: HASH });
  const [only] = networks;
  assert.ok(only !== undefined);
  return only;
}

test('a subnet is reached while it is offered, wanted, and nowhere near; ways to members inside are forgotten', async (t) => {
  const wire = new Wire();
  const [here, there] = [wire.host('192.0.2.1'), wire.host('192.0.2.2')];
  const [ada, ben] = [await startDaemon(t, here), await startDaemon(t, there, 'ben')];
  await call(ada, 'network.start', { hash: HASH, ip: '10.10.10.1', port: 4900, 'accept-routes': ['private'] });
  const offer = { ip: '10.10.10.2', peer: ['192.0.2.1:4900'], route: ['192.168.7.0/24', '203.0.113.0/24'] };
  const { warnings } = await call(ben, 'network.start', { hash: HASH, ...offer });
  assert.match(warnings.join('\n'), /192\.168\.7\.0\/24, 203\.0\.113\.0\/24 can't be reached through this machine/);
  assert.match((await network(ben)).problems.join('\n'), /sysctl net\.ipv4\.ip_forward=1/);
  await until('the route', () => here.routing.has(ROUTE));
  const { memberRoutes } = await network(ada);
  assert.deepEqual(
    memberRoutes.map(({ subnet, name, state }) => [subnet, name, state]),
    [
      ['192.168.7.0/24', 'ben', 'installed'],
      ['203.0.113.0/24', 'ben', 'refused'],
    ],
  );
  assert.equal(there.routing.size, 0);

  await call(ada, 'network.set', { 'accept-routes': ['192.168.0.0/16', '203.0.113.0/24'] });
  await until('the other as well', () => here.routing.size === 2);
  await call(ben, 'network.set', { hash: HASH, route: ['203.0.113.0/24'] });
  await until('one alone', () => here.routing.size === 1 && !here.routing.has(ROUTE));
  here.moveTo('203.0.113.5'); // into the very subnet
  await until('no route', () => here.routing.size === 0);
  assert.match((await network(ada)).memberRoutes[0]?.why ?? '', /this machine is in 203\.0\.113\.5\/24 by eth0/);
  here.moveTo('192.0.2.1');
  await until('a route', () => here.routing.size === 1);
  await call(ada, 'network.stop', { all: true });
  await until('nothing left', () => here.routing.size === 0);
});
