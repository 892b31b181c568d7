/** Virtual time: things happen in order of their moment, at once as far as the real clock is concerned. */
import { Heap } from './heap.js';

interface Happening {
  readonly at: number;
  /** Of two at one moment the one that was planned first happens first. */
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock {
  now = 0;
  private readonly queue = new Heap<Happening>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  private order = 0;

  at(moment: number, run: () => void): void {
    this.queue.push({ at: Math.max(moment, this.now), order: this.order++, run });
  }

  /** Lets everything happen that's due until `moment`. */
  runUntil(moment: number): void {
    while (this.step(moment));
    this.now = moment;
  }

  /** Lets things happen until `condition` holds, looked at every `every` ms; throws if it doesn't within `limit` ms. */
  runUntilTrue(condition: () => boolean, limit: number, what: string, every = 0): number {
    const start = this.now;
    while (!condition()) {
      const lookAgain = this.now + every;
      if (!this.step(start + limit)) throw new Error(`not within ${limit} ms: ${what}`);
      while (this.now < lookAgain && this.step(Math.min(lookAgain, start + limit)));
    }
    return this.now - start;
  }

  /** Lets the next thing happen, if it's due until `limit`. */
  private step(limit: number): boolean {
    const next = this.queue.peek();
    if (next === undefined || next.at > limit) return false;
    this.queue.pop();
    this.now = next.at;
    next.run();
    return true;
  }
}
