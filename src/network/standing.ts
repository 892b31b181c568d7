/** How a peer stands with us: connected or not, since when, and why not. */
import type { PeerSnapshot } from './io.js';

/** Tries of a handshake after which we say that the peer can't be reached. */
const UNREACHABLE_AFTER = 4;

/** How long a member that isn't connected keeps an address that another one claims as well, in ms, unless it said goodbye: longer than a machine takes to start again. */
export const HELD_WHILE_AWAY = 3 * 60_000;

export class Standing {
  private since: number | null = null;
  /** Since when it isn't connected. */
  private awaySince = Number.NEGATIVE_INFINITY;
  private lastError: string | null = null;
  private refused = false;
  private absent = false;

  /** Since when it's connected, in ms, or null. */
  get connectedAt(): number | null {
    return this.since;
  }

  /** Whether it said goodbye, and nothing has been heard of it since. */
  get isAbsent(): boolean {
    return this.absent;
  }

  /** It's known from now on, and not connected. */
  introduced(now: number): void {
    this.awaySince = now;
  }

  /** There's reason to believe that it's there. */
  expected(): void {
    this.absent = false;
  }

  /** It said goodbye. */
  left(): void {
    this.absent = true;
  }

  /** There's a session. */
  agreed(): void {
    this.refused = false;
    this.absent = false;
  }

  /** It's connected; whether that's news. */
  connected(now: number): boolean {
    if (this.since !== null) return false;
    this.since = now;
    return true;
  }

  /** It isn't connected, for a reason in words or for none; whether that's news. */
  disconnected(now: number, why: string | null): boolean {
    if (why !== null) this.lastError = why;
    if (this.since === null) return false;
    this.since = null;
    this.awaySince = now;
    return true;
  }

  /** One of the two sides won't have a session; whether that's news. */
  differs(reason: string): boolean {
    const isNews = !this.refused || this.lastError !== reason;
    this.refused = true;
    this.lastError = reason;
    return isNews;
  }

  /** Until when it keeps what it holds if it doesn't come back; Infinity while it's connected. */
  aroundUntil(): number {
    if (this.since !== null) return Number.POSITIVE_INFINITY;
    return this.absent ? Number.NEGATIVE_INFINITY : this.awaySince + HELD_WHILE_AWAY;
  }

  /** `tries`: of the handshake that's under way. */
  state(isBlocked: boolean, tries: number): PeerSnapshot['state'] {
    if (isBlocked) return 'blocked';
    if (this.since !== null) return 'connected';
    if (this.refused) return 'refused';
    return this.absent || tries >= UNREACHABLE_AFTER ? 'unreachable' : 'connecting';
  }

  /** Why it isn't connected, in words; null if it is, or if there's nothing to say. */
  explanation(state: PeerSnapshot['state']): string | null {
    if (this.since !== null) return null;
    return this.lastError ?? (state === 'unreachable' ? 'no answer at any of its endpoints' : null);
  }
}
