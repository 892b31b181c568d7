/** Counts what the control plane dropped, by reason. The reasons are names in the code, so there are only so many. */

/** Why an input led to nothing: a counter's name. Null if it did lead to something. */
export type DropReason = string | null;

export class Drops {
  private readonly counts = new Map<string, number>();

  count(reason: DropReason): void {
    if (reason !== null) this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  list(): Record<string, number> {
    return Object.fromEntries(this.counts);
  }
}
