/** MACs that nobody has recorded, learned from what's sent: the model for `native/src/switch/learned.rs`. Time in ms, handed in. */
import type { PeerHandle } from '../device.js';

/** Behind our own interface, or behind a peer. */
export type Place = 'here' | PeerHandle;

export const AGE = 300_000;
export const MOVES = 5_000;
const MAX_OF_PEER = 1_024;
const MAX_HERE = 4_096;
const MAX_LEARNED = 16_384;

interface Entry {
  readonly place: Place;
  readonly heardAt: number;
  readonly cameAt: number;
}

export class Learned {
  /** By MAC in hex. */
  private readonly macs = new Map<string, Entry>();

  find(mac: string, now: number): Place | undefined {
    const entry = this.macs.get(mac);
    return entry !== undefined && now < entry.heardAt + AGE ? entry.place : undefined;
  }

  /** A frame from that MAC has come from that place: null, or why it mustn't. */
  note(mac: string, place: Place, now: number): string | null {
    for (const [old, { heardAt }] of this.macs) if (now >= heardAt + AGE) this.macs.delete(old);
    const entry = this.macs.get(mac);
    if (entry?.place === place) {
      this.macs.set(mac, { ...entry, heardAt: now });
      return null;
    }
    if (entry?.place === 'here') return 'source-mac';
    if (entry !== undefined && place !== 'here' && now < entry.cameAt + MOVES) return 'mac-moves';
    const there = [...this.macs.values()].filter((other) => other.place === place).length;
    if (this.macs.size >= MAX_LEARNED || there >= (place === 'here' ? MAX_HERE : MAX_OF_PEER)) return 'macs-full';
    this.macs.set(mac, { place, heardAt: now, cameAt: now });
    return null;
  }

  forget(peer: PeerHandle): void {
    for (const [mac, { place }] of this.macs) if (place === peer) this.macs.delete(mac);
  }
}
