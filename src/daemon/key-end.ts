/** Tells when a moment of the wall clock has come, also when that clock is set or the machine sleeps. */

/** Looks at the clock at least this often, in ms. */
const LOOK_MS = 30_000;

export class KeyEnd {
  private timer: NodeJS.Timeout | null = null;

  /** `ends`: Unix time in seconds; null for never. `onEnd` is called once, within `start` if the moment is past. */
  constructor(
    private readonly ends: number | null,
    private readonly onEnd: () => void,
  ) {}

  start(): void {
    if (this.ends === null) return;
    const left = this.ends * 1000 - Date.now();
    if (left <= 0) this.onEnd();
    else this.timer = setTimeout(() => this.start(), Math.min(left, LOOK_MS));
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
