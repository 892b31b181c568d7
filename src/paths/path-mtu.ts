/**
 * How large the datagrams of one path may be: found and watched by padded challenges, on the model of RFC 8899 (datagram path
 * MTU discovery). Pure: told what happened and when, it says what to ask.
 *
 *              a question answered                     unanswered three times while the path is alive
 *     search: that's the size, nothing smaller asked   it's too large; after the last one, a new search in ten minutes
 *     watch:  the size still holds                     a black hole: back to the base, and search at once
 *
 * A search asks for the largest size alone; most paths have that. Only if no answer comes, it asks for all at once.
 */
import { sameBytes } from '../core/bytes.js';
import type { Random } from '../core/random.js';
import { BASE_MTU, type Ladder } from './ladder.js';

/** Times that a size is asked for before it's given up (RFC 8899, MAX_PROBES). */
const MAX_PROBES = 3;
/** After a search that didn't reach the top, the next one, in ms (RFC 8899, PMTU_RAISE_TIMER). */
const RAISE_INTERVAL = 600_000;
/** A size that was answered for less than this ago, in ms, isn't asked for again. */
const FRESH = 1_500;
const TOKEN_BYTES = 8;

/** A challenge to be padded to a datagram of `bytes` (UDP payload). */
export interface SizeProbe {
  readonly token: Uint8Array;
  readonly bytes: number;
}

/** Whether the path takes packets of one size. */
interface Question {
  readonly mtu: number;
  /** The same each time it's asked: a late answer counts. */
  readonly token: Uint8Array;
  /** When it was asked first since the path last answered; null: not asked yet. */
  askedAt: number | null;
  /** When it's asked next, or counts as unanswered. */
  dueAt: number;
  misses: number;
}

export class PathMtu {
  private size = BASE_MTU;
  /** Whether anything as large as the base has been answered for. */
  private isProven = false;
  /** Nothing is asked of a path that doesn't answer, and that says nothing about sizes. */
  private isAlive = false;
  private aliveAt = Number.NEGATIVE_INFINITY;
  private confirmedAt = Number.NEGATIVE_INFINITY;
  private raiseAt = Number.POSITIVE_INFINITY;
  /** By size: no more than the ladder has rungs, the base and the floor. */
  private readonly questions = new Map<number, Question>();

  constructor(
    private readonly random: Random,
    private readonly ladder: Ladder,
  ) {
    this.restart();
  }

  /** Bytes of IP packet. */
  get mtu(): number {
    return this.size;
  }

  /** Bytes of UDP payload that a datagram may have. */
  get maxDatagram(): number {
    return this.size - this.ladder.headers;
  }

  /** A size went unanswered, and nothing has shown since that the path answers at all: a small challenge would tell. */
  get wantsSign(): boolean {
    return [...this.questions.values()].some(({ askedAt, misses }) => misses > 0 && this.aliveAt < (askedAt ?? 0));
  }

  deadline(): number {
    if (!this.isAlive) return Number.POSITIVE_INFINITY;
    return Math.min(this.raiseAt, ...[...this.questions.values()].map(({ dueAt }) => dueAt));
  }

  /** It's another path, or may be: everything is measured anew as soon as it answers. */
  restart(): void {
    this.size = BASE_MTU;
    this.isProven = false;
    this.questions.clear();
    this.ask(0, this.ladder.top);
    this.pause();
  }

  /** The path answered a small challenge. */
  alive(now: number): void {
    this.aliveAt = now;
    if (this.isAlive) return;
    this.isAlive = true;
    for (const question of this.questions.values()) question.dueAt = now;
  }

  /** The path left a small challenge unanswered. */
  pause(): void {
    this.isAlive = false;
    for (const question of this.questions.values()) Object.assign(question, { askedAt: null, misses: 0 });
  }

  /** Large datagrams leave by this path: the size that they have is watched. */
  watch(now: number): void {
    if (now >= this.confirmedAt + FRESH) this.ask(now, this.size);
  }

  /** This machine's interface refused a datagram of so many bytes. */
  refused(now: number, bytes: number): void {
    if (bytes <= this.maxDatagram) this.shrink(now);
  }

  /** An answer came. False if the question wasn't asked here. */
  answered(now: number, token: Uint8Array): boolean {
    const question = [...this.questions.values()].find((asked) => sameBytes(asked.token, token));
    if (question === undefined) return false;
    this.questions.delete(question.mtu);
    this.isProven ||= question.mtu >= BASE_MTU;
    if (question.mtu >= this.size) {
      this.size = question.mtu;
      this.confirmedAt = now;
      for (const { mtu } of this.questions.values()) if (mtu <= this.size) this.questions.delete(mtu);
    }
    this.settle(now);
    return true;
  }

  /** `patience`: how long an answer may take, in ms. */
  tick(now: number, patience: number): SizeProbe[] {
    if (!this.isAlive) return [];
    if (this.raiseAt <= now) this.ask(now, this.ladder.top);
    const probes: SizeProbe[] = [];
    for (let question = this.due(now); question !== undefined; question = this.due(now)) {
      if (question.askedAt !== null && this.isGivenUp(now, question)) continue;
      question.askedAt ??= now;
      question.dueAt = now + patience;
      probes.push({ token: question.token, bytes: question.mtu - this.ladder.headers });
    }
    return probes;
  }

  private due(now: number): Question | undefined {
    return [...this.questions.values()].filter(({ dueAt }) => dueAt <= now).sort((a, b) => b.mtu - a.mtu)[0];
  }

  private ask(now: number, mtu: number): void {
    if (mtu === this.ladder.top) this.raiseAt = Number.POSITIVE_INFINITY;
    if (this.questions.has(mtu)) return;
    this.questions.set(mtu, { mtu, token: this.random(TOKEN_BYTES), askedAt: null, dueAt: now, misses: 0 });
  }

  /** All sizes that may be found to pass. */
  private askAll(now: number): void {
    for (const mtu of this.ladder.rungs) if (mtu > this.size) this.ask(now, mtu);
    if (!this.isProven) this.ask(now, BASE_MTU);
  }

  /** Counts a question as unanswered once more; true if that settles it. */
  private isGivenUp(now: number, question: Question): boolean {
    question.misses++;
    if (question.mtu === this.ladder.top && question.misses === 1) this.askAll(now);
    if (question.misses < MAX_PROBES || this.aliveAt < (question.askedAt ?? 0)) return false;
    this.questions.delete(question.mtu);
    if (question.mtu === this.size && this.size > this.ladder.floor) this.shrink(now);
    this.settle(now);
    return true;
  }

  private shrink(now: number): void {
    this.size = this.size > BASE_MTU ? BASE_MTU : this.ladder.floor;
    this.isProven = false;
    this.questions.clear();
    this.askAll(now);
  }

  private settle(now: number): void {
    if (this.questions.size === 0 && this.size < this.ladder.top) this.raiseAt = now + RAISE_INTERVAL;
  }
}
