/** Does something a moment after it was asked for, once for all that ask meanwhile. */
export class Soon {
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly ms: number,
    private readonly action: () => void,
  ) {}

  touch(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.action();
    }, this.ms);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
