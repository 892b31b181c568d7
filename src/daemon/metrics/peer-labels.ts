/** Which members get series of their own: so many at most, and whoever has them keeps them, so that no member can make ever more by coming and going. */
import type { NetworkInfo } from '../../rpc/network-info.js';
import type { LabelledPeer } from './figures.js';

/** Members with series of their own, in all networks together. */
export const MAX_LABELLED_PEERS = 128;

export class PeerLabels {
  private labelled: ReadonlySet<string> = new Set();

  choose(networks: readonly NetworkInfo[]): { readonly peers: LabelledPeer[]; readonly unlabelled: number } {
    const all = networks.flatMap(({ id, peers }) => peers.map((peer) => ({ network: id, peer })));
    const before = all.filter((each) => this.labelled.has(key(each)));
    const rest = all.filter((each) => !this.labelled.has(key(each)));
    const connected = rest.filter(({ peer }) => peer.state === 'connected');
    const peers = [...before, ...connected].slice(0, MAX_LABELLED_PEERS);
    this.labelled = new Set(peers.map(key));
    return { peers, unlabelled: all.length - peers.length };
  }
}

function key({ network, peer }: LabelledPeer): string {
  return `${network} ${peer.id}`;
}
