/** Tests wait for what they need, never for a time. */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two looks, in ms. */
const INTERVAL = 50;
/** When a wait is given up, in ms: far above what's needed, so that a loaded machine fails no test. */
const LIMIT = 45_000;

/** What's waited for can't come any more. */
export class GiveUp extends Error {}

/**
 * Looks until `condition` gives something true, and returns that. A condition that throws counts as not yet true,
 * unless it's a `GiveUp`.
 * Rejects after `limit` ms, with what was waited for and what was seen last.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  limit = LIMIT,
): Promise<T> {
  const end = Date.now() + limit;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const seen = await condition();
      if (seen !== false && seen !== null && seen !== undefined) return seen;
      last = seen;
    } catch (error) {
      if (error instanceof GiveUp) throw error;
      last = error;
    }
    await pause(INTERVAL);
  }
  const seen = last instanceof Error ? last.message : String(last);
  throw new Error(`waited ${limit / 1000} s for: ${what}\nlast seen: ${seen}`);
}

/** How long something took, in ms. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: Math.round(performance.now() - start) };
}
