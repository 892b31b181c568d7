/** One endpoint at which a peer might be reached, and how it compares with the others. */
import { type Endpoint, endpointParts } from '../core/endpoint.js';
import { isIpv6 } from '../core/ip.js';

/** `lan`: on-link. `direct`: anywhere else. */
export type DirectKind = 'lan' | 'direct';

/**
 * From where we know of a candidate. `record`: the member itself tells it. `lan`: a beacon came from there. `static`: a member answered there under
 * a `-peer`. `remembered`: it worked in the last run. `handshake`, `strayed`: a handshake, or datagrams of the session, came from there.
 */
export type CandidateSource = 'record' | 'lan' | 'static' | 'remembered' | 'handshake' | 'strayed';

export interface Candidate {
  readonly endpoint: Endpoint;
  readonly source: CandidateSource;
  kind: DirectKind;
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
  /** Handshakes and challenges that went there, and when the last did. */
  tries: number;
  triedAt: number | null;
}

const KIND_ORDER: readonly DirectKind[] = ['lan', 'direct'];
/** A path of the same kind has to be this much faster, by ratio and in ms, before traffic moves to it. */
const BETTER = { ratio: 0.8, ms: 2 } as const;

export function newCandidate(endpoint: Endpoint, kind: DirectKind, source: CandidateSource, now: number): Candidate {
  const untried = {
    probe: null,
    misses: 0,
    rtt: null,
    answeredAt: null,
    tries: 0,
    triedAt: null,
    waitsSince: null,
    isOwed: false,
  };
  return { endpoint, kind, source, addedAt: now, nextAt: now, ...untried };
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
  const family = candidate.kind === 'direct' && !isIpv6(endpointParts(candidate.endpoint).ip) ? 1 : 0;
  return KIND_ORDER.indexOf(candidate.kind) * 2 + family;
}
