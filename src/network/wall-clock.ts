/** The wall clock as the machine knows it: how far it's from the monotonic one. It's told; it reads nothing. */

/** A clock that drifts less than this between two looks, in ms, hasn't been set. */
const DRIFT = 1_000;

export class WallClock {
  private offset: number;
  private steadySince: number;

  /** `wall`: ms since 1970 at `now` (ms, monotonic). */
  constructor(now: number, wall: number) {
    this.offset = wall - now;
    this.steadySince = now;
  }

  /** What the clock shows now. */
  set(now: number, wall: number): void {
    const offset = wall - now;
    if (Math.abs(offset - this.offset) > DRIFT) this.steadySince = now;
    this.offset = offset;
  }

  /** ms since 1970 at `now`. */
  at(now: number): number {
    return now + this.offset;
  }

  /** When, on the monotonic clock, the wall clock will show `wall`. */
  when(wall: number): number {
    return wall - this.offset;
  }

  /** When nobody will have set it for `ms`. */
  steadyAt(ms: number): number {
    return this.steadySince + ms;
  }
}
