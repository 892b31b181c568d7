/** Keeps each `-peer` resolved while no member was found at it: names may get other addresses. */
import type { Endpoint } from '../core/endpoint.js';
import type { NetworkInput } from '../network/io.js';

const AGAIN_MS = 60_000;

export class StaticPeers {
  private readonly timer: NodeJS.Timeout;
  private readonly errors = new Map<string, string>();
  private stopped = false;

  /** `unanswered` gives the names at which no member was found yet. */
  constructor(
    private readonly peers: readonly string[],
    private readonly resolve: (text: string) => Promise<Endpoint[]>,
    private readonly feed: (input: NetworkInput) => void,
    private readonly unanswered: () => readonly string[],
  ) {
    this.timer = setInterval(() => this.refresh(), AGAIN_MS);
    for (const peer of peers) void this.look(peer);
  }

  /** Resolves those again that didn't answer: at an interval, and when this machine's addresses have changed. */
  refresh(): void {
    const names = this.unanswered();
    for (const peer of this.peers) if (names.includes(peer)) void this.look(peer);
  }

  /** Why the name couldn't be resolved, or null. */
  errorOf(name: string): string | null {
    return this.errors.get(name) ?? null;
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
  }

  private async look(peer: string): Promise<void> {
    const [id, place] = peer.includes('@') ? peer.split('@', 2) : [null, peer];
    let endpoints: Endpoint[] = [];
    try {
      endpoints = await this.resolve(place ?? peer);
      this.errors.delete(peer);
    } catch (error) {
      this.errors.set(peer, error instanceof Error ? error.message : String(error));
    }
    if (!this.stopped)
      this.feed({ kind: 'static-peer', name: peer, id: id === null ? null : (id ?? '').toLowerCase(), endpoints });
  }
}
