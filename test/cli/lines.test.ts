/** What `show` and `status` print of what the daemon says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberTable, networkTable, routeTable } from '../../src/cli/commands/show.js';
import { discoveryLine, memberProblems, networkProblems, statusLines } from '../../src/cli/commands/status.js';
import type { NetworkInfo, PeerInfo } from '../../src/rpc/network-info.js';

const BEN: PeerInfo = {
  id: '0123456789abcdef',
  name: 'ben',
  hostName: 'ben.p2p',
  addresses: ['10.10.10.2/24', 'fd00::2/64'],
  ula: null,
  held: ['10.10.10.2', 'fd00::2'],
  bridge: false,
  mac: '02:00:00:00:00:02',
  state: 'connected',
  path: 'lan',
  endpoint: '192.0.2.2:4900',
  rttMs: 0.4321,
  pathMtu: 1500,
  connectedMs: 1000,
  framesIn: 3,
  bytesIn: 300,
  framesOut: 4,
  bytesOut: 400,
  source: 'lan',
  knownSince: null,
  routes: [],
  lastError: null,
};
const CLEO: PeerInfo = {
  ...BEN,
  id: 'fedcba9876543210',
  name: 'cleo',
  addresses: ['10.10.10.3/24'],
  state: 'refused',
  path: 'none',
  endpoint: null,
  rttMs: null,
  pathMtu: null,
  lastError: 'the keys differ | or so',
};
const NETWORK: NetworkInfo = {
  id: '00'.repeat(16),
  hash: 'my|hash',
  state: 'running',
  error: null,
  retryMs: null,
  device: 'p2p0',
  addresses: ['10.10.10.1/24'],
  ula: 'fd00::1/64',
  dynamic: false,
  seeking: false,
  mac: '02:00:00:00:00:01',
  name: 'ada',
  hostName: 'ada.p2p',
  port: 4900,
  mtu: 1360,
  mssClamp: false,
  bridge: false,
  peerId: '1111111111111111',
  lan: 'off',
  dht: 'off',
  portMapping: { state: 'off', gateway: null, protocol: null, external: null, expiresMs: null, attempts: [] },
  relays: [],
  routes: [],
  acceptRoutes: [],
  memberRoutes: [],
  forwardOnly: false,
  log: 'INFO',
  keyEnds: null,
  peers: [BEN, CLEO],
  unanswered: [{ name: 'host.example:4900', endpoints: [], lastError: null }],
  problems: [],
  drops: {},
};

test('status: a line per network, a line of eight fields per member', () => {
  assert.deepEqual(statusLines(NETWORK), [
    'my\\x7chash|10.10.10.1',
    '0123456789abcdef|10.10.10.2,fd00::2|State:connected|lan|192.0.2.2:4900|0.43ms|300/400|-',
    'fedcba9876543210|10.10.10.3|State:refused|none|-|-|300/400|the keys differ \\x7c or so',
    '-|-|State:unanswered|none|host.example:4900|-|0/0|-',
  ]);
});

test('status says in words which subnets lead where', () => {
  const route = { subnet: '192.168.8.0/24', id: BEN.id, name: 'ben', gateway: '10.10.10.2', why: null };
  const memberRoutes: NetworkInfo['memberRoutes'] = [
    { ...route, state: 'installed' },
    { ...route, subnet: '8.0.0.0/8', state: 'refused', why: 'it is not in what is accepted: private' },
  ];
  const network = { ...NETWORK, routes: ['192.168.7.0/24'], memberRoutes };
  assert.equal(
    discoveryLine(network),
    'p2p: my|hash: LAN: off; DHT: off; port mapping: off; IPv6 of its own: fd00::1/64; subnets: 192.168.7.0/24 behind this machine, 192.168.8.0/24 behind ben',
  );
  assert.deepEqual(routeTable([network]).split('\n').slice(1), [
    'p2p0    192.168.7.0/24  ada                     -           offered by this machine',
    'p2p0    192.168.8.0/24  ben (0123456789abcdef)  10.10.10.2  installed',
    'p2p0    8.0.0.0/8       ben (0123456789abcdef)  10.10.10.2  refused: it is not in what is accepted: private',
  ]);
});

test('status --check names what is wrong', () => {
  assert.deepEqual(networkProblems(NETWORK), []);
  assert.deepEqual(memberProblems(NETWORK), [
    'my|hash: fedcba9876543210 (cleo) is refused: the keys differ | or so',
    'my|hash: no member answers at host.example:4900',
  ]);
  assert.deepEqual(networkProblems({ ...NETWORK, state: 'failed', error: 'no device', retryMs: 1500 }), [
    'my|hash: not running: no device; next attempt in 2 s',
  ]);
  assert.deepEqual(networkProblems({ ...NETWORK, state: 'key-expired', problems: ['two of us'] }), [
    'my|hash: stopped: its last key has ended',
    'my|hash: two of us',
  ]);
});

test('show: the networks, and the members of one', () => {
  assert.deepEqual(networkTable([NETWORK]).split('\n'), [
    'DEVICE  IP             MAC                HASH     STATE',
    'p2p0    10.10.10.1/24  02:00:00:00:00:01  my|hash  1 of 2 members connected',
  ]);
  assert.deepEqual(memberTable(NETWORK).split('\n'), [
    'ID                NAME  IP                  ENDPOINT           MAC                PATH  RTT     MTU   STATE',
    '0123456789abcdef  ben   10.10.10.2,fd00::2  192.0.2.2:4900     02:00:00:00:00:02  lan   0.43ms  1500  connected',
    'fedcba9876543210  cleo  10.10.10.3          -                  02:00:00:00:00:02  none  -       -     refused: the keys differ | or so',
    '-                 -     -                   host.example:4900  -                  none  -       -     unanswered',
  ]);
});
