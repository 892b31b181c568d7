/** Retry schedules as constant arrays: the wait before each try, in ms; the last is repeated. */
import { fraction, type Random } from './random.js';

/** The wait before try `attempt` (0 is the first), up to a tenth longer so that machines that start together drift apart. */
export function backoff(schedule: readonly number[], attempt: number, random: Random): number {
  const wait = schedule[Math.min(attempt, schedule.length - 1)] ?? 0;
  return wait * (1 + fraction(random) / 10);
}
