/** One way by which a peer might be reached, and how it compares with the others. */
import { endpointParts } from '../core/endpoint.js';
import { isIpv6 } from '../core/ip.js';
import type { Random } from '../core/random.js';
import { isRelayWay, relayWayParts, type Way } from '../core/way.js';
import { type FrameNeeds, ladderOf } from './ladder.js';
import { PathMtu } from './path-mtu.js';

/** `lan`: on-link. `direct`: anywhere else. `relay`: through a relay. */
export type CandidateKind = 'lan' | 'direct' | 'relay';

/**
 * From where we know of a candidate. `record`: the member itself tells it. `lan`: a beacon came from there. `static`: a member answered there under
 * a `-peer`. `remembered`: it worked in the last run. `handshake`, `strayed`: a handshake, or datagrams of the session, came from there.
 * `relay`: the member said hello through that relay.
 */
export type CandidateSource = 'record' | 'lan' | 'static' | 'remembered' | 'handshake' | 'strayed' | 'relay';

export interface Candidate {
  readonly endpoint: Way;
  readonly source: CandidateSource;
  kind: CandidateKind;
  readonly addedAt: number;
  /** The challenge under way. */
  probe: { readonly token: Uint8Array; readonly sentAt: number } | null;
  /** When the next challenge is due. */
  nextAt: number;
  /** It never answered, and its challenge waits for leave to go; since when. */
  waitsSince: number | null;
  /** Something authentic of the peer came from there, and no challenge has gone there since. */
  isOwed: boolean;
  /** Challenges in a row without an answer. */
  misses: number;
  /** Smoothed, in ms; null as long as none was answered. */
  rtt: number | null;
  answeredAt: number | null;
  /** It's suspected not to work, and another is ready to take its place. */
  isDoubted: boolean;
  /** Handshakes and challenges that went there, and when the last did. */
  tries: number;
  triedAt: number | null;
  readonly mtu: PathMtu;
}

const KIND_ORDER: readonly CandidateKind[] = ['lan', 'direct', 'relay'];
/** A path of the same kind has to be this much faster, by ratio and in ms, before traffic moves to it. */
const BETTER = { ratio: 0.8, ms: 2 } as const;

export interface CandidateContext {
  readonly random: Random;
  /** Whether an endpoint is on-link; asked again when this machine's addresses change. */
  readonly kindOf: (endpoint: Way) => CandidateKind;
  needs(): FrameNeeds;
}

export function newCandidate(
  { random, kindOf, needs }: CandidateContext,
  endpoint: Way,
  source: CandidateSource,
  now: number,
): Candidate {
  const unasked = { probe: null, misses: 0, rtt: null, answeredAt: null, isDoubted: false };
  const untried = { ...unasked, tries: 0, triedAt: null, waitsSince: null, isOwed: false };
  const mtu = new PathMtu(random, ladderOf(familyOf(endpoint), needs()));
  return { endpoint, kind: kindOf(endpoint), source, addedAt: now, nextAt: now, ...untried, mtu };
}

function familyOf(way: Way) {
  const first = isRelayWay(way) ? relayWayParts(way).relay : way;
  const family = isIpv6(endpointParts(first).ip) ? 'ipv6' : 'ipv4';
  return isRelayWay(way) ? (`relay-${family}` as const) : family;
}

/** Whether it answered, and did so last time. */
export function works(candidate: Candidate): boolean {
  return candidate.answeredAt !== null && candidate.misses === 0;
}

export function noteTry(candidate: Candidate, now: number): void {
  candidate.tries++;
  candidate.triedAt = now;
}

/** Off-link IPv4 counts as slower than it is, by ratio and in ms: IPv6 is preferred where it works about as well, for it has no NAT to be kept open. */
const IPV4_HANDICAP = { ratio: 1.25, ms: 10 } as const;

/** Negative if `a` is the better one: by kind, then RTT with IPv4's handicap, then IPv6 before IPv4. */
export function compare(a: Candidate, b: Candidate): number {
  return rank(a) - rank(b) || difference(cost(a), cost(b)) || Number(isIpv4(a)) - Number(isIpv4(b));
}

/** Whether traffic should leave `current`, which works, for `other`. */
export function isWorthMoving(current: Candidate, other: Candidate): boolean {
  if (rank(current) !== rank(other)) return rank(other) < rank(current);
  const [now, then] = [cost(current), cost(other)];
  return then < now * BETTER.ratio && then < now - BETTER.ms;
}

/** Whether `a` is of a worse kind than `b`, whatever their RTTs. */
export function ranksBelow(a: Candidate, b: Candidate): boolean {
  return rank(a) > rank(b);
}

function rank(candidate: Candidate): number {
  return KIND_ORDER.indexOf(candidate.kind);
}

/** RTT in ms with IPv4's handicap; Infinity as long as it's unknown. */
function cost(candidate: Candidate): number {
  const { rtt, kind } = candidate;
  if (rtt === null) return Number.POSITIVE_INFINITY;
  return kind === 'direct' && isIpv4(candidate) ? rtt * IPV4_HANDICAP.ratio + IPV4_HANDICAP.ms : rtt;
}

/** Of two numbers that may both be infinite. */
function difference(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function isIpv4({ endpoint }: Candidate): boolean {
  return familyOf(endpoint).endsWith('ipv4');
}
