/**
 * Which way to one peer: probes every endpoint at which it might be, uses the best that answers, notices when it no longer does.
 *
 * While there's no session, candidates are only collected: the handshake goes to them. With one, each is probed by a sealed
 * challenge; the first answer makes a path. Probing for a better one never stops. Pure: told what happened and when, it says what to do.
 */
import { backoff } from '../core/backoff.js';
import { sameBytes } from '../core/bytes.js';
import type { Way } from '../core/way.js';
import {
  type Candidate,
  type CandidateContext,
  type CandidateKind,
  type CandidateSource,
  compare,
  isWorthMoving,
  newCandidate,
  noteTry,
  ranksBelow,
} from './candidate.js';
import { SURE_DATAGRAM } from './ladder.js';

export const MAX_CANDIDATES = 32;
/** Endpoints that one handshake message goes to. */
export const HANDSHAKE_FANOUT = 8;
/** Waits, in ms, between the challenges of a candidate that never answered. */
const UNPROVEN = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/**
 * How often a path is challenged, in ms: the one in use, often enough that a NAT which forgets after 30 s (the least that's in use) stays open,
 * even if one challenge is lost; less often on-link, where there is no NAT; and another that works.
 */
const IN_USE_INTERVAL = { direct: 15_000, lan: 30_000, relay: 15_000 } as const;
const SPARE_INTERVAL = 45_000;
/** How long after a missed challenge a way that once worked is tried again, in ms, while none works: it comes back with the network. */
const RECOVERY_INTERVAL = 500;
/** An answer this young settles that the path works, in ms: the peer merely prefers another way to us. */
const FRESH = 5_000;
/** How long an answer may take, in ms: at least this, or this many round trips. */
const ANSWER_LIMIT = { least: 500, roundTrips: 4 } as const;
/** The same for the path in use when it's in doubt and another is ready: moving there costs nothing, waiting does. */
const DOUBTED_LIMIT = { least: 200, roundTrips: 4 } as const;
/** Who comes by a relay has lost the better way, if that one didn't answer for this long, in ms. */
const FRESH_BESIDE_RELAY = 500;
/** Challenges in a row that a path may leave unanswered. */
const MAX_MISSES = 3;
/**
 * How long after the last path failed the peer is given up, in ms: if all its endpoints could be asked, and at the latest if some wait for
 * that; and how long after the last of those that waited was asked.
 */
const DEAD_AFTER = { asked: 4_000, waiting: 20_000, granted: 1_000 } as const;
/** Weight of a new RTT sample (RFC 6298 section 2). */
const RTT_WEIGHT = 1 / 8;
/** A path that's new is asked again after this, in ms: its first answer was timed while a handshake kept us busy. */
const SECOND_LOOK = 1_000;
const TOKEN_BYTES = 8;
/** The wait of UNPROVEN, by its place, after there was no leave for a challenge at all. */
const PUT_OFF = 4;

export type PathOutput =
  /** `bytes`: the datagram is padded to that (UDP payload), to see whether the path takes it; null: it's as small as can be. */
  | { readonly kind: 'challenge'; readonly to: Way; readonly token: Uint8Array; readonly bytes: number | null }
  /** An endpoint that never answered is to be challenged: `probe` does it when there's leave for that, `putOff` says that there's none. */
  | { readonly kind: 'wish'; readonly to: Way; readonly tries: number }
  /** The endpoint answered for the first time. */
  | { readonly kind: 'proven'; readonly endpoint: Way }
  /** Frames go there from now on; null: nowhere. `maxDatagram`: UDP payload in bytes that the path takes. */
  | {
      readonly kind: 'use';
      readonly endpoint: Way | null;
      readonly path: CandidateKind | 'none';
      readonly maxDatagram: number;
    }
  /** The path in use takes another size of datagrams now. */
  | { readonly kind: 'resize'; readonly endpoint: Way; readonly maxDatagram: number }
  /** Nothing has answered for a while, and the peer doesn't count as connected; the ways that worked are asked on, as long as the session lasts. */
  | { readonly kind: 'dead' };

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

/** The path that frames take. */
export interface CurrentPath {
  readonly endpoint: Way;
  readonly kind: CandidateKind;
  readonly rtt: number | null;
  /** In bytes of IP packet. */
  readonly mtu: number;
}

export class Paths {
  private readonly candidates = new Map<Way, Candidate>();
  private probing = false;
  private inUse: Candidate | null = null;
  private failedAt: number | null = null;
  /** When a challenge that had waited for leave went out. */
  private grantedAt = Number.NEGATIVE_INFINITY;
  /** When the path in use was last asked because of a doubt. */
  private doubtedAt = Number.NEGATIVE_INFINITY;
  /** Of the path in use, as told last. */
  private maxDatagram = 0;

  constructor(private readonly context: CandidateContext) {}

  get current(): CurrentPath | null {
    if (this.inUse === null) return null;
    const { endpoint, kind, rtt, mtu } = this.inUse;
    return { endpoint, kind, rtt, mtu: mtu.mtu };
  }

  has(endpoint: Way): boolean {
    return this.candidates.has(endpoint);
  }

  /** Endpoints for a handshake: those that answered, youngest news first; of the others those that were tried least, so that all have their turn. */
  known(): Way[] {
    const answered = (candidate: Candidate) => candidate.answeredAt ?? Number.NEGATIVE_INFINITY;
    return [...this.candidates.values()]
      .sort((a, b) => answered(b) - answered(a) || a.tries - b.tries || compare(a, b) || b.addedAt - a.addedAt)
      .map(({ endpoint }) => endpoint);
  }

  /** Whether the endpoint ever answered a challenge. */
  isProven(endpoint: Way): boolean {
    return (this.candidates.get(endpoint)?.answeredAt ?? null) !== null;
  }

  /** Every candidate and what became of it, best first. */
  describe(now: number): CandidateState[] {
    return [...this.candidates.values()].sort(compare).map((candidate) => ({
      endpoint: candidate.endpoint,
      kind: candidate.kind,
      source: candidate.source,
      state: this.stateOf(candidate),
      rttMs: candidate.rtt,
      answeredMs: candidate.answeredAt === null ? null : now - candidate.answeredAt,
      misses: candidate.misses,
      tries: candidate.tries,
      triedMs: candidate.triedAt === null ? null : now - candidate.triedAt,
      mtu: candidate.answeredAt === null ? null : candidate.mtu.mtu,
    }));
  }

  /** Endpoints that answered a challenge, best first. */
  proven(): Way[] {
    return [...this.candidates.values()]
      .filter(({ answeredAt }) => answeredAt !== null)
      .sort(compare)
      .map(({ endpoint }) => endpoint);
  }

  deadline(): number {
    if (!this.probing) return Number.POSITIVE_INFINITY;
    const due = [...this.candidates.values()].map((candidate) => this.dueAt(candidate));
    return Math.min(Number.POSITIVE_INFINITY, this.deadAt(), ...due);
  }

  /** Notes an endpoint; a new one is probed at once. */
  add(now: number, endpoint: Way, source: CandidateSource = 'record'): PathOutput[] {
    if (this.candidates.has(endpoint)) return [];
    if (this.candidates.size >= MAX_CANDIDATES) this.evict();
    this.candidates.set(endpoint, newCandidate(this.context, endpoint, source, now));
    return this.tick(now);
  }

  /** Forgets endpoints that can't be candidates any more. */
  prune(now: number, isWrong: (endpoint: Way) => boolean): PathOutput[] {
    const wrong = [...this.candidates.values()].filter(({ endpoint }) => isWrong(endpoint));
    for (const { endpoint } of wrong) this.candidates.delete(endpoint);
    return this.inUse !== null && wrong.includes(this.inUse) ? this.failed(now) : [];
  }

  /** A handshake went there. */
  greeted(now: number, endpoint: Way): void {
    const candidate = this.candidates.get(endpoint);
    if (candidate !== undefined) noteTry(candidate, now);
  }

  /** Something authentic of the peer came from there: one challenge may answer it, without leave. */
  heardFrom(now: number, endpoint: Way, source: CandidateSource): PathOutput[] {
    const outputs = this.add(now, endpoint, source);
    const candidate = this.candidates.get(endpoint);
    if (candidate === undefined || candidate.answeredAt !== null) return outputs;
    candidate.isOwed = true;
    if (candidate.waitsSince !== null) Object.assign(candidate, { waitsSince: null, nextAt: now });
    return [...outputs, ...this.tick(now)];
  }

  /** There's a session to probe with. */
  start(now: number): PathOutput[] {
    if (this.inUse === null) this.failedAt = now;
    this.probing = true;
    return this.probeAll(now);
  }

  /** The session is gone. */
  stop(): PathOutput[] {
    this.probing = false;
    this.failedAt = null;
    for (const candidate of this.candidates.values()) {
      Object.assign(candidate, { probe: null, waitsSince: null });
      candidate.mtu.restart();
    }
    return this.inUse === null ? [] : [this.useNone()];
  }

  /** This machine's addresses changed: what's on-link may have, and what worked may not any more. */
  addressesChanged(now: number): PathOutput[] {
    for (const candidate of this.candidates.values()) {
      candidate.kind = this.context.kindOf(candidate.endpoint);
      candidate.mtu.restart();
    }
    return this.probing ? this.probeAll(now) : [];
  }

  /** An answer to a challenge came; it was received at `at`. */
  answered(now: number, token: Uint8Array, at: number): PathOutput[] {
    const candidate = [...this.candidates.values()].find(
      ({ probe }) => probe !== null && sameBytes(probe.token, token),
    );
    if (candidate === undefined || candidate.probe === null) return this.measured(now, token);
    const sample = Math.max(0, at - candidate.probe.sentAt);
    candidate.rtt = candidate.rtt === null ? sample : smoothed(candidate.rtt, sample);
    const isNew = candidate.answeredAt === null;
    Object.assign(candidate, { probe: null, misses: 0, answeredAt: now, isDoubted: false });
    candidate.mtu.alive(now);
    const outputs = [...(isNew ? [provenOutput(candidate)] : []), ...this.choose(candidate, isNew)];
    const interval = candidate === this.inUse ? IN_USE_INTERVAL[candidate.kind] : SPARE_INTERVAL;
    candidate.nextAt = now + (isNew ? SECOND_LOOK : interval);
    return [...outputs, ...this.measure(now, candidate), ...this.resized()];
  }

  /** Large datagrams leave by the path in use. */
  bulk(now: number): PathOutput[] {
    this.inUse?.mtu.watch(now);
    return this.tick(now);
  }

  /** This machine's interface doesn't take datagrams of so many bytes towards an endpoint. */
  tooLarge(now: number, endpoint: Way, bytes: number): PathOutput[] {
    this.candidates.get(endpoint)?.mtu.refused(now, bytes);
    return this.tick(now);
  }

  /** The peer's datagrams come from an endpoint that frames don't go to. */
  strayed(now: number, from: Way): PathOutput[] {
    const fresh = this.isWorse(from) ? FRESH_BESIDE_RELAY : FRESH;
    const isStale = this.inUse !== null && (this.inUse.answeredAt ?? 0) < now - fresh;
    if (this.candidates.has(from) && !isStale) return [];
    return [...this.heardFrom(now, from, 'strayed'), ...this.doubt(now)];
  }

  /** The path in use is in doubt: it's asked now, and so are the others that worked, to take over if it's silent. */
  doubt(now: number): PathOutput[] {
    this.doubtedAt = now;
    for (const candidate of this.candidates.values()) {
      if (candidate.probe === null && (candidate === this.inUse || works(candidate))) candidate.nextAt = now;
    }
    if (this.inUse !== null) this.inUse.isDoubted = this.hasSpare();
    return this.tick(now);
  }

  /** The system says that an endpoint can't be reached now. */
  unreachable(now: number, endpoint: Way): PathOutput[] {
    const candidate = this.candidates.get(endpoint);
    if (candidate === undefined || candidate !== this.inUse) return [];
    candidate.misses = MAX_MISSES;
    candidate.probe = null;
    candidate.mtu.pause();
    return this.failed(now);
  }

  tick(now: number): PathOutput[] {
    if (!this.probing) return [];
    const outputs: PathOutput[] = [];
    for (const candidate of this.candidates.values()) {
      outputs.push(...this.measure(now, candidate));
      if (this.answerDueAt(candidate) > now) continue;
      if (candidate.probe !== null) this.missed(now, candidate);
      if (candidate.nextAt <= now) outputs.push(this.ask(now, candidate));
    }
    outputs.push(...this.resized());
    if (this.inUse !== null && this.inUse.misses > 0) outputs.push(...this.replaceSilent(now, this.inUse));
    if (now >= this.deadAt()) {
      this.failedAt = null;
      outputs.push({ kind: 'dead' });
    }
    return outputs;
  }

  /** Whether a challenge to the endpoint waits for leave. */
  isWaiting(endpoint: Way): boolean {
    return (this.candidates.get(endpoint)?.waitsSince ?? null) !== null;
  }

  /** There's leave for what was wished for. */
  probe(now: number, endpoint: Way): PathOutput[] {
    const candidate = this.candidates.get(endpoint);
    if (candidate === undefined || candidate.waitsSince === null) return [];
    candidate.waitsSince = null;
    this.grantedAt = now;
    return [this.challenge(now, candidate)];
  }

  /** There won't be leave for what was wished for: it's wished for again later. */
  putOff(now: number, endpoint: Way): void {
    const candidate = this.candidates.get(endpoint);
    if (candidate === undefined) return;
    candidate.waitsSince = null;
    candidate.nextAt = now + backoff(UNPROVEN, Math.max(candidate.misses, PUT_OFF), this.context.random);
  }

  private deadAt(): number {
    if (this.failedAt === null) return Number.POSITIVE_INFINITY;
    const latest = this.failedAt + DEAD_AFTER.waiting;
    if ([...this.candidates.values()].some(({ waitsSince }) => waitsSince !== null)) return latest;
    return Math.min(latest, Math.max(this.failedAt + DEAD_AFTER.asked, this.grantedAt + DEAD_AFTER.granted));
  }

  private stateOf(candidate: Candidate): CandidateState['state'] {
    if (candidate === this.inUse) return 'in use';
    if (candidate.answeredAt !== null && !this.probing) return 'worked';
    if (candidate.answeredAt !== null) return candidate.misses === 0 ? 'works' : 'stopped answering';
    return candidate.tries === 0 ? 'untried' : 'no answer';
  }

  private dueAt(candidate: Candidate): number {
    return Math.min(candidate.mtu.deadline(), this.answerDueAt(candidate));
  }

  private answerDueAt(candidate: Candidate): number {
    if (candidate.waitsSince !== null) return Number.POSITIVE_INFINITY;
    return candidate.probe === null ? candidate.nextAt : candidate.probe.sentAt + answerLimit(candidate);
  }

  /** What answered once may be asked as often as it takes; so may, once, where something authentic came from. */
  private ask(now: number, candidate: Candidate): PathOutput {
    if (candidate.answeredAt !== null || candidate.isOwed) return this.challenge(now, candidate);
    candidate.waitsSince = now;
    return { kind: 'wish', to: candidate.endpoint, tries: candidate.misses };
  }

  private challenge(now: number, candidate: Candidate): PathOutput {
    const token = this.context.random(TOKEN_BYTES);
    candidate.probe = { token, sentAt: now };
    candidate.isOwed = false;
    noteTry(candidate, now);
    return { kind: 'challenge', to: candidate.endpoint, token, bytes: null };
  }

  /** Asks for sizes. One that goes unanswered is no miss of the path, only a reason to ask whether it still answers. */
  private measure(now: number, candidate: Candidate): PathOutput[] {
    const probes = candidate.mtu.tick(now, answerLimit(candidate));
    if (candidate.mtu.wantsSign && candidate.probe === null) candidate.nextAt = Math.min(candidate.nextAt, now);
    return probes.map((probe) => ({ kind: 'challenge', to: candidate.endpoint, ...probe }));
  }

  /** An answer to a padded challenge proves the path like any other. */
  private measured(now: number, token: Uint8Array): PathOutput[] {
    const candidate = [...this.candidates.values()].find(({ mtu }) => mtu.answered(now, token));
    if (candidate === undefined) return [];
    Object.assign(candidate, { misses: 0, answeredAt: now });
    candidate.mtu.alive(now);
    return [...this.choose(candidate, false), ...this.measure(now, candidate), ...this.resized()];
  }

  private resized(): PathOutput[] {
    if (this.inUse === null || this.inUse.mtu.maxDatagram === this.maxDatagram) return [];
    this.maxDatagram = this.inUse.mtu.maxDatagram;
    return [{ kind: 'resize', endpoint: this.inUse.endpoint, maxDatagram: this.maxDatagram }];
  }

  private missed(now: number, candidate: Candidate): void {
    candidate.probe = null;
    candidate.misses++;
    candidate.mtu.pause();
    candidate.nextAt = now + this.waitAfterMiss(candidate);
  }

  /** Another way that answered while the path in use was silent takes over; without one it gets a few more chances. */
  private replaceSilent(now: number, silent: Candidate): PathOutput[] {
    const answeredSince = ({ answeredAt }: Candidate) => answeredAt !== null && answeredAt >= this.doubtedAt;
    const [other] = [...this.candidates.values()]
      .filter((c) => c !== silent && works(c) && answeredSince(c))
      .sort(compare);
    if (other !== undefined) return this.use(other);
    return silent.misses >= MAX_MISSES ? this.failed(now) : [];
  }

  private waitAfterMiss(candidate: Candidate): number {
    if (candidate.answeredAt === null) return backoff(UNPROVEN, candidate.misses, this.context.random);
    if (candidate.misses < MAX_MISSES) return 0;
    return this.inUse === null ? RECOVERY_INTERVAL : backoff(UNPROVEN, candidate.misses, this.context.random);
  }

  /** The path in use answers no more: the next best takes over, and all are asked. */
  private failed(now: number): PathOutput[] {
    const [next] = [...this.candidates.values()].filter(works).sort(compare);
    const switched = next === undefined ? [this.useNone()] : this.use(next);
    if (next === undefined) this.failedAt ??= now;
    return [...switched, ...this.probeAll(now)];
  }

  /** Whether another works, which could take the place of the one in use. */
  private hasSpare(): boolean {
    return [...this.candidates.values()].some((candidate) => candidate !== this.inUse && works(candidate));
  }

  private isWorse(way: Way): boolean {
    const candidate = this.candidates.get(way);
    return this.inUse !== null && candidate !== undefined && ranksBelow(candidate, this.inUse);
  }

  /** An answer on a way that's new, while the path in use is being asked and silent, is what a peer that moved looks like. */
  private choose(candidate: Candidate, isNew: boolean): PathOutput[] {
    if (candidate === this.inUse) return [];
    if (this.inUse === null) return this.use(candidate);
    const doubtful = this.inUse.misses > 0 || (isNew && this.inUse.probe !== null);
    const replaces = this.inUse.misses > 0 || (doubtful && !ranksBelow(candidate, this.inUse));
    return replaces || isWorthMoving(this.inUse, candidate) ? this.use(candidate) : [];
  }

  private use(candidate: Candidate): PathOutput[] {
    this.inUse = candidate;
    this.failedAt = null;
    this.maxDatagram = candidate.mtu.maxDatagram;
    return [{ kind: 'use', endpoint: candidate.endpoint, path: candidate.kind, maxDatagram: this.maxDatagram }];
  }

  private useNone(): PathOutput {
    this.inUse = null;
    return { kind: 'use', endpoint: null, path: 'none', maxDatagram: SURE_DATAGRAM };
  }

  private probeAll(now: number): PathOutput[] {
    for (const candidate of this.candidates.values()) {
      if (candidate.probe === null) candidate.nextAt = now;
    }
    return this.tick(now);
  }

  /** Makes room: the one that never answered and is oldest, else the worst. */
  private evict(): void {
    const spare = [...this.candidates.values()].filter((candidate) => candidate !== this.inUse);
    const [worst] = spare.sort((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0) || a.addedAt - b.addedAt);
    if (worst !== undefined) this.candidates.delete(worst.endpoint);
  }
}

function provenOutput({ endpoint }: Candidate): PathOutput {
  return { kind: 'proven', endpoint };
}

function works(candidate: Candidate): boolean {
  return candidate.answeredAt !== null && candidate.misses === 0;
}

/** A shorter round trip is believed at once: what makes one longer is often this machine being busy. */
function smoothed(rtt: number, sample: number): number {
  return sample < rtt ? sample : rtt + (sample - rtt) * RTT_WEIGHT;
}

function answerLimit(candidate: Candidate): number {
  const { least, roundTrips } = candidate.isDoubted ? DOUBTED_LIMIT : ANSWER_LIMIT;
  return Math.max(least, (candidate.rtt ?? 0) * roundTrips);
}
