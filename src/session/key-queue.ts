/**
 * Which pre-shared key the sessions of a network are made with, and when the next one takes its place (docs/protocol.md section 4).
 *
 *     entry n is offered    ────────────────────────────┐ rekey: at random, at most a minute before T
 *     entry n+1 is accepted         ┌──────────────── T ┴──────────────────┐ T + 2 min: n is over
 *                             T − 2 min
 *
 * Pure: a moment of the wall clock goes in, in ms since 1970. Everything follows from the entries and that moment alone, but for the
 * random times: so a clock that's set, in either direction, leads to where it would have been had it always been right.
 */
import { hex, sameBytes } from '../core/bytes.js';
import { fraction, type Random } from '../core/random.js';

/**
 * An entry is accepted this long before its turn and after its end, in ms: it's how far two members' clocks may be apart together with
 * the spread of the rekeys.
 */
export const KEY_TOLERANCE = 120_000;
/** Members rekey at a random time within this long before an entry ends, in ms, or in the second half of its turn if that's shorter. */
export const REKEY_SPREAD = 60_000;

export interface KeyEntry {
  /** Names it without giving it away, 8 bytes. */
  readonly id: Uint8Array;
  /** The pre-shared key that sessions mix in, 32 bytes. */
  readonly psk: Uint8Array;
  /** When it ends, in ms since 1970; Infinity for never. Greater than that of the entry before. */
  readonly until: number;
}

/** Of a key's name, how many bytes people are shown. */
const FINGERPRINT_BYTES = 4;

/** What people are shown of a key: 8 hex digits that tell it from others, the same on all members. */
export function fingerprint({ id }: KeyEntry): string {
  return hex(id.subarray(0, FINGERPRINT_BYTES));
}

export class KeyQueue {
  /** When members move on from an entry, by its end. */
  private readonly rekeyAt = new Map<number, number>();
  private list: readonly KeyEntry[] = [];

  /** `entries` in their order; none: all have ended. */
  constructor(
    entries: readonly KeyEntry[],
    private readonly random: Random,
    wall: number,
  ) {
    this.replace(entries, wall);
  }

  get entries(): readonly KeyEntry[] {
    return this.list;
  }

  /** When the last one ends; Infinity for never, −Infinity if there's none. */
  get ends(): number {
    return this.list.at(-1)?.until ?? Number.NEGATIVE_INFINITY;
  }

  /** Other entries; times that were drawn for those that stay are kept. */
  replace(entries: readonly KeyEntry[], wall: number): void {
    this.list = entries;
    let began = wall;
    for (const { until } of entries) {
      if (!this.rekeyAt.has(until)) this.rekeyAt.set(until, until - fraction(this.random) * spread(until - began));
      began = until;
    }
    const ends = new Set(entries.map(({ until }) => until));
    for (const until of this.rekeyAt.keys()) if (!ends.has(until)) this.rekeyAt.delete(until);
  }

  /** The one to make a session with now. Null if the last has ended. */
  current(wall: number): KeyEntry | null {
    const last = this.list.at(-1);
    if (last === undefined || last.until <= wall) return null;
    return this.list.find((entry) => wall < (this.rekeyAt.get(entry.until) ?? entry.until)) ?? last;
  }

  /**
   * The one to offer a peer, with which we have a session under `held`: never one from before that. A peer whose clock is ahead has moved
   * on already, and going back with it would only have both move on again.
   */
  offer(wall: number, held: KeyEntry | null): KeyEntry | null {
    const current = this.current(wall);
    if (current === null || held === null || held.until <= current.until) return current;
    return this.isGood(wall, held) ? held : current;
  }

  /** The one of that id, if a peer may make a session with it now. */
  accept(wall: number, id: Uint8Array): KeyEntry | null {
    const entry = this.list.find((candidate) => sameBytes(candidate.id, id));
    return entry !== undefined && this.isGood(wall, entry) ? entry : null;
  }

  /** Whether sessions under `entry` have to end. */
  isOver(wall: number, entry: KeyEntry): boolean {
    const known = this.list.some(({ id }) => sameBytes(id, entry.id));
    return !known || this.current(wall) === null || entry.until + KEY_TOLERANCE <= wall;
  }

  /** When the entries up to this one were of use last; −Infinity for none. What ended by then can be wiped. */
  outlived(wall: number): number {
    return Math.max(
      Number.NEGATIVE_INFINITY,
      ...this.list.map(({ until }) => until).filter((until) => until + KEY_TOLERANCE <= wall),
    );
  }

  /** The next moment at which something of this changes by itself; Infinity for never. */
  nextChange(wall: number): number {
    const moments = this.list.flatMap(({ until }) => [this.rekeyAt.get(until) ?? until, until, until + KEY_TOLERANCE]);
    return Math.min(Number.POSITIVE_INFINITY, ...moments.filter((moment) => moment > wall));
  }

  private isGood(wall: number, entry: KeyEntry): boolean {
    if (this.current(wall) === null || entry.until + KEY_TOLERANCE <= wall) return false;
    const before = this.list[this.list.indexOf(entry) - 1];
    return before === undefined || before.until - KEY_TOLERANCE <= wall;
  }
}

/** How long before its end an entry may be left, in ms: `turn` is how long it's used. */
function spread(turn: number): number {
  return Math.max(0, Math.min(REKEY_SPREAD, turn / 2));
}
