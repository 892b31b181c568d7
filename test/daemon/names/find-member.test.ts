/** Which member somebody means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../src/core/nearest.js';
import { findIdentity, findMember, isConnected } from '../../../src/daemon/names/find-member.js';
import { RpcError } from '../../../src/rpc/errors.js';
import type { NetworkInfo, PeerInfo } from '../../../src/rpc/network-info.js';

const BEN = member('0123456789abcdef', 'ben', '10.10.10.2/24', 'fd00::2/64');
const MIA = member('1123456789abcdef', 'Mia-Desktop', '10.10.10.3/24');
const BEN_ELSEWHERE = member('2123456789abcdef', 'ben', '10.20.20.2/24');
const RED = network('p2p0', '10.10.10.1/24', 'ada', '3123456789abcdef', BEN, MIA);
const BLUE = network('p2p1', '10.20.20.1/24', 'ada', '4123456789abcdef', BEN_ELSEWHERE);

function member(id: string, name: string, ...addresses: string[]): PeerInfo {
  const counts = { routes: [], framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 };
  const where = {
    path: 'none',
    endpoint: null,
    rttMs: null,
    pathMtu: null,
    connectedMs: null,
    knownSince: null,
    lastError: null,
    bridge: false,
  } as const;
  const hostName = `${name.toLowerCase()}.p2p`;
  const held = addresses.map((address) => address.split('/', 1)[0] ?? '');
  return {
    id,
    name,
    hostName,
    addresses,
    ula: null,
    held,
    mac: '02:00:00:00:00:01',
    state: 'connecting',
    source: 'dht',
    ...counts,
    ...where,
  };
}

function network(device: string, ip: string, name: string, peerId: string, ...peers: PeerInfo[]): NetworkInfo {
  const empty = {
    relays: [],
    routes: [],
    acceptRoutes: [],
    memberRoutes: [],
    forwardOnly: false,
    error: null,
    retryMs: null,
    keyEnds: null,
    unanswered: [],
    problems: [],
    drops: {},
  };
  const rest = {
    mac: '02:00:00:00:00:02',
    port: 4900,
    mtu: 1360,
    mssClamp: false,
    bridge: false,
    lan: 'off',
    dht: 'off',
    log: 'INFO',
  } as const;
  const portMapping = {
    state: 'off' as const,
    gateway: null,
    protocol: null,
    external: null,
    expiresMs: null,
    attempts: [],
  };
  return {
    portMapping,
    id: device,
    hash: device,
    state: 'running',
    device,
    addresses: [ip],
    ...{ ula: null, dynamic: false, seeking: false },
    name,
    hostName: `${name}.p2p`,
    peerId,
    peers,
    ...empty,
    ...rest,
  };
}

test('by address, id and name', () => {
  for (const who of ['10.10.10.2', 'fd00::2', 'FD00:0::2', '0123456789abcdef', '0123456789ABCDEF'])
    assert.equal(findMember([RED, BLUE], who).peer, BEN, who);
  for (const who of ['ben', 'Ben']) assert.equal(findMember([RED], who).peer, BEN);
  assert.equal(findMember([RED, BLUE], 'mia-desktop').peer, MIA);
  assert.equal(findMember([RED, BLUE], '10.20.20.2').network, BLUE);
  for (const who of ['mia-desktop.p2p', 'Mia-Desktop.P2P', 'mia-desktop.p2p.'])
    assert.equal(findMember([RED, BLUE], who).peer, MIA, who);
});

test('whether somebody is connected, by whatever they are called', () => {
  const mia: PeerInfo = { ...MIA, state: 'connected' };
  const red = { ...RED, peers: [BEN, mia] };
  for (const who of [
    '10.10.10.3',
    'mia-desktop',
    mia.id,
    'mia-desktop.p2p',
    'ada',
    'ADA.p2p',
    RED.peerId,
    '10.10.10.1',
  ])
    assert.equal(isConnected([red], who), true, who);
  for (const who of ['10.10.10.2', 'ben', 'nobody', 'mia.p2p']) assert.equal(isConnected([red], who), false, who);
  assert.throws(() => isConnected([red, BLUE], 'ben'), { reason: 'ambiguous-member' });
  // An address that several claim is its holder's.
  assert.equal(isConnected([{ ...red, peers: [{ ...BEN, addresses: mia.addresses }, mia] }], '10.10.10.3'), true);
});

test('an identity is found by what it was called, and one that is here before one that was', () => {
  const identity = (peer: PeerInfo, state: 'away' | 'connected') => ({
    device: 'p2p0',
    hash: 'h',
    peer: { id: peer.id, name: peer.name, addresses: peer.addresses, state },
  });
  const gone = identity(BEN, 'away');
  assert.equal(findIdentity([gone], 'ben').peer.id, BEN.id);
  assert.equal(findIdentity([gone, identity(BEN_ELSEWHERE, 'connected')], 'ben').peer.id, BEN_ELSEWHERE.id);
  assert.throws(() => findIdentity([gone, identity(BEN_ELSEWHERE, 'away')], 'ben'), { reason: 'ambiguous-member' });
  assert.throws(() => findIdentity([gone], 'bob'), { reason: 'no-such-member', message: /known by "bob"/ });
});

test('an address that several claim is the holder', () => {
  const eve = { ...member('5123456789abcdef', 'eve', '10.10.10.2/24'), held: [] };
  const claimed = network('p2p0', '10.10.10.1/24', 'ada', '3123456789abcdef', eve, BEN, MIA);
  assert.equal(findMember([claimed], '10.10.10.2').peer, BEN);
});

test('errors say which it might be', () => {
  const refused = (who: string, reason: string, words: RegExp) =>
    assert.throws(
      () => findMember([RED, BLUE], who),
      (error) => error instanceof RpcError && error.reason === reason && words.test(error.message),
    );
  refused('mia-desktp', 'no-such-member', /"mia-desktp"; did you mean "Mia-Desktop"\?/);
  refused('10.10.10.33', 'no-such-member', /did you mean "10\.10\.10\.3"\?/);
  refused('mia-desktp.p2p', 'no-such-member', /did you mean "Mia-Desktop"\?/);
  refused('nobody-at-all', 'no-such-member', /"nobody-at-all"; p2p show/);
  refused('ben', 'ambiguous-member', /2 members: 0123456789abcdef on p2p0, 2123456789abcdef on p2p1/);
  for (const own of ['ada', '10.20.20.1', '3123456789abcdef']) refused(own, 'no-such-member', /this machine itself/);
});

test('the nearest name', () => {
  const names = ['ben', 'mia', 'storage-server'];
  assert.equal(nearest('bne', ['ben']), null, 'two of three letters are too many');
  assert.equal(nearest('bem', names), 'ben');
  assert.equal(nearest('Storge-Server', names), 'storage-server');
  assert.equal(nearest('', names), null);
  assert.equal(nearest('x', []), null);
});
