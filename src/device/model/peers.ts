/** What a device keeps of each peer: where its frames go, its counters, and how long it has been silent. */
import type { Way } from '../../core/way.js';
import type { DeviceEvent, PeerCounters, PeerHandle } from '../device.js';

/** Larger datagrams are `bulk` (device.ts), told of at this interval, in ms. */
const SURE_DATAGRAM = 1_232;
const BULK_INTERVAL = 2_000;
/** How long frames may go out before something comes back (device.ts, `silent`), and between two `strayed`, in ms. */
const SILENCE = 1_500;
const STRAY_INTERVAL = 1_000;

interface PeerEntry {
  endpoint: Way | null;
  counters: PeerCounters;
  /** Since when nothing came back; told once. */
  unansweredSince: number | null;
  toldSilent: boolean;
  strayedAt: number;
  bulkAt: number;
}

export class Peers {
  private readonly entries = new Map<PeerHandle, PeerEntry>();

  constructor(private readonly emit: (event: DeviceEvent) => void) {}

  /** One that was never set, as the control plane should have, counts as one without MACs. */
  know(peer: PeerHandle): void {
    this.entry(peer);
  }

  drop(peer: PeerHandle): void {
    this.entries.delete(peer);
  }

  dropAll(): void {
    this.entries.clear();
  }

  counters(): PeerCounters[] {
    return [...this.entries.values()].map(({ counters }) => counters);
  }

  endpointOf(peer: PeerHandle): Way | null {
    return this.entry(peer).endpoint;
  }

  setEndpoint(peer: PeerHandle, endpoint: Way | null): void {
    this.entry(peer).endpoint = endpoint;
  }

  /** A frame of so many bytes goes to it. */
  frameOut(peer: PeerHandle, bytes: number): void {
    const entry = this.entry(peer);
    const { counters } = entry;
    entry.counters = { ...counters, framesOut: counters.framesOut + 1, bytesOut: counters.bytesOut + bytes };
  }

  /** One came from it. */
  frameIn(peer: PeerHandle, bytes: number): void {
    const entry = this.entry(peer);
    const { counters } = entry;
    entry.counters = { ...counters, framesIn: counters.framesIn + 1, bytesIn: counters.bytesIn + bytes };
  }

  /** It's to react to what was sent. */
  await(now: number, peer: PeerHandle): void {
    this.entry(peer).unansweredSince ??= now;
  }

  /** A datagram of so many bytes leaves for it. */
  sized(at: number, peer: PeerHandle, bytes: number): void {
    const entry = this.entry(peer);
    if (bytes <= SURE_DATAGRAM || at < entry.bulkAt + BULK_INTERVAL) return;
    entry.bulkAt = at;
    this.emit({ kind: 'bulk', at, peer });
  }

  /** A datagram of its opened. */
  heard(at: number, peer: PeerHandle): void {
    const entry = this.entry(peer);
    entry.counters = { ...entry.counters, heardAt: at };
    entry.unansweredSince = null;
    entry.toldSilent = false;
  }

  /** It came from there, which may be elsewhere than its frames go to. */
  cameFrom(at: number, peer: PeerHandle, from: Way): void {
    const entry = this.entry(peer);
    if (from === entry.endpoint || at < entry.strayedAt + STRAY_INTERVAL) return;
    entry.strayedAt = at;
    this.emit({ kind: 'strayed', at, peer, from });
  }

  /** When `tick` has something to do. */
  deadline(): number {
    const silences = [...this.entries.values()].map(
      ({ unansweredSince, toldSilent }) => (toldSilent ? null : unansweredSince) ?? Number.POSITIVE_INFINITY,
    );
    return Math.min(Number.POSITIVE_INFINITY, ...silences.map((since) => since + SILENCE));
  }

  tick(at: number): void {
    for (const [peer, entry] of this.entries) {
      if (entry.toldSilent || entry.unansweredSince === null || entry.unansweredSince + SILENCE > at) continue;
      entry.toldSilent = true;
      this.emit({ kind: 'silent', at, peer });
    }
  }

  private entry(peer: PeerHandle): PeerEntry {
    const entry = this.entries.get(peer) ?? newPeer(peer);
    this.entries.set(peer, entry);
    return entry;
  }
}

function newPeer(peer: PeerHandle): PeerEntry {
  const counters = { peer, framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, heardAt: null };
  const never = Number.NEGATIVE_INFINITY;
  return { endpoint: null, counters, unansweredSince: null, toldSilent: false, strayedAt: never, bulkAt: never };
}
