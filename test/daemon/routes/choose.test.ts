/** Which routes of members are installed, and which never are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Choice, chooseRoutes } from '../../../src/daemon/routes/choose.js';
import type { NetworkInfo, PeerInfo } from '../../../src/rpc/network-info.js';

const LINKS = [{ device: 'eth0', zone: '2', ip: '192.168.1.5', prefix: 24 }];
const SITE = '192.168.7.0/24';

type Offer = Partial<Pick<PeerInfo, 'state' | 'rttMs' | 'addresses' | 'path' | 'endpoint'>>;

function member(digit: string, routes: string[], more: Offer = {}): PeerInfo {
  return {
    ...{ id: digit.repeat(16), name: `m${digit}`, hostName: null, addresses: [`10.10.10.${digit}/24`], mac: '' },
    ...{ state: 'connected', path: 'direct', endpoint: '198.51.100.7:4900', rttMs: 10, pathMtu: null },
    ...{ connectedMs: 1, framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 },
    ...{ source: 'dht', knownSince: null, lastError: null, routes, ...more },
  } as PeerInfo;
}

function network(peers: PeerInfo[], more: Partial<NetworkInfo> = {}): NetworkInfo {
  return {
    ...{ id: 'n', hash: 'h', state: 'running', error: null, retryMs: null, device: 'p2p0', mac: '', name: 'ada' },
    ...{ addresses: ['10.10.10.1/24'], hostName: null, port: 1, mtu: 1360, mssClamp: false, peerId: 'f'.repeat(16) },
    ...{ lan: 'off', dht: 'off', relays: [], routes: [], acceptRoutes: ['private'], memberRoutes: [] },
    ...{ forwardOnly: false, log: 'INFO', keyEnds: null, peers, unanswered: [], problems: [], drops: {}, ...more },
  } as unknown as NetworkInfo;
}

/** `SUBNET NAME: STATE`, with the reason. */
function told(choices: readonly Choice[]): string[] {
  return choices.map(({ subnet, name, state, why }) => `${subnet} ${name}: ${state}${why === null ? '' : `, ${why}`}`);
}

function only(peer: PeerInfo, more: Partial<NetworkInfo> = {}): string {
  return told(chooseRoutes([network([peer], more)], LINKS, [])).join('\n');
}

test('a subnet that a connected member offers leads to its address, where that is wanted', () => {
  const [choice] = chooseRoutes([network([member('2', [SITE])])], LINKS, []);
  assert.deepEqual([choice?.state, choice?.gateway, choice?.device], ['installed', '10.10.10.2', 'p2p0']);
  assert.deepEqual(chooseRoutes([network([member('2', [SITE])], { acceptRoutes: [] })], LINKS, []), []);
  assert.deepEqual(chooseRoutes([network([member('2', [SITE])], { state: 'failed' })], LINKS, []), []);
});

test('what must never be installed, and why', () => {
  const cases: readonly (readonly [string, string, Partial<NetworkInfo>, Offer, RegExp])[] = [
    ['a default route', '0.0.0.0/0', { acceptRoutes: ['0.0.0.0/0'] }, {}, /prefix length from 8 on/],
    ['half the internet', '128.0.0.0/1', { acceptRoutes: ['0.0.0.0/0'] }, {}, /prefix length from 8 on/],
    ['a default route of IPv6', '::/0', { acceptRoutes: ['::/0'] }, {}, /prefix length from 16 on/],
    ['multicast', '239.0.0.0/8', { acceptRoutes: ['0.0.0.0/0'] }, {}, /behind a member/],
    ['loopback', '127.0.0.0/8', { acceptRoutes: ['0.0.0.0/0'] }, {}, /behind a member/],
    ['public addresses', '203.0.113.0/24', {}, {}, /not in what is accepted: private/],
    ['more than private ones', '172.0.0.0/8', {}, {}, /not in what is accepted/],
    ['outside of what is named', SITE, { acceptRoutes: ['192.168.8.0/24'] }, {}, /not in what is accepted/],
    ['our own LAN', '192.168.0.0/16', {}, {}, /this machine is in 192\.168\.1\.5\/24 by eth0/],
    ['a part of our LAN', '192.168.1.128/25', {}, {}, /this machine is in/],
    ['the overlay', '10.10.0.0/16', {}, {}, /10\.10\.10\.1\/24 is this machine's own on p2p0/],
    ['what we offer', SITE, { routes: ['192.168.0.0/17'] }, {}, /this machine offers 192\.168\.0\.0\/17 itself/],
    ['where the member is', SITE, {}, { endpoint: '192.168.7.9:4900' }, /goes to 192\.168\.7\.9 in it/],
    ['where a relay is', SITE, { relays: relayAt('192.168.7.9:4910') }, { path: 'relay' }, /goes to 192\.168\.7\.9/],
    ['another family', 'fd00:7::/64', {}, {}, /no address of that family/],
    ['an address elsewhere', SITE, {}, { addresses: ['10.99.0.2/24'] }, /no address of that family/],
  ];
  for (const [what, subnet, more, offer, why] of cases) {
    const answer = only(member('2', [subnet], offer), more);
    assert.match(answer, /: refused, /, what);
    assert.match(answer, why, what);
  }
});

test('named subnets may be public, and IPv6', () => {
  assert.match(only(member('2', ['203.0.113.0/24']), { acceptRoutes: ['203.0.113.0/24'] }), /installed$/);
  const both = { addresses: ['10.10.10.2/24', 'fd00::2/64'] };
  const own = { addresses: ['10.10.10.1/24', 'fd00::1/64'] };
  assert.match(only(member('2', ['fd00:7::/64'], both), own), /installed$/);
});

test('of several who offer the same, the nearest has it and keeps it', () => {
  const near = member('2', [SITE], { rttMs: 5 });
  const far = member('3', [SITE], { rttMs: 50 });
  const first = chooseRoutes([network([far, near])], LINKS, []);
  assert.deepEqual(told(first), [`${SITE} m2: installed`, `${SITE} m3: standby, ${SITE} leads to m2 (${near.id})`]);
  const slower = { ...near, rttMs: 500 };
  const second = chooseRoutes([network([far, slower])], LINKS, first);
  assert.deepEqual(told(second), told(first), 'who has it keeps it');
  const silent: PeerInfo = { ...slower, state: 'connecting' };
  const third = chooseRoutes([network([far, silent])], LINKS, second);
  assert.deepEqual(told(third), told(first), 'also while nothing is heard for a moment');
  const left: PeerInfo = { ...slower, state: 'unreachable' };
  const fourth = chooseRoutes([network([far, left])], LINKS, third);
  assert.deepEqual(told(fourth), [`${SITE} m2: standby, it is not connected`, `${SITE} m3: installed`].sort());
  assert.deepEqual(told(chooseRoutes([network([far, near])], LINKS, fourth))[0], `${SITE} m3: installed`);
});

test('a part of what leads to another cannot be taken; one may offer a whole and a part itself', () => {
  const [whole, part] = ['192.168.0.0/17', '192.168.7.0/24'];
  const links = [{ device: 'eth0', zone: '2', ip: '192.0.2.1', prefix: 24 }];
  const holder = member('2', [whole]);
  const first = chooseRoutes([network([holder])], links, []);
  const second = chooseRoutes([network([holder, member('3', [part], { rttMs: 1 })])], links, first);
  assert.deepEqual(told(second), [
    `${whole} m2: installed`,
    `${part} m3: standby, ${whole} leads to m2 (${holder.id})`,
  ]);
  const both = chooseRoutes([network([member('2', [whole, part])])], links, []);
  assert.deepEqual(
    both.map(({ state }) => state),
    ['installed', 'installed'],
  );
});

function relayAt(endpoint: string): NetworkInfo['relays'] {
  return [{ endpoint }] as unknown as NetworkInfo['relays'];
}
