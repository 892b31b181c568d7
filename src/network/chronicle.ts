/** Tells of members what people and programs that watch want to know: to the log, and as events. */
import type { PathUse } from './events.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';

export class Chronicle {
  constructor(private readonly outbox: Outbox) {}

  connected(peer: Peer): void {
    const { path, endpoint } = peer.pathUse ?? { path: 'none', endpoint: 'none' };
    this.outbox.notable('info', 'peer connected', { ...who(peer), path, endpoint });
    if (peer.pathUse === null) return;
    this.outbox.event({ kind: 'peer-connected', ...who(peer), addresses: peer.addresses, ...peer.pathUse });
  }

  disconnected(peer: Peer, why: string | null): void {
    this.outbox.notable('info', 'peer disconnected', who(peer));
    this.outbox.event({ kind: 'peer-disconnected', ...who(peer), why });
  }

  moved(peer: Peer, before: PathUse, now: PathUse): void {
    this.outbox.event({ kind: 'path-changed', ...who(peer), ...now, before });
  }

  refused(peer: Peer, why: string): void {
    this.outbox.event({ kind: 'peer-refused', ...who(peer), why });
  }
}

function who({ record: { peerId, name } }: Peer) {
  return { peer: peerId, name };
}
