/** A token bucket: so many at once, then so many a second; time in ms of whatever clock it's fed with. */

export interface Rate {
  /** Tokens that it holds when it's full. */
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  private tokens: number;

  /** Full at `at`. */
  constructor(
    private readonly rate: Rate,
    private at: number,
  ) {
    this.tokens = rate.burst;
  }

  /** Whether there's a token now. */
  has(now: number): boolean {
    this.fill(now);
    return this.tokens >= 1;
  }

  /** Takes one; call it only if there is one. */
  take(): void {
    this.tokens -= 1;
  }

  /** Takes `tokens` of them, or none. */
  takeSome(now: number, tokens: number): boolean {
    this.fill(now);
    if (this.tokens < tokens) return false;
    this.tokens -= tokens;
    return true;
  }

  private fill(now: number): void {
    const { burst, perSecond } = this.rate;
    this.tokens = Math.min(burst, this.tokens + (Math.max(0, now - this.at) * perSecond) / 1000);
    this.at = now;
  }
}
