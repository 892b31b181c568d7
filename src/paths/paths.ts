/**
 * Which way to one peer: probes every endpoint at which it might be, uses the best that answers, notices when it no longer does.
 *
 * While there's no session, candidates are only collected: the handshake goes to them. With one, each is probed by a sealed
 * challenge; the first answer makes a path. Probing for a better one never stops. Pure: told what happened and when, it says what to do.
 */
import { canAnswer, type Way } from '../core/way.js';
import { answerDueAt, answerLimit, MAX_MISSES, waitAfterAnswer, waitAfterMiss, waitWithoutLeave } from './cadence.js';
import {
  type Candidate,
  type CandidateContext,
  type CandidateKind,
  type CandidateSource,
  isWorthMoving,
  newCandidate,
  noteTry,
  ranksBelow,
  works,
} from './candidate.js';
import { type CandidateState, Candidates } from './candidates.js';
import { SURE_DATAGRAM } from './ladder.js';

/** Endpoints that one handshake message goes to. */
export const HANDSHAKE_FANOUT = 8;
/** An answer this young settles that the path works, in ms: the peer merely prefers another way to us. */
const FRESH = 5_000;
/** Who comes by a relay has lost the better way, if that one didn't answer for this long, in ms. */
const FRESH_BESIDE_RELAY = 500;
/**
 * How long after the last path failed the peer is given up, in ms: if all its endpoints could be asked, and at the latest if some wait for
 * that; and how long after the last of those that waited was asked.
 */
const DEAD_AFTER = { asked: 4_000, waiting: 20_000, granted: 1_000 } as const;
/** Weight of a new RTT sample (RFC 6298 section 2). */
const RTT_WEIGHT = 1 / 8;
const TOKEN_BYTES = 8;
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

/** The path that frames take. */
export interface CurrentPath {
  readonly endpoint: Way;
  readonly kind: CandidateKind;
  readonly rtt: number | null;
  /** In bytes of IP packet. */
  readonly mtu: number;
}

export class Paths {
  private readonly candidates = new Candidates();
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
    return this.candidates.get(endpoint) !== undefined;
  }

  /** Endpoints for a handshake, those that are likeliest to bring it there first. */
  known(): Way[] {
    return this.candidates.forHandshake();
  }

  /** Whether the endpoint ever answered a challenge. */
  isProven(endpoint: Way): boolean {
    return (this.candidates.get(endpoint)?.answeredAt ?? null) !== null;
  }

  /** Every candidate and what became of it, best first. */
  describe(now: number): CandidateState[] {
    return this.candidates.describe(now, this.inUse, this.probing);
  }

  /** Endpoints that answered a challenge, best first. */
  proven(): Way[] {
    return this.candidates.best(({ answeredAt }) => answeredAt !== null).map(({ endpoint }) => endpoint);
  }

  deadline(): number {
    if (!this.probing) return Number.POSITIVE_INFINITY;
    const due = Array.from(this.candidates.all(), (candidate) =>
      Math.min(candidate.mtu.deadline(), answerDueAt(candidate)),
    );
    return Math.min(Number.POSITIVE_INFINITY, this.deadAt(), ...due);
  }

  /** Notes an endpoint; a new one is probed at once. */
  add(now: number, endpoint: Way, source: CandidateSource = 'record'): PathOutput[] {
    if (this.has(endpoint)) return [];
    this.candidates.add(newCandidate(this.context, endpoint, source, now), this.inUse);
    return this.tick(now);
  }

  /** Forgets endpoints that can't be candidates any more. */
  prune(now: number, isWrong: (endpoint: Way) => boolean): PathOutput[] {
    const wrong = this.candidates.remove(isWrong);
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
    for (const candidate of this.candidates.all()) {
      Object.assign(candidate, { probe: null, waitsSince: null });
      candidate.mtu.restart();
    }
    return this.inUse === null ? [] : [this.useNone()];
  }

  /** This machine's addresses changed: what's on-link may have, and what worked may not any more. */
  addressesChanged(now: number): PathOutput[] {
    for (const candidate of this.candidates.all()) {
      candidate.kind = this.context.kindOf(candidate.endpoint);
      candidate.mtu.restart();
    }
    return this.probing ? this.probeAll(now) : [];
  }

  /**
   * An answer to a challenge came; it was received at `at`. From elsewhere it proves nothing of where the challenge went: somebody on the way may have
   * led it to the peer.
   */
  answered(now: number, token: Uint8Array, at: number, from: Way): PathOutput[] {
    const candidate = this.candidates.challengedBy(token);
    if (candidate === undefined || candidate.probe === null) return this.measured(now, token, from);
    if (!canAnswer(from, candidate.endpoint)) return [];
    const sample = Math.max(0, at - candidate.probe.sentAt);
    candidate.rtt = candidate.rtt === null ? sample : smoothed(candidate.rtt, sample);
    const isNew = candidate.answeredAt === null;
    Object.assign(candidate, { probe: null, misses: 0, answeredAt: now, isDoubted: false });
    candidate.mtu.alive(now);
    const outputs = [...(isNew ? [provenOutput(candidate)] : []), ...this.choose(candidate, isNew)];
    const place = candidate === this.inUse ? 'in use' : 'spare';
    candidate.nextAt = now + waitAfterAnswer(candidate, isNew ? 'new' : place);
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
    if (this.has(from) && !isStale) return [];
    return [...this.heardFrom(now, from, 'strayed'), ...this.doubt(now)];
  }

  /** The path in use is in doubt: it's asked now, and so are the others that worked, to take over if it's silent. */
  doubt(now: number): PathOutput[] {
    this.doubtedAt = now;
    for (const candidate of this.candidates.all()) {
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
    for (const candidate of this.candidates.all()) {
      outputs.push(...this.measure(now, candidate));
      if (answerDueAt(candidate) > now) continue;
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
    candidate.nextAt = now + waitWithoutLeave(candidate, this.context.random);
  }

  private deadAt(): number {
    if (this.failedAt === null) return Number.POSITIVE_INFINITY;
    const latest = this.failedAt + DEAD_AFTER.waiting;
    if (this.candidates.some(({ waitsSince }) => waitsSince !== null)) return latest;
    return Math.min(latest, Math.max(this.failedAt + DEAD_AFTER.asked, this.grantedAt + DEAD_AFTER.granted));
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
  private measured(now: number, token: Uint8Array, from: Way): PathOutput[] {
    const candidate = this.candidates.measuredBy(now, token, from);
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
    candidate.nextAt = now + waitAfterMiss(candidate, this.inUse === null, this.context.random);
  }

  /** Another way that answered while the path in use was silent takes over; without one it gets a few more chances. */
  private replaceSilent(now: number, silent: Candidate): PathOutput[] {
    const answeredSince = ({ answeredAt }: Candidate) => answeredAt !== null && answeredAt >= this.doubtedAt;
    const [other] = this.candidates.best((c) => c !== silent && works(c) && answeredSince(c));
    if (other !== undefined) return this.use(other);
    return silent.misses >= MAX_MISSES ? this.failed(now) : [];
  }

  /** The path in use answers no more: the next best takes over, and all are asked. */
  private failed(now: number): PathOutput[] {
    const [next] = this.candidates.best(works);
    const switched = next === undefined ? [this.useNone()] : this.use(next);
    if (next === undefined) this.failedAt ??= now;
    return [...switched, ...this.probeAll(now)];
  }

  /** Whether another works, which could take the place of the one in use. */
  private hasSpare(): boolean {
    return this.candidates.some((candidate) => candidate !== this.inUse && works(candidate));
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
    for (const candidate of this.candidates.all()) {
      if (candidate.probe === null) candidate.nextAt = now;
    }
    return this.tick(now);
  }
}

function provenOutput({ endpoint }: Candidate): PathOutput {
  return { kind: 'proven', endpoint };
}

/** A shorter round trip is believed at once: what makes one longer is often this machine being busy. */
function smoothed(rtt: number, sample: number): number {
  return sample < rtt ? sample : rtt + (sample - rtt) * RTT_WEIGHT;
}
