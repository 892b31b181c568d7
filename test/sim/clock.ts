/** Virtual time: things happen in order of their moment, at once as far as the real clock is concerned. */
export class VirtualClock {
  now = 0;
  private readonly queue: { at: number; order: number; run: () => void }[] = [];
  private order = 0;

  at(moment: number, run: () => void): void {
    this.queue.push({ at: Math.max(moment, this.now), order: this.order++, run });
  }

  /** Lets everything happen that's due until `moment`. */
  runUntil(moment: number): void {
    for (;;) {
      const next = this.pop(moment);
      if (next === undefined) break;
      this.now = next.at;
      next.run();
    }
    this.now = moment;
  }

  /** Lets things happen until `condition` holds; throws if it doesn't within `limit` ms. */
  runUntilTrue(condition: () => boolean, limit: number, what: string): number {
    const start = this.now;
    while (!condition()) {
      const next = this.pop(start + limit);
      if (next === undefined) throw new Error(`not within ${limit} ms: ${what}`);
      this.now = next.at;
      next.run();
    }
    return this.now - start;
  }

  private pop(limit: number) {
    let first = -1;
    for (const [i, event] of this.queue.entries()) {
      const best = this.queue[first];
      if (best === undefined || event.at < best.at || (event.at === best.at && event.order < best.order)) first = i;
    }
    const event = this.queue[first];
    if (event === undefined || event.at > limit) return undefined;
    this.queue.splice(first, 1);
    return event;
  }
}
