/** What happens in all networks, for whoever listens: each network's own events, and what becomes of the network itself. */
import type { NetworkEvent } from '../network/events.js';
import type { DaemonEvent } from '../rpc/event-info.js';
import type { Lost } from '../rpc/streams.js';
import { Feed } from './feed.js';

/** What becomes of a network as the daemon keeps it. */
export type LifeEvent =
  | { readonly kind: 'network-started'; readonly port: number }
  | { readonly kind: 'network-stopped'; readonly why: string }
  | { readonly kind: 'network-failed'; readonly why: string; readonly retryMs: number };

/** Which network it's about. */
export interface OfNetwork {
  readonly id: string;
  readonly device: string;
}

export class Events {
  private readonly feed = new Feed<DaemonEvent>('events');

  /** `wall`: ms since 1970. */
  constructor(private readonly wall: () => number) {}

  get subscribers(): number {
    return this.feed.subscribers;
  }

  get lostItems(): number {
    return this.feed.lostItems;
  }

  tell({ id, device }: OfNetwork, event: NetworkEvent | LifeEvent): void {
    if (this.feed.subscribers === 0) return;
    this.feed.publish({ time: new Date(this.wall()).toISOString(), network: id, device, ...plain(event) });
  }

  /** From now on, of the network with that id or (null) of all, until `gone`. Throws an `RpcError` if too many listen already. */
  subscribe(network: string | null, gone: AbortSignal): AsyncIterable<DaemonEvent | Lost> {
    return this.feed.subscribe({ gone, wants: (event) => network === null || event.network === network });
  }

  close(): void {
    this.feed.close();
  }
}

/** As it travels: JSON has no Infinity, and nothing in it is shared with a machine. */
function plain(event: NetworkEvent | LifeEvent) {
  switch (event.kind) {
    case 'peer-connected':
      return { ...event, addresses: [...event.addresses] };
    case 'key-rotated':
      return { ...event, until: Number.isFinite(event.until) ? Math.round(event.until / 1000) : null };
    case 'health-changed':
      return { ...event, appeared: [...event.appeared], gone: [...event.gone] };
    default:
      return event;
  }
}
