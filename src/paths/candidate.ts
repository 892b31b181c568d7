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
  /** Challenges in a row without an answer. */
  misses: number;
  /** Smoothed, in ms; null as long as none was answered. */
  rtt: number | null;
  answeredAt: number | null;
  /** When the challenge went out that nothing was answered to since. */
  askedAt: number;
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
  readonly needs: FrameNeeds;
}

export function newCandidate(
  { random, kindOf, needs }: CandidateContext,
  endpoint: Way,
  source: CandidateSource,
  now: number,
): Candidate {
  const unasked = { probe: null, misses: 0, rtt: null, answeredAt: null, askedAt: now, isDoubted: false };
  const untried = { ...unasked, tries: 0, triedAt: null, waitsSince: null };
  const mtu = new PathMtu(random, ladderOf(familyOf(endpoint), needs));
  return { endpoint, kind: kindOf(endpoint), source, addedAt: now, nextAt: now, ...untried, mtu };
}

function familyOf(way: Way) {
  const first = isRelayWay(way) ? relayWayParts(way).relay : way;
  const family = isIpv6(endpointParts(first).ip) ? 'ipv6' : 'ipv4';
  return isRelayWay(way) ? (`relay-${family}` as const) : family;
}

export function noteTry(candidate: Candidate, now: number): void {
  candidate.tries++;
  candidate.triedAt = now;
}

/** Negative if `a` is the better one: by kind, then IPv6 before IPv4 off-link, then RTT. */
export function compare(a: Candidate, b: Candidate): number {
  return rank(a) - rank(b) || (a.rtt ?? Number.POSITIVE_INFINITY) - (b.rtt ?? Number.POSITIVE_INFINITY);
}

/** Whether traffic should leave `current`, which works, for `other`. */
export function isWorthMoving(current: Candidate, other: Candidate): boolean {
  if (rank(current) !== rank(other)) return rank(other) < rank(current);
  if (current.rtt === null || other.rtt === null) return false;
  return other.rtt < current.rtt * BETTER.ratio && other.rtt < current.rtt - BETTER.ms;
}

/** Whether `a` is of a worse kind than `b`, whatever their RTTs. */
export function ranksBelow(a: Candidate, b: Candidate): boolean {
  return rank(a) > rank(b);
}

function rank(candidate: Candidate): number {
  const { endpoint, kind } = candidate;
  const family = kind === 'direct' && !isRelayWay(endpoint) && !isIpv6(endpointParts(endpoint).ip) ? 1 : 0;
  return KIND_ORDER.indexOf(kind) * 2 + family;
}
