/** The ways by which one peer might be reached: a bounded table, the orders in which they're looked at, and what people see of it. */
import { sameBytes } from '../core/bytes.js';
import { canAnswer, type Way } from '../core/way.js';
import { type Candidate, type CandidateKind, type CandidateSource, compare, works } from './candidate.js';

export const MAX_CANDIDATES = 32;

/** What became of one candidate, for people. */
export interface CandidateState {
  readonly endpoint: Way;
  readonly kind: CandidateKind;
  readonly source: CandidateSource;
  readonly state: 'in use' | 'works' | 'worked' | 'stopped answering' | 'no answer' | 'untried';
  readonly rttMs: number | null;
  /** How long ago it answered last, in ms. */
  readonly answeredMs: number | null;
  /** Challenges in a row without an answer. */
  readonly misses: number;
  /** Handshakes and challenges that went there, and how long ago the last did, in ms. */
  readonly tries: number;
  readonly triedMs: number | null;
  /** Its MTU, in bytes of IP packet, as far as measured; null if it never answered. */
  readonly mtu: number | null;
}

export class Candidates {
  private readonly byWay = new Map<Way, Candidate>();

  get(way: Way): Candidate | undefined {
    return this.byWay.get(way);
  }

  /** In no order. */
  all(): Iterable<Candidate> {
    return this.byWay.values();
  }

  /** Adds one that isn't there yet; `kept` isn't the one that makes room. */
  add(candidate: Candidate, kept: Candidate | null): void {
    if (this.byWay.size >= MAX_CANDIDATES) this.evict(kept);
    this.byWay.set(candidate.endpoint, candidate);
  }

  /** Takes out those for which `isWrong` holds. */
  remove(isWrong: (way: Way) => boolean): Candidate[] {
    const wrong = [...this.byWay.values()].filter(({ endpoint }) => isWrong(endpoint));
    for (const { endpoint } of wrong) this.byWay.delete(endpoint);
    return wrong;
  }

  /** Those for which `isMeant` holds, best first. */
  best(isMeant: (candidate: Candidate) => boolean): Candidate[] {
    return [...this.byWay.values()].filter(isMeant).sort(compare);
  }

  some(isMeant: (candidate: Candidate) => boolean): boolean {
    return [...this.byWay.values()].some(isMeant);
  }

  /** The one whose small challenge has this token. */
  challengedBy(token: Uint8Array): Candidate | undefined {
    return [...this.byWay.values()].find(({ probe }) => probe !== null && sameBytes(probe.token, token));
  }

  /** The one whose padded challenge has this token and may be answered from there; its measurement takes the answer. */
  measuredBy(now: number, token: Uint8Array, from: Way): Candidate | undefined {
    return [...this.byWay.values()].find(({ endpoint, mtu }) => canAnswer(from, endpoint) && mtu.answered(now, token));
  }

  /** For a handshake: those that answered, youngest news first; of the others those that were tried least, so that all have their turn. */
  forHandshake(): Way[] {
    const answered = (candidate: Candidate) => candidate.answeredAt ?? Number.NEGATIVE_INFINITY;
    return [...this.byWay.values()]
      .sort((a, b) => answered(b) - answered(a) || a.tries - b.tries || compare(a, b) || b.addedAt - a.addedAt)
      .map(({ endpoint }) => endpoint);
  }

  /** Every candidate and what became of it, best first. `probing`: there's a session to ask with. */
  describe(now: number, inUse: Candidate | null, probing: boolean): CandidateState[] {
    return this.best(() => true).map((candidate) => ({
      endpoint: candidate.endpoint,
      kind: candidate.kind,
      source: candidate.source,
      state: candidate === inUse ? 'in use' : stateOf(candidate, probing),
      rttMs: candidate.rtt,
      answeredMs: candidate.answeredAt === null ? null : now - candidate.answeredAt,
      misses: candidate.misses,
      tries: candidate.tries,
      triedMs: candidate.triedAt === null ? null : now - candidate.triedAt,
      mtu: candidate.answeredAt === null ? null : candidate.mtu.mtu,
    }));
  }

  /** Makes room: the one that never answered and is oldest, else the worst. */
  private evict(kept: Candidate | null): void {
    const spare = [...this.byWay.values()].filter((candidate) => candidate !== kept);
    const [worst] = spare.sort((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0) || a.addedAt - b.addedAt);
    if (worst !== undefined) this.byWay.delete(worst.endpoint);
  }
}

function stateOf(candidate: Candidate, probing: boolean): Exclude<CandidateState['state'], 'in use'> {
  if (candidate.answeredAt === null) return candidate.tries === 0 ? 'untried' : 'no answer';
  if (!probing) return 'worked';
  return works(candidate) ? 'works' : 'stopped answering';
}
