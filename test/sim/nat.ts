/** A NAT in RFC 4787's words: how it maps and what it lets in are two settings. UDP and IPv4 only. */
import { type Endpoint, endpointParts, makeEndpoint } from '../../src/core/endpoint.js';

/** What a mapping depends on besides the inside endpoint (RFC 4787 section 4.1). */
export type Mapping = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';
/** Whose datagrams a mapping lets in (section 5): anyone's, those of addresses or endpoints that were sent to. */
export type Filtering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

/** An idle mapping is forgotten after this, in ms (REQ-5: two minutes at least). */
const LIFETIME = 120_000;

interface Entry {
  readonly inside: Endpoint;
  readonly outside: Endpoint;
  /** What it was mapped for. */
  readonly key: string;
  /** Endpoints that were sent to, and when. */
  readonly sentTo: Map<Endpoint, number>;
  usedAt: number;
}

export class Nat {
  private entries: Entry[] = [];
  private nextPort: number;

  constructor(
    readonly ip: string,
    readonly mapping: Mapping,
    readonly filtering: Filtering,
    /** Where its ports begin; they go up by a step that nobody outside guesses. */
    firstPort: number,
    /** Whether a datagram from inside to one of its own mappings comes back in (RFC 4787 REQ-9). */
    readonly hairpin: 'supported' | 'refused' = 'supported',
  ) {
    this.nextPort = firstPort;
  }

  /** The endpoint from which a datagram leaves. */
  out(now: number, inside: Endpoint, to: Endpoint): Endpoint {
    const key = keyOf(this.mapping, to);
    this.forgetOld(now);
    const entry = this.entries.find((e) => e.inside === inside && e.key === key) ?? this.add(inside, key);
    entry.sentTo.set(to, now);
    entry.usedAt = now;
    return entry.outside;
  }

  /** To whom inside a datagram goes, or null if it's let in to nobody. */
  in(now: number, from: Endpoint, outside: Endpoint): Endpoint | null {
    this.forgetOld(now);
    const entry = this.entries.find((e) => e.outside === outside);
    if (entry === undefined) return null;
    const wanted = keyOf(this.filtering, from);
    const isKnown = [...entry.sentTo.keys()].some((to) => keyOf(this.filtering, to) === wanted);
    return isKnown ? entry.inside : null;
  }

  /** As when it's switched off and on. */
  reboot(): void {
    this.entries = [];
  }

  private add(inside: Endpoint, key: string): Entry {
    this.nextPort = 1024 + ((this.nextPort - 1024 + 7_919) % 60_000);
    const entry = { inside, outside: makeEndpoint(this.ip, this.nextPort), key, sentTo: new Map(), usedAt: 0 };
    this.entries.push(entry);
    return entry;
  }

  private forgetOld(now: number): void {
    this.entries = this.entries.filter(({ usedAt }) => usedAt + LIFETIME > now || usedAt === 0);
  }
}

function keyOf(setting: Mapping | Filtering, remote: Endpoint): string {
  if (setting === 'endpoint-independent') return '';
  return setting === 'address-dependent' ? endpointParts(remote).ip : remote;
}
