/** Who can reach a machine, from what its networks know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conclusion } from '../../src/cli/commands/netcheck.js';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { type Checked, checkNetwork, type WayOut } from '../../src/daemon/netcheck.js';
import type { PortMappingInfo } from '../../src/rpc/netcheck.js';
import type { NetworkInfo } from '../../src/rpc/network-info.js';

const PORT = 50_123;
const LOCAL = { device: 'eth0', zone: '2', ip: '192.168.1.7', prefix: 24 };
const HOME: WayOut = { addresses: [LOCAL], route: { gateway: '192.168.1.1', device: 'eth0', local: LOCAL.ip } };
const SEEN = makeEndpoint('203.0.113.7', PORT);
const NO_MAPPING: PortMappingInfo = {
  state: 'none',
  gateway: '192.168.1.1',
  protocol: null,
  external: null,
  expiresMs: null,
  attempts: [{ protocol: 'pcp', reason: 'no-answer', error: 'no answer' }],
};
const MAPPED: PortMappingInfo = {
  ...NO_MAPPING,
  state: 'mapped',
  protocol: 'pcp',
  external: SEEN,
  expiresMs: 1,
  attempts: [],
};
const BEHIND_TWO: PortMappingInfo = {
  ...NO_MAPPING,
  attempts: [{ protocol: 'pcp', reason: 'private', error: 'another NAT' }],
};

interface Facts {
  readonly nat?: ReturnType<Checked['details']>['nat'];
  readonly answered?: number;
  readonly seen?: string;
  readonly mapping?: PortMappingInfo;
  readonly dht?: string;
  readonly upMs?: number;
  readonly way?: WayOut;
  readonly isUp?: boolean;
}

function check(facts: Facts) {
  const { nat = 'unknown', answered = 0, seen = SEEN, mapping = NO_MAPPING, dht = 'public', upMs = 60_000 } = facts;
  const info = {
    id: 'ab',
    device: 'p2p0',
    state: 'running',
    port: PORT,
    lan: 'off',
    dht: '4 nodes',
    portMapping: mapping,
  };
  const running: Checked = {
    details: () => ({ nat, outside: { asked: 4, answered, seen: answered === 0 ? [] : [seen as typeof SEEN] } }),
    discovery: { dhtNodes: () => ({ where: dht, nodes: 4 }) },
    upMs: () => upMs,
  };
  const network = { ...info, peers: [] } as unknown as NetworkInfo;
  return checkNetwork(network, facts.isUp === false ? null : running, facts.way ?? HOME);
}

const OPEN = { port: PORT, router: '192.168.1.1', to: LOCAL.ip };
const CASES: readonly (readonly [string, Facts, string, typeof OPEN | null, RegExp])[] = [
  [
    'a mapping',
    { mapping: MAPPED, nat: 'dependent', answered: 4 },
    'mapped',
    null,
    /anywhere: the router lets them in at 203/,
  ],
  ['no NAT', { nat: 'none', answered: 4 }, 'public', null, /anywhere: no NAT .*let UDP port 50123 in/],
  [
    'one port for all',
    { nat: 'endpoint-independent', answered: 4 },
    'most',
    OPEN,
    /with most.*open UDP port 50123 on your router, 192.168.1.1, towards this machine, 192.168.1.7/,
  ],
  [
    'a port each',
    { nat: 'dependent', answered: 4 },
    'reachable',
    OPEN,
    /only with members that can be reached.*open UDP port/,
  ],
  [
    'a NAT before the NAT',
    { nat: 'dependent', answered: 4, mapping: BEHIND_TWO },
    'reachable',
    null,
    /behind another NAT.*lets nobody in/,
  ],
  ['silence', {}, 'no-udp', null, /Nothing outside answers.*let UDP out from port 50123/],
  ['silence so far', { upMs: 2_000 }, 'unknown', null, /Not known yet/],
  ['nobody to ask', { dht: 'off' }, 'unknown', OPEN, /nobody to ask.*open UDP port/],
  ['no way out', { way: { ...HOME, route: null } }, 'no-route', null, /no way out/],
  ['a network that failed', { isUp: false }, 'not-running', null, /isn't running/],
];

for (const [what, facts, reach, open, words] of CASES)
  test(`${what}: ${reach}`, () => {
    const network = check(facts);
    assert.deepEqual([network.reach, network.open], [reach, open]);
    assert.match(conclusion(network).join(' '), words);
  });
