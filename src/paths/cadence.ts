/** When a way is asked whether it works, and how long its answer may take. */
import { backoff } from '../core/backoff.js';
import type { Random } from '../core/random.js';
import type { Candidate } from './candidate.js';

/** Waits, in ms, between the challenges of a candidate that never answered. */
const UNPROVEN = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/** The wait of UNPROVEN, by its place, after there was no leave for a challenge at all. */
const PUT_OFF = 4;
/**
 * How often a path is challenged, in ms: the one in use, often enough that a NAT which forgets after 30 s (the least that's in use) stays open,
 * even if one challenge is lost; less often on-link, where there is no NAT; and another that works.
 */
const IN_USE_INTERVAL = { direct: 15_000, lan: 30_000, relay: 15_000 } as const;
const SPARE_INTERVAL = 45_000;
/** A path that's new is asked again after this, in ms: its first answer was timed while a handshake kept us busy. */
const SECOND_LOOK = 1_000;
/** How long after a missed challenge a way that once worked is tried again, in ms, while none works: it comes back with the network. */
const RECOVERY_INTERVAL = 500;
/** How long an answer may take, in ms: at least this, or this many round trips. */
const ANSWER_LIMIT = { least: 500, roundTrips: 4 } as const;
/** The same for the path in use when it's in doubt and another is ready: moving there costs nothing, waiting does. */
const DOUBTED_LIMIT = { least: 200, roundTrips: 4 } as const;
/** Challenges in a row that a path may leave unanswered. */
export const MAX_MISSES = 3;

/** In ms from when a challenge went out. */
export function answerLimit({ isDoubted, rtt }: Candidate): number {
  const { least, roundTrips } = isDoubted ? DOUBTED_LIMIT : ANSWER_LIMIT;
  return Math.max(least, (rtt ?? 0) * roundTrips);
}

/** When the answer to a challenge runs out, or else the next challenge is due; in ms, Infinity while it waits for leave. */
export function answerDueAt(candidate: Candidate): number {
  if (candidate.waitsSince !== null) return Number.POSITIVE_INFINITY;
  return candidate.probe === null ? candidate.nextAt : candidate.probe.sentAt + answerLimit(candidate);
}

/** How long after an answer the next challenge goes out, in ms. `place`: what the candidate is now. */
export function waitAfterAnswer({ kind }: Candidate, place: 'new' | 'in use' | 'spare'): number {
  if (place === 'new') return SECOND_LOOK;
  return place === 'in use' ? IN_USE_INTERVAL[kind] : SPARE_INTERVAL;
}

/** The same after a challenge went unanswered. `isCutOff`: no way to the peer works. */
export function waitAfterMiss({ answeredAt, misses }: Candidate, isCutOff: boolean, random: Random): number {
  if (answeredAt === null) return backoff(UNPROVEN, misses, random);
  if (misses < MAX_MISSES) return 0;
  return isCutOff ? RECOVERY_INTERVAL : backoff(UNPROVEN, misses, random);
}

/** The same after there was no leave for a challenge. */
export function waitWithoutLeave({ misses }: Candidate, random: Random): number {
  return backoff(UNPROVEN, Math.max(misses, PUT_OFF), random);
}
