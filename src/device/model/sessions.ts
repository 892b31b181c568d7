/** A device's sessions: which one opens, which one seals, when one ends. The model for the table in Rust. */
import type { PeerHandle, SessionKeys } from '../device.js';
import { ReplayWindow } from './replay-window.js';

export const MAX_LANES = 16;

export class SessionEntry {
  heard: boolean;
  nextCounter = 0n;
  private readonly windows = new Map<number, ReplayWindow>();

  constructor(
    readonly keys: SessionKeys,
    readonly endsAt: number,
  ) {
    this.heard = keys.use === 'seal-now';
  }

  window(lane: number): ReplayWindow {
    const window = this.windows.get(lane) ?? new ReplayWindow();
    this.windows.set(lane, window);
    return window;
  }
}

export class Sessions {
  /** In the order in which they came into use: the last that was heard seals. */
  private entries: SessionEntry[] = [];

  install(now: number, keys: SessionKeys): void {
    this.entries.push(new SessionEntry(keys, now + keys.lifetime));
  }

  drop(localIndex: number): void {
    this.entries = this.entries.filter((entry) => entry.keys.localIndex !== localIndex);
  }

  dropPeer(peer: PeerHandle): void {
    this.entries = this.entries.filter((entry) => entry.keys.peer !== peer);
  }

  opening(localIndex: number): SessionEntry | undefined {
    return this.entries.find((entry) => entry.keys.localIndex === localIndex);
  }

  sealing(peer: PeerHandle): SessionEntry | undefined {
    return this.entries.findLast((entry) => entry.keys.peer === peer && entry.heard);
  }

  /** The first datagram of a session was opened: it seals from now on. */
  hear(entry: SessionEntry): void {
    entry.heard = true;
    this.entries = [...this.entries.filter((other) => other !== entry), entry];
  }

  /** Peers with a session that seals. */
  reachable(): PeerHandle[] {
    return [...new Set(this.entries.filter((entry) => entry.heard).map((entry) => entry.keys.peer))];
  }

  nextEnd(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.entries.map(({ endsAt }) => endsAt));
  }

  /** Takes those out whose lifetime is over. */
  expire(now: number): SessionKeys[] {
    const over = this.entries.filter(({ endsAt }) => endsAt <= now);
    this.entries = this.entries.filter(({ endsAt }) => endsAt > now);
    return over.map(({ keys }) => keys);
  }
}
