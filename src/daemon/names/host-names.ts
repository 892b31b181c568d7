/** The members of all networks of this daemon with their host names: one machine has one hosts file. */
import type { NetworkInfo } from '../../rpc/network-info.js';
import { DOMAIN, hostLabels } from './labels.js';

export function withHostNames(networks: readonly NetworkInfo[]): NetworkInfo[] {
  const own = networks.map(({ peerId, name }) => ({ id: peerId, name, knownSince: null }));
  const others = networks.flatMap(({ peers }) => peers.filter(({ state }) => state !== 'blocked'));
  const labels = hostLabels(own, others);
  const hostName = (id: string) => {
    const label = labels.get(id);
    return label === undefined ? null : `${label}.${DOMAIN}`;
  };
  return networks.map((network) => ({
    ...network,
    hostName: hostName(network.peerId),
    peers: network.peers.map((peer) => ({ ...peer, hostName: hostName(peer.id) })),
  }));
}
