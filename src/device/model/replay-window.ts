/** The replay window as a set of numbers: slow, obvious, and the model for the one in Rust. */
const WINDOW = 8_192n;

/** Of one lane. A counter is good once, if it's not too far below the greatest that was marked. */
export class ReplayWindow {
  private greatest = -1n;
  private readonly marked = new Set<bigint>();

  /** Looked at before opening: null if it may be opened, else why not. */
  check(counter: bigint): 'too-old' | 'replayed' | null {
    if (counter <= this.greatest - WINDOW) return 'too-old';
    return this.marked.has(counter) ? 'replayed' : null;
  }

  /** Called after opening. */
  mark(counter: bigint): void {
    this.marked.add(counter);
    if (counter <= this.greatest) return;
    this.greatest = counter;
    for (const old of this.marked) if (old <= counter - WINDOW) this.marked.delete(old);
  }
}
