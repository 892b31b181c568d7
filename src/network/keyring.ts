/** The key queue of a network against the wall clock: when to look at it again, what to say of its end, what to wipe. */
import { sameBytes } from '../core/bytes.js';
import { moment } from '../core/moment.js';
import type { Random } from '../core/random.js';
import type { PskChoice } from '../session/io.js';
import { type KeyEntry, KeyQueue } from '../session/key-queue.js';
import type { WallClock } from './wall-clock.js';

/** How long before the end of the last key people are told, in ms, and in words. */
const WARNINGS = [
  { before: 3_600_000, words: 'an hour' },
  { before: 600_000, words: 'ten minutes' },
  { before: 60_000, words: 'a minute' },
] as const;
/** Keys are wiped only once the clock hasn't been set for this long, in ms: one that jumps into the future for a moment must cost nothing. */
const STEADY = 60_000;

/** What a look at the queue led to. */
export interface KeyTurn {
  /** Something to tell people, or null. */
  readonly warning: string | null;
  /** Keys that ended up to this moment (ms since 1970) are of no use any more and have to be wiped; null if there's none. */
  readonly wipe: number | null;
  /** The key that has taken the place of another for new sessions, or null. */
  readonly rotated: KeyEntry | null;
}

export class Keyring implements PskChoice {
  private readonly queue: KeyQueue;
  /** How many of the warnings were given. */
  private warned = 0;
  /** The key that new sessions were made with at the last look. */
  private inUse: KeyEntry | null;
  private dueAt: number;

  constructor(
    entries: readonly KeyEntry[],
    private readonly clock: WallClock,
    random: Random,
    now: number,
  ) {
    this.queue = new KeyQueue(entries, random, clock.at(now));
    this.inUse = this.queue.current(clock.at(now));
    this.dueAt = now;
  }

  get entries(): readonly KeyEntry[] {
    return this.queue.entries;
  }

  /** When `turn` has something to do. */
  deadline(): number {
    return this.dueAt;
  }

  offer(now: number, held: KeyEntry | null): KeyEntry | null {
    return this.queue.offer(this.clock.at(now), held);
  }

  accept(now: number, id: Uint8Array): KeyEntry | null {
    return this.queue.accept(this.clock.at(now), id);
  }

  isOver(now: number, key: KeyEntry): boolean {
    return this.queue.isOver(this.clock.at(now), key);
  }

  /** Whether all keys have ended: the network must stand still. */
  hasRunOut(now: number): boolean {
    return this.queue.current(this.clock.at(now)) === null;
  }

  replace(now: number, entries: readonly KeyEntry[]): void {
    this.queue.replace(entries, this.clock.at(now));
    this.warned = 0;
    this.dueAt = now;
  }

  /** The deadline has come, or the clock was set. */
  turn(now: number): KeyTurn {
    const wall = this.clock.at(now);
    const warning = this.warn(wall);
    const rotated = this.rotate(wall);
    const wipe = this.wipe(now, wall);
    this.dueAt = this.next(now, wall);
    return { warning, wipe, rotated };
  }

  /** What's wrong with the queue, in words. */
  problems(now: number): string[] {
    const left = this.queue.ends - this.clock.at(now);
    if (left > WARNINGS[0].before) return [];
    if (left > 0)
      return [`its last key ends at ${moment(this.queue.ends)}; it stops then, unless p2p set adds another`];
    const when = this.queue.entries.length === 0 ? '' : ` at ${moment(this.queue.ends)}`;
    return [`its last key ended${when}; it goes on as soon as p2p set adds another`];
  }

  private rotate(wall: number): KeyEntry | null {
    const before = this.inUse;
    this.inUse = this.queue.current(wall);
    if (before === null || this.inUse === null || sameBytes(before.id, this.inUse.id)) return null;
    return this.inUse;
  }

  private warn(wall: number): string | null {
    const left = this.queue.ends - wall;
    const due = WARNINGS.filter(({ before }) => left <= before);
    const words = due.at(-1)?.words;
    const isNews = due.length > this.warned;
    this.warned = due.length;
    if (!isNews || words === undefined || left <= 0) return null;
    return `the last key ends at ${moment(this.queue.ends)}, within ${words}: the network stops then, unless p2p set adds another`;
  }

  /** Forgets keys that are over, and overwrites them. */
  private wipe(now: number, wall: number): number | null {
    const outlived = this.queue.outlived(wall);
    if (outlived === Number.NEGATIVE_INFINITY || now < this.clock.steadyAt(STEADY)) return null;
    for (const { psk, until } of this.queue.entries) if (until <= outlived) psk.fill(0);
    this.queue.replace(
      this.queue.entries.filter(({ until }) => until > outlived),
      wall,
    );
    return outlived;
  }

  private next(now: number, wall: number): number {
    const warnings = WARNINGS.map(({ before }) => this.queue.ends - before).filter((at) => at > wall);
    const change = this.clock.when(Math.min(this.queue.nextChange(wall), ...warnings));
    const isWaiting = this.queue.outlived(wall) !== Number.NEGATIVE_INFINITY;
    return Math.max(now, isWaiting ? Math.min(change, this.clock.steadyAt(STEADY)) : change);
  }
}
