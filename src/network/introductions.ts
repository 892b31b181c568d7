/** Finds out who is behind a pseudonym at a relay: a sealed hello goes there, and the hello back brings the member's record. */
import { BoundedMap } from '../core/bounded-map.js';
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import type { Random } from '../core/random.js';
import type { RelayWay } from '../core/way.js';
import { answers, type HelloBack } from '../wire/hello.js';

/** Pseudonyms at all relays that are asked or known. */
const MAX_WAYS = 2_048;
/** Waits, in ms, between the hellos to one pseudonym; then, and while its member is known, it's looked at this often. */
const ASK_AGAIN = [500, 1_500, 3_000, 15_000] as const;
const LOOK_AGAIN = 30_000;
/** Hellos whose answers may still come. */
const REMEMBERED_HELLOS = 4;

interface Stranger {
  tries: number;
  nextAt: number;
  readonly nonces: Uint8Array[];
}

export class Introductions {
  private readonly strangers = new BoundedMap<RelayWay, Stranger>(MAX_WAYS);

  constructor(
    private readonly random: Random,
    /** Whether a member is known to be reached that way. */
    private readonly isKnown: (way: RelayWay) => boolean,
  ) {}

  /** Others are there. */
  joined(now: number, ways: readonly RelayWay[]): void {
    for (const way of ways)
      if (!this.strangers.has(way)) this.strangers.set(way, { tries: 0, nextAt: now, nonces: [] });
  }

  left(ways: readonly RelayWay[]): void {
    for (const way of ways) this.strangers.delete(way);
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { nextAt } of this.strangers.values()) next = Math.min(next, nextAt);
    return next;
  }

  /** The hellos to send now; `nonce`: 24 bytes. */
  tick(now: number): { readonly to: RelayWay; readonly nonce: Uint8Array }[] {
    return [...this.strangers].flatMap(([to, stranger]) => {
      if (stranger.nextAt > now) return [];
      if (this.isKnown(to)) {
        Object.assign(stranger, { tries: 0, nextAt: now + LOOK_AGAIN });
        return [];
      }
      stranger.nextAt = now + (ASK_AGAIN[Math.min(stranger.tries++, ASK_AGAIN.length - 1)] ?? LOOK_AGAIN);
      const nonce = this.random(XAES_NONCE_BYTES);
      stranger.nonces.push(nonce);
      if (stranger.nonces.length > REMEMBERED_HELLOS) stranger.nonces.shift();
      return [{ to, nonce }];
    });
  }

  /** Whether this answers a hello of ours. Where it came from doesn't matter: it's sealed, and names the hello. */
  answered(back: HelloBack): boolean {
    return [...this.strangers.values()].some(({ nonces }) => nonces.some((nonce) => answers(back, nonce)));
  }
}
