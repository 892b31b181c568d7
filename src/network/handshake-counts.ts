/** How often members have shaken hands, for whoever measures. */
export interface HandshakeCounts {
  /** Tries to begin one from here. */
  readonly initiated: number;
  /** Sessions that came of one, from either side. */
  readonly completed: number;
  /** Those of them that took the place of another session with the same member. */
  readonly rekeys: number;
}

export class HandshakeCounter {
  private readonly counts = { initiated: 0, completed: 0, rekeys: 0 };

  count(what: keyof HandshakeCounts): void {
    this.counts[what]++;
  }

  list(): HandshakeCounts {
    return { ...this.counts };
  }
}
