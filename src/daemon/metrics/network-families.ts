/** What's measured of each network, and of its members. */
import type { NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import type { Family, Sample } from './family.js';
import type { DhtFigures, Figures, MeasuredNetwork } from './figures.js';

/** Of reasons for drops, which are names in the code, as many of a network are told at most. */
const MAX_REASONS = 128;

const NETWORK_STATES: readonly NetworkInfo['state'][] = ['running', 'key-expired', 'left', 'failed'];
const MEMBER_STATES: readonly PeerInfo['state'][] = ['connected', 'connecting', 'unreachable', 'refused', 'blocked'];
const PATHS: readonly PeerInfo['path'][] = ['lan', 'direct', 'relay'];
const RELAY_STATES: readonly NetworkInfo['relays'][number]['state'][] = [
  'connected',
  'connecting',
  'failing',
  'wrong-key',
];

export const NETWORK_FAMILIES: readonly Family[] = [
  ofNetworks('gauge', 'p2p_network_info', 'Always 1: which device a network has here.', ['device'], ({ info }) => [
    { labels: { device: info.device }, value: 1 },
  ]),
  ofNetworks('gauge', 'p2p_network_state', 'Whether a network is in this state, 1 or 0.', ['state'], ({ info }) =>
    perName('state', NETWORK_STATES, (state) => Number(info.state === state)),
  ),
  ofNetworks('gauge', 'p2p_network_problems', 'Things that are wrong in a network, as p2p status tells.', [], (one) =>
    just(one.info.problems.length),
  ),
  ofNetworks('gauge', 'p2p_network_members', 'Other members that are known, by state.', ['state'], ({ info }) =>
    perName('state', MEMBER_STATES, (state) => info.peers.filter((peer) => peer.state === state).length),
  ),
  ofNetworks('gauge', 'p2p_network_paths', 'Connected members, by the kind of path.', ['path'], ({ info }) =>
    perName('path', PATHS, (path) => info.peers.filter((peer) => peer.path === path).length),
  ),
  ofNetworks('counter', 'p2p_network_frames_total', 'Ethernet frames to and from members.', ['direction'], (one) =>
    directions(one.traffic.framesIn, one.traffic.framesOut),
  ),
  ofNetworks(
    'counter',
    'p2p_network_traffic_bytes_total',
    'Bytes of Ethernet frames to and from members.',
    ['direction'],
    (one) => directions(one.traffic.bytesIn, one.traffic.bytesOut),
  ),
  ofNetworks('counter', 'p2p_network_drops_total', "Datagrams and frames that weren't carried.", ['reason'], (one) =>
    drops(one.info.drops),
  ),
  ofNetworks(
    'counter',
    'p2p_network_handshakes_total',
    'Handshakes: tries that began here, and those from either side that made a session.',
    ['result'],
    ({ live }) => (live === null ? [] : handshakes(live.handshakes)),
  ),
  ofNetworks('counter', 'p2p_network_rekeys_total', 'Sessions that took the place of another.', [], ({ live }) =>
    live === null ? [] : just(live.handshakes.rekeys),
  ),
  ofNetworks(
    'gauge',
    'p2p_network_last_key_end_timestamp_seconds',
    'When the last key of a network ends; absent if it never does.',
    [],
    ({ info }) => (info.keyEnds === null ? [] : just(info.keyEnds)),
  ),
  ofDht('p2p_dht_nodes', 'Nodes that are known of the DHT in which members meet.', (dht) => dht.nodes),
  ofDht('p2p_dht_members_found', 'Members whose records were found in the DHT lately.', (dht) => dht.found),
  ofDht('p2p_dht_announce_age_seconds', 'How long ago this member was announced in the DHT.', (dht) =>
    dht.announcedMs === null ? null : dht.announcedMs / 1000,
  ),
  ofNetworks('gauge', 'p2p_network_relays', 'Relays that a network uses, by state.', ['state'], ({ info }) =>
    perName('state', RELAY_STATES, (state) => info.relays.filter((relay) => relay.state === state).length),
  ),
  ofNetworks(
    'gauge',
    'p2p_network_relay_rtt_seconds',
    'Round trip to a relay that was named here.',
    ['relay'],
    ({ info }) => info.relays.flatMap(relayRtt),
  ),
  ofPeers('counter', 'p2p_peer_frames_total', 'Ethernet frames to and from a member.', ['direction'], (peer) =>
    directions(peer.framesIn, peer.framesOut),
  ),
  ofPeers(
    'counter',
    'p2p_peer_traffic_bytes_total',
    'Bytes of Ethernet frames to and from a member.',
    ['direction'],
    (peer) => directions(peer.bytesIn, peer.bytesOut),
  ),
  ofPeers('gauge', 'p2p_peer_rtt_seconds', 'Round trip to a member on the path in use.', [], ({ rttMs }) =>
    rttMs === null ? [] : just(rttMs / 1000),
  ),
  ofPeers('gauge', 'p2p_peer_path', 'Whether frames to a member take this kind of path, 1 or 0.', ['path'], (peer) =>
    perName('path', PATHS, (path) => Number(peer.path === path)),
  ),
  ofPeers('gauge', 'p2p_peer_path_mtu_bytes', 'MTU of the path in use, as measured.', [], ({ pathMtu }) =>
    pathMtu === null ? [] : just(pathMtu),
  ),
  {
    name: 'p2p_unlabelled_peers',
    type: 'gauge',
    help: 'Members that have no series of their own, because there are so many or they were never connected.',
    labels: [],
    samples: ({ unlabelled }) => just(unlabelled),
  },
];

function ofNetworks(
  type: Family['type'],
  name: string,
  help: string,
  labels: readonly string[],
  samples: (network: MeasuredNetwork) => readonly Sample[],
): Family {
  const each = ({ networks }: Figures) =>
    networks.flatMap((one) => samples(one).map((sample) => withLabels(sample, { network: one.info.id })));
  return { type, name, help, labels: ['network', ...labels], samples: each };
}

function ofPeers(
  type: Family['type'],
  name: string,
  help: string,
  labels: readonly string[],
  samples: (peer: PeerInfo) => readonly Sample[],
): Family {
  const each = ({ peers }: Figures) =>
    peers.flatMap(({ network, peer }) => samples(peer).map((sample) => withLabels(sample, { network, peer: peer.id })));
  return { type, name, help, labels: ['network', 'peer', ...labels], samples: each };
}

function ofDht(name: string, help: string, value: (dht: DhtFigures) => number | null): Family {
  return ofNetworks('gauge', name, help, [], ({ live }) => {
    const taken = live === null || live.dht === null ? null : value(live.dht);
    return taken === null ? [] : just(taken);
  });
}

function withLabels(sample: Sample, labels: Sample['labels']): Sample {
  return { ...sample, labels: { ...labels, ...sample.labels } };
}

function just(value: number): Sample[] {
  return [{ labels: {}, value }];
}

function perName<N extends string>(label: string, names: readonly N[], value: (name: N) => number): Sample[] {
  return names.map((name) => ({ labels: { [label]: name }, value: value(name) }));
}

function directions(received: number, sent: number): Sample[] {
  return [
    { labels: { direction: 'in' }, value: received },
    { labels: { direction: 'out' }, value: sent },
  ];
}

function handshakes({ initiated, completed }: { readonly initiated: number; readonly completed: number }): Sample[] {
  return [
    { labels: { result: 'initiated' }, value: initiated },
    { labels: { result: 'completed' }, value: completed },
  ];
}

export function drops(counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts)
    .slice(0, MAX_REASONS)
    .map(([reason, value]) => ({ labels: { reason }, value }));
}

/** Relays of members come and go, and members choose what they're called: they're only counted. */
function relayRtt({ name, offeredBy, rttMs }: NetworkInfo['relays'][number]): Sample[] {
  return offeredBy !== null || rttMs === null ? [] : [{ labels: { relay: name }, value: rttMs / 1000 }];
}
