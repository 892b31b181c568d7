/** Pings that somebody asked for: a sealed challenge on the path in use, and what its answer tells of that path. */
import { BoundedMap } from '../core/bounded-map.js';
import { hex } from '../core/bytes.js';
import type { Random } from '../core/random.js';
import type { Way } from '../core/way.js';
import { TOKEN_BYTES } from '../wire/control.js';
import type { PathKind, Pong } from './io.js';

/** Pings under way; of more than that the oldest go unanswered. */
const MAX_PENDING = 256;

export class Pings {
  private readonly pending = new BoundedMap<string, Omit<Pong, 'rttMs'> & { readonly sentAt: number }>(MAX_PENDING);

  constructor(private readonly random: Random) {}

  /** The token of the challenge that's to be sent there now. */
  ask(now: number, request: number, path: { readonly endpoint: Way; readonly kind: PathKind }): Uint8Array {
    const token = this.random(TOKEN_BYTES);
    this.pending.set(hex(token), { request, path: path.kind, endpoint: path.endpoint, sentAt: now });
    return token;
  }

  /** An answer that was received at `at`; null if it's to no ping. */
  answered(token: Uint8Array, at: number): Pong | null {
    const asked = this.pending.get(hex(token));
    if (asked === undefined) return null;
    this.pending.delete(hex(token));
    const { sentAt, ...rest } = asked;
    return { ...rest, rttMs: Math.max(0, at - sentAt) };
  }
}
