/**
 * Traffic of networks, which only grows: the data plane forgets a peer's counters with the peer, and a sum that falls would look
 * to whoever computes rates as if all of it had come anew.
 */
import type { NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import type { Traffic } from './figures.js';

const COUNTERS = ['framesIn', 'framesOut', 'bytesIn', 'bytesOut'] as const;

interface Total {
  sum: Record<(typeof COUNTERS)[number], number>;
  /** As seen last; those of peers that are gone go, so there are as many as members. */
  seen: ReadonlyMap<string, Traffic>;
}

export class TrafficTotals {
  /** By the network's id. */
  private readonly totals = new Map<string, Total>();

  /** What has gone through each network, in their order. Networks that aren't named are forgotten. */
  measure(networks: readonly NetworkInfo[]): Traffic[] {
    const ids = new Set(networks.map(({ id }) => id));
    for (const id of this.totals.keys()) if (!ids.has(id)) this.totals.delete(id);
    return networks.map(({ id, peers }) => this.add(id, peers));
  }

  private add(id: string, peers: readonly PeerInfo[]): Traffic {
    const total: Total = this.totals.get(id) ?? {
      sum: { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 },
      seen: new Map(),
    };
    for (const peer of peers) {
      const before = total.seen.get(peer.id);
      for (const name of COUNTERS) total.sum[name] += grown(before?.[name] ?? 0, peer[name]);
    }
    total.seen = new Map(peers.map((peer) => [peer.id, peer]));
    this.totals.set(id, total);
    return { ...total.sum };
  }
}

/** A counter that's less than before has begun anew. */
function grown(before: number, now: number): number {
  return now >= before ? now - before : now;
}
