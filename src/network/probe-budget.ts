/**
 * How many datagrams may go to endpoints that never answered us. Whoever gets an endpoint into a record or a beacon makes every member send
 * there; so what one address can be sent is bounded whoever names it, under however many identities, and what leaves in all is bounded
 * so that no router on the way runs out of mappings. An address where a member has answered is no victim, and may have many members behind it.
 */
import { BoundedMap } from '../core/bounded-map.js';
import { type Endpoint, endpointParts } from '../core/endpoint.js';
import { prefixOf } from '../core/ip.js';
import { type Rate, TokenBucket } from '../core/token-bucket.js';

export const PROBE_RATES = {
  /** In all. A router that keeps a mapping for 30 s holds at most 1,216 of ours, where the small ones have room for 4,096. */
  all: { burst: 256, perSecond: 32 },
  /** Because of one member, or one `-peer`. */
  owner: { burst: 32, perSecond: 4 },
  /** To one address (IPv4) or link (IPv6 /64) where nobody ever answered: some tries of a few members, then one in ten seconds. */
  address: { burst: 16, perSecond: 0.1 },
  /** To one site (IPv4 /24, IPv6 /48) where nobody ever answered; what's on-link here is no site. */
  site: { burst: 64, perSecond: 1 },
  /** The same where a member has answered. */
  provenAddress: { burst: 128, perSecond: 16 },
  provenSite: { burst: 256, perSecond: 32 },
} as const satisfies Record<string, Rate>;
/** Addresses, sites and owners that are told apart; the one that was used longest ago goes, and has a full bucket when it comes back. */
export const MAX_BUCKETS = 4_096;

/** A datagram to an endpoint that may be nobody's. */
export interface ProbeTarget {
  /** Because of whom it's sent: a peer, or a `-peer`. */
  readonly owner: string;
  readonly endpoint: Endpoint;
  /** Whether the endpoint is on one of our own links: the site is ours then, and each address stands for itself. */
  readonly onLink: boolean;
}

export class ProbeBudget {
  private readonly all: TokenBucket;
  private readonly buckets = new BoundedMap<string, TokenBucket>(MAX_BUCKETS);
  private readonly proven = new BoundedMap<string, true>(MAX_BUCKETS);

  constructor(now: number) {
    this.all = new TokenBucket(PROBE_RATES.all, now);
  }

  /** Whether there's anything left for anyone. */
  isSpent(now: number): boolean {
    return !this.all.has(now);
  }

  /** Takes what the datagram costs from all that it counts for, or nothing from any; says which. */
  take(now: number, { owner, endpoint, onLink }: ProbeTarget): boolean {
    if (this.isSpent(now)) return false;
    const { address, site } = placesOf(endpoint, onLink);
    const wanted: (readonly [string, Rate])[] = [
      [`owner ${owner}`, PROBE_RATES.owner],
      [address, this.proven.has(address) ? PROBE_RATES.provenAddress : PROBE_RATES.address],
    ];
    if (site !== null) wanted.push([site, this.proven.has(site) ? PROBE_RATES.provenSite : PROBE_RATES.site]);
    const buckets = wanted.map(([key, rate]) => [key, this.buckets.get(key) ?? new TokenBucket(rate, now)] as const);
    if (!buckets.every(([, bucket]) => bucket.has(now))) return false;
    this.all.take();
    for (const [key, bucket] of buckets) {
      bucket.take();
      this.buckets.set(key, bucket);
    }
    return true;
  }

  /** A member answered a sealed challenge that went there. */
  prove(endpoint: Endpoint, onLink: boolean): void {
    const { address, site } = placesOf(endpoint, onLink);
    for (const place of site === null ? [address] : [address, site]) {
      if (!this.proven.has(place)) this.buckets.delete(place);
      this.proven.set(place, true);
    }
  }
}

function placesOf(endpoint: Endpoint, onLink: boolean): { readonly address: string; readonly site: string | null } {
  const { ip } = endpointParts(endpoint);
  if (onLink) return { address: prefixOf(ip, { ipv4: 32, ipv6: 128 }), site: null };
  return { address: prefixOf(ip, { ipv4: 32, ipv6: 64 }), site: prefixOf(ip, { ipv4: 24, ipv6: 48 }) };
}
