/** What's done to the system's table as routes come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log } from '../../../src/daemon/log.js';
import { RouteKeeper } from '../../../src/daemon/routes/keeper.js';
import type { NetworkInfo } from '../../../src/rpc/network-info.js';

const PEER = {
  ...{ id: '2'.repeat(16), name: 'ben', addresses: ['10.10.10.2/24'], state: 'connected', path: 'direct' },
  ...{ endpoint: '198.51.100.7:4900', rttMs: 1, routes: ['192.168.7.0/24'] },
};
const NETWORK = {
  ...{ id: 'n', state: 'running', device: 'p2p0', addresses: ['10.10.10.1/24'], relays: [], routes: [] },
  ...{ acceptRoutes: ['private'], peers: [PEER] },
} as unknown as NetworkInfo;

class Table {
  readonly log: string[] = [];
  failure: string | null = null;
  networks: NetworkInfo[] = [NETWORK];
  now = 0;
  readonly keeper = new RouteKeeper({
    table: {
      addRoute: ({ subnet, gateway, device, metric }) => {
        this.log.push(`add ${subnet} via ${gateway} dev ${device} metric ${metric}`);
        if (this.failure !== null) throw new Error(this.failure);
      },
      removeRoute: ({ subnet }) => void this.log.push(`remove ${subnet}`),
    },
    log: new Log({ write: () => undefined }, 'ERROR'),
    now: () => this.now,
    networks: () => this.networks,
    links: () => [],
    routed: () => void this.log.push(`routed: ${this.keeper.subnets().map(({ ip }) => ip)}`),
  });

  /** What was done since the last look. */
  look(): string[] {
    this.log.length = 0;
    this.keeper.look();
    return this.log;
  }
}

const ADD = 'add 192.168.7.0/24 via 10.10.10.2 dev p2p0 metric 5000';

test('what lies in a subnet is no way to a member before the route is there, and until it is gone', () => {
  const table = new Table();
  assert.deepEqual(table.look(), ['routed: 192.168.7.0', ADD]);
  assert.deepEqual(table.look(), [], 'nothing has changed');
  table.networks = [];
  assert.deepEqual(table.look(), ['remove 192.168.7.0/24', 'routed: ']);
});

test('what the system refuses is said, and asked for again after a minute', () => {
  const table = new Table();
  table.failure = 'Network is unreachable';
  assert.deepEqual(table.look(), ['routed: 192.168.7.0', ADD, 'routed: ']);
  const [choice] = table.keeper.of('n');
  assert.deepEqual([choice?.state, choice?.why], ['refused', 'the system refuses it: Network is unreachable']);
  table.failure = null;
  table.now = 59_000;
  table.look();
  assert.equal(table.keeper.of('n')[0]?.state, 'refused');
  table.now = 61_000;
  assert.ok(table.look().includes(ADD));
  assert.equal(table.keeper.of('n')[0]?.state, 'installed');
});

test('a link that went down and came up gets its routes back; a new device too', () => {
  const table = new Table();
  table.look();
  table.log.length = 0;
  table.keeper.restore();
  assert.deepEqual(table.log, [ADD]);
  table.keeper.deviceMade('p2p0');
  assert.deepEqual(table.look(), [ADD]);
  table.log.length = 0;
  table.keeper.close();
  assert.deepEqual(table.log, ['remove 192.168.7.0/24']);
  assert.deepEqual(table.keeper.subnets(), []);
});
