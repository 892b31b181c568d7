/** Probes that wait for the budget: what may go goes at once, the rest in its turn, those that were tried least first. */
import type { Endpoint } from '../core/endpoint.js';
import { ProbeBudget, type ProbeTarget } from './probe-budget.js';

/** Probes that wait. What doesn't find room is asked for again by whoever wanted it, at its own pace. */
export const MAX_WAITING = 8_192;
/** How often those that wait get a turn, in ms: while they lack what all share, and while each lacks what's its own. */
const TURN = { busy: 100, idle: 1_000 } as const;
/** Waiting probes that are looked at in one turn, of each class: what's blocked goes to the end. */
const MAX_LOOKED_AT = 256;
/** Classes by the number of earlier tries: never, once, more often. */
const CLASSES = 3;

export interface Probe extends ProbeTarget {
  readonly what: 'hello' | 'handshake' | 'challenge';
  /** How often it was tried before. */
  readonly tries: number;
  /** Whether it's still of use when its turn comes. */
  isWanted(): boolean;
  send(now: number): void;
}

export interface ProbeCounts {
  /** Datagrams that went to endpoints which had never answered. */
  readonly sent: number;
  /** Those that had to wait for their turn, and those that wait now. */
  readonly putOff: number;
  readonly waiting: number;
}

export class ProbeQueue {
  private readonly budget: ProbeBudget;
  private readonly waiting: readonly Map<string, Probe>[] = Array.from({ length: CLASSES }, () => new Map());
  private turnAt = Number.POSITIVE_INFINITY;
  /** Whether those that wait lack what all share, and not only what's theirs; a new one doesn't go before them then. */
  private contended = false;
  private sent = 0;
  private putOff = 0;

  constructor(now: number) {
    this.budget = new ProbeBudget(now);
  }

  /** Sends the probe now, or lets it wait; false if there's no room for it. */
  ask(now: number, probe: Probe): boolean {
    const key = `${probe.what} ${probe.owner} ${probe.endpoint}`;
    if (this.waiting.some((queue) => queue.has(key))) return true;
    if (!this.contended && this.go(now, probe)) return true;
    if (this.size >= MAX_WAITING) return false;
    this.waiting[Math.min(probe.tries, CLASSES - 1)]?.set(key, probe);
    this.putOff++;
    this.contended ||= this.budget.isSpent(now);
    this.turnAt = Math.min(this.turnAt, now + (this.contended ? TURN.busy : TURN.idle));
    return true;
  }

  /** A member answered a sealed challenge that went there. */
  proven(endpoint: Endpoint, onLink: boolean): void {
    this.budget.prove(endpoint, onLink);
  }

  deadline(): number {
    return this.turnAt;
  }

  tick(now: number): void {
    if (this.turnAt > now) return;
    this.turnAt = Number.POSITIVE_INFINITY;
    this.contended = false;
    for (const queue of this.waiting) this.serve(now, queue);
    this.contended = this.size > 0 && this.budget.isSpent(now);
    if (this.size > 0) this.turnAt = now + (this.contended ? TURN.busy : TURN.idle);
  }

  counts(): ProbeCounts {
    return { sent: this.sent, putOff: this.putOff, waiting: this.size };
  }

  private get size(): number {
    return this.waiting.reduce((sum, queue) => sum + queue.size, 0);
  }

  private serve(now: number, queue: Map<string, Probe>): void {
    let left = Math.min(queue.size, MAX_LOOKED_AT);
    for (const [key, probe] of queue) {
      if (left-- === 0 || this.budget.isSpent(now)) return;
      queue.delete(key);
      if (probe.isWanted() && !this.go(now, probe)) queue.set(key, probe);
    }
  }

  private go(now: number, probe: Probe): boolean {
    if (!this.budget.take(now, probe)) return false;
    this.sent++;
    probe.send(now);
    return true;
  }
}
