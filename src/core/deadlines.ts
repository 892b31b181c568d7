/** Deadlines as data: a machine's timers by name, in ms of whatever clock it's fed with. */
export class Deadlines<Name extends string> {
  private readonly at = new Map<Name, number>();

  set(name: Name, at: number): void {
    this.at.set(name, at);
  }

  clear(name: Name): void {
    this.at.delete(name);
  }

  isSet(name: Name): boolean {
    return this.at.has(name);
  }

  /** The earliest, or Infinity. */
  next(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.at.values());
  }

  /** Names whose time has come, earliest first; they're cleared. */
  due(now: number): Name[] {
    const due = [...this.at].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
    for (const [name] of due) this.at.delete(name);
    return due.map(([name]) => name);
  }
}
