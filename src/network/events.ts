/** What happened in a network that whoever watches it wants to know: said as it happens. No secret is in any of it. */
import type { RelayTransport, Way } from '../core/way.js';
import type { CandidateKind } from '../paths/candidate.js';

/** A way that frames to a peer take. */
export interface PathUse {
  readonly path: CandidateKind;
  readonly endpoint: Way;
}

/** Which member it's about. */
interface OfPeer {
  /** 16 hex digits. */
  readonly peer: string;
  readonly name: string;
}

export type NetworkEvent =
  /** Frames can go to a member. `addresses`: its overlay addresses with prefix. */
  | ({ readonly kind: 'peer-connected'; readonly addresses: readonly string[] } & OfPeer & PathUse)
  /** They can't any more; `why` in words, null if this side ended it. */
  | ({ readonly kind: 'peer-disconnected'; readonly why: string | null } & OfPeer)
  /** One of the two sides won't have a session. */
  | ({ readonly kind: 'peer-refused'; readonly why: string } & OfPeer)
  /** Frames to a connected member take another way. */
  | ({ readonly kind: 'path-changed'; readonly before: PathUse } & OfPeer & PathUse)
  /** New sessions use the next key of the queue. `key`: its fingerprint; `until`: ms since 1970, Infinity for never. */
  | { readonly kind: 'key-rotated'; readonly key: string; readonly until: number }
  /** The last key has ended: the network stands still; and it goes on, with another one. */
  | { readonly kind: 'key-expired' }
  | { readonly kind: 'key-renewed' }
  /** Logged in at a relay, and no longer. */
  | { readonly kind: 'relay-connected'; readonly relay: string; readonly transport: RelayTransport }
  | { readonly kind: 'relay-lost'; readonly relay: string; readonly transport: RelayTransport; readonly why: string }
  /** `problems`: how many there are now; what's new of them and what's over, in words, as `NetworkSnapshot` has them. */
  | {
      readonly kind: 'health-changed';
      readonly problems: number;
      readonly appeared: readonly string[];
      readonly gone: readonly string[];
    };
