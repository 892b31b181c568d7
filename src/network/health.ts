/** Notices when what's wrong in a network becomes something else: a moment after anything that may have to do with it, so that much at once is looked at once. */
import type { Outbox } from './outbox.js';

/** From what happened to the look at it, in ms. */
const SETTLE = 1_000;
/** While something is wrong it's looked at this often, in ms: some problems end by time alone. */
const LOOK_AGAIN = 60_000;
/** Of each, one event tells as many. */
const MAX_TOLD = 16;

export class Health {
  private dueAt = Number.POSITIVE_INFINITY;
  private known: readonly string[] = [];

  constructor(
    /** All that's wrong at a moment, in words. */
    private readonly problems: (now: number) => readonly string[],
    private readonly outbox: Outbox,
  ) {}

  deadline(): number {
    return this.dueAt;
  }

  mayHaveChanged(now: number): void {
    this.dueAt = Math.min(this.dueAt, now + SETTLE);
  }

  tick(now: number): void {
    if (now < this.dueAt) return;
    const problems = [...new Set(this.problems(now))];
    this.dueAt = problems.length === 0 ? Number.POSITIVE_INFINITY : now + LOOK_AGAIN;
    const appeared = without(problems, this.known);
    const gone = without(this.known, problems);
    this.known = problems;
    if (appeared.length + gone.length === 0) return;
    const [first, over] = [appeared.slice(0, MAX_TOLD), gone.slice(0, MAX_TOLD)];
    this.outbox.push({
      kind: 'event',
      event: { kind: 'health-changed', problems: problems.length, appeared: first, gone: over },
    });
  }
}

function without(texts: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return texts.filter((text) => !known.has(text));
}
