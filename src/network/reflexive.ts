/**
 * Where this machine's data socket is seen from outside, and through what kind of NAT: asks nodes of the DHT by PING.
 * An address counts when nodes in two networks agree on it, or nodes of a DHT that the user named; it's asked for often enough that the NAT's
 * mapping stays open.
 */
import { BoundedMap } from '../core/bounded-map.js';
import type { Endpoint } from '../core/endpoint.js';
import { endpointParts } from '../core/endpoint.js';
import { type Random, randomU32 } from '../core/random.js';
import { readPong, writePing } from '../wire/dht-ping.js';

/** Nodes that are asked; four, because a NAT that maps by destination shows only among several. */
const MAX_NODES = 4;
/** A NAT forgets a UDP mapping after 30 s at the earliest that's in use (RFC 4787 REQ-5 asks for two minutes); in ms. */
const KEEP_OPEN = 20_000;
/** All nodes are asked again after this many ms; at first sooner, while answers are missing. */
const ASK_ALL = [0, 500, 1_000, 2_000, 5_000, 30_000, 120_000] as const;
/** An answer older than this, in ms, says nothing any more. */
const STALE = 300_000;
const MAX_PENDING = 32;
/** Nodes whose last answer is kept; those that aren't asked any more go first. */
const MAX_OBSERVATIONS = 16;

/** In RFC 4787's words: endpoint-independent, or dependent on address or port, mapping. */
export type NatKind = 'unknown' | 'none' | 'endpoint-independent' | 'dependent';

/** How nodes outside see us. */
export interface OutsideView {
  /** Nodes that are asked. */
  readonly asked: number;
  /** Those that answered lately. */
  readonly answered: number;
  /** Where they see us, each endpoint once. */
  readonly seen: readonly Endpoint[];
}

interface Observation {
  readonly endpoint: Endpoint;
  readonly at: number;
}

export class Reflexive {
  private nodes: readonly Endpoint[] = [];
  private isTrusted = false;
  private readonly observations = new BoundedMap<Endpoint, Observation>(MAX_OBSERVATIONS);
  private readonly pending = new Map<number, Endpoint>();
  private asked = 0;
  private allAt = Number.POSITIVE_INFINITY;
  private oneAt = Number.POSITIVE_INFINITY;

  constructor(private readonly random: Random) {}

  /** Nodes to ask. `isTrusted`: the user named this DHT, so one node's word is enough. */
  setNodes(now: number, nodes: readonly Endpoint[], isTrusted: boolean): void {
    this.isTrusted = isTrusted;
    if (this.nodes.length >= MAX_NODES && this.fresh(now).length > 0) return; // those that answer will do
    const chosen = spread(nodes).slice(0, MAX_NODES);
    if (chosen.join() === this.nodes.join()) return;
    this.nodes = chosen;
    this.askAnew(now);
  }

  /** What was seen may hold no longer: this machine's addresses changed. */
  restart(now: number): void {
    this.observations.clear();
    this.askAnew(now);
  }

  /** All nodes are asked again now. */
  askAnew(now: number): void {
    this.asked = 0;
    this.allAt = this.nodes.length === 0 ? Number.POSITIVE_INFINITY : now;
  }

  deadline(): number {
    return Math.min(this.allAt, this.oneAt);
  }

  /** The datagrams to send now. */
  tick(now: number): { readonly to: Endpoint; readonly datagram: Uint8Array }[] {
    if (this.allAt <= now) {
      this.allAt = now + (ASK_ALL[Math.min(++this.asked, ASK_ALL.length - 1)] ?? 0);
      this.oneAt = now + KEEP_OPEN;
      return this.nodes.flatMap((node) => this.ask(node));
    }
    if (this.oneAt > now) return [];
    this.oneAt = now + KEEP_OPEN;
    const node = this.nodes[randomU32(this.random) % Math.max(1, this.nodes.length)];
    return node === undefined ? [] : this.ask(node);
  }

  /** A datagram that may be an answer. Says whether the mapped endpoints changed by it. */
  received(now: number, datagram: Uint8Array, from: Endpoint): boolean {
    const pong = readPong(datagram);
    if (pong === null || this.pending.get(pong.tid) !== from) return false;
    this.pending.delete(pong.tid);
    const before = this.mapped(now).join();
    this.observations.set(from, { endpoint: pong.observed, at: now });
    return this.mapped(now).join() !== before;
  }

  /**
   * Endpoints at which others may reach us. Behind a NAT that maps every destination anew the port is of no use, but a datagram to its
   * address makes the other side's NAT let ours in, if that one filters by address.
   */
  mapped(now: number): Endpoint[] {
    const votes = new Map<string, { readonly endpoint: Endpoint; readonly networks: Set<string> }>();
    const isDependent = this.kind(now, () => false) === 'dependent';
    for (const [node, { endpoint }] of this.fresh(now)) {
      const seen = isDependent ? endpointParts(endpoint).ip : endpoint;
      const vote = votes.get(seen) ?? { endpoint, networks: new Set() };
      vote.networks.add(networkOf(node));
      votes.set(seen, vote);
    }
    return [...votes.values()]
      .filter(({ networks }) => this.isTrusted || networks.size >= 2)
      .map(({ endpoint }) => endpoint);
  }

  /** `isOwn`: whether an endpoint is on one of this machine's own interfaces. */
  kind(now: number, isOwn: (endpoint: Endpoint) => boolean): NatKind {
    const seen = this.fresh(now).map(([, { endpoint }]) => endpoint);
    const [first, ...rest] = seen;
    if (first === undefined) return 'unknown';
    if (seen.every(isOwn)) return 'none';
    if (rest.some((endpoint) => endpoint !== first)) return 'dependent';
    return rest.length === 0 ? 'unknown' : 'endpoint-independent';
  }

  /** Who was asked where they see us, and what those that answer say. */
  outside(now: number): OutsideView {
    const fresh = this.fresh(now);
    const seen = [...new Set(fresh.map(([, { endpoint }]) => endpoint))];
    return { asked: this.nodes.length, answered: fresh.length, seen };
  }

  private fresh(now: number): [Endpoint, Observation][] {
    return [...this.observations].filter(([node, { at }]) => at > now - STALE && this.nodes.includes(node));
  }

  private ask(node: Endpoint): { to: Endpoint; datagram: Uint8Array }[] {
    const tid = randomU32(this.random) & 0xffff;
    const datagram = writePing(tid, node);
    if (datagram === null) return [];
    this.pending.set(tid, node);
    for (const oldest of this.pending.keys()) {
      if (this.pending.size <= MAX_PENDING) break;
      this.pending.delete(oldest);
    }
    return [{ to: node, datagram }];
  }
}

/** The /16 that a node is in: two nodes of one operator are likely to share it. */
function networkOf(node: Endpoint): string {
  return endpointParts(node).ip.split('.').slice(0, 2).join('.');
}

/** Nodes in as many networks as possible first. */
function spread(nodes: readonly Endpoint[]): Endpoint[] {
  const seen = new Set<string>();
  const [first, later]: [Endpoint[], Endpoint[]] = [[], []];
  for (const node of nodes) (seen.has(networkOf(node)) ? later : first).push(node) && seen.add(networkOf(node));
  return [...first, ...later];
}
