/** UTC days: topics and record keys change with them, so that what lies in the DHT can't be followed for long. */

/** `2026-11-21`. */
export type Day = string;

const DAY_MS = 86_400_000;
/** Clocks before this are certainly wrong. */
const PLAUSIBLE_SINCE = Date.UTC(2026, 0, 1);

/** `unix`: ms since 1970. */
export function dayOf(unix: number): Day {
  return new Date(unix).toISOString().slice(0, 10);
}

/** Yesterday, today and tomorrow: where a member is whose clock is up to a day off, or who is on the other side of midnight. */
export function nearbyDays(unix: number): readonly [Day, Day, Day] {
  return [dayOf(unix - DAY_MS), dayOf(unix), dayOf(unix + DAY_MS)];
}

export function isPlausible(unix: number): boolean {
  return unix >= PLAUSIBLE_SINCE;
}

/** How far the nearest midnight is, in ms. */
export function fromMidnight(unix: number): number {
  const past = unix % DAY_MS;
  return Math.min(past, DAY_MS - past);
}
