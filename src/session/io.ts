/** What a session machine needs from the network that it's in, and what it gives back. */

import type { Random } from '../core/random.js';
import type { Stamp } from '../core/stamp.js';
import type { Way } from '../core/way.js';
import type { Notice, ReplyKeys } from '../wire/replies.js';
import type { HandshakeKeys, Responder } from './handshake.js';
import type { KeyEntry } from './key-queue.js';
import type { Role } from './live-sessions.js';

export type SessionOutput =
  /** To `to`, or to wherever the peer may be. */
  | { readonly kind: 'send'; readonly datagram: Uint8Array; readonly to: Way | null }
  /** `answered`: the MAC of the message 1, 16 bytes. */
  | {
      readonly kind: 'send-cookie';
      readonly to: Way;
      readonly receiverIndex: number;
      readonly answered: Uint8Array;
    }
  | { readonly kind: 'install'; readonly keys: InstallKeys }
  | { readonly kind: 'drop'; readonly localIndex: number }
  /** Datagrams can be sealed from now on; `from` is where the proof of it came from. */
  | { readonly kind: 'established'; readonly localIndex: number; readonly from: Way; readonly role: Role }
  /** The last session is over. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'refused'; readonly notice: Notice };

export interface InstallKeys {
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly sealKey: Uint8Array;
  readonly openKey: Uint8Array;
  readonly use: 'seal-now' | 'seal-when-heard';
  readonly lifetime: number;
}

/** What a session needs from the network that it's in. */
export interface SessionContext {
  readonly keys: HandshakeKeys;
  readonly psks: PskChoice;
  readonly ownAdmission: Uint8Array;
  readonly noticeKeys: ReplyKeys;
  readonly cookieKeys: ReplyKeys;
  readonly random: Random;
  /** A random index that's free on the device. */
  newIndex(): number;
  stamp(): Stamp;
  /** Our member record as it is now. */
  record(): Uint8Array;
}

/** The key queue at a moment (ms, monotonic); `KeyQueue` says what each means. */
export interface PskChoice {
  offer(now: number, held: KeyEntry | null): KeyEntry | null;
  accept(now: number, id: Uint8Array): KeyEntry | null;
  isOver(now: number, key: KeyEntry): boolean;
}

export interface Remote {
  readonly responder: Responder;
  /** Whether our message wins when both sides send one at once: ours is the lower identity. */
  readonly weWin: boolean;
}
