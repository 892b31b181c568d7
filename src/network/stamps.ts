/** The greatest stamp seen of each identity, whatever carried it: what isn't greater was sent before, or is a replay. */
import { BoundedMap } from '../core/bounded-map.js';
import { hex } from '../core/bytes.js';
import type { Stamp } from '../core/stamp.js';

/** Identities whose last stamp is remembered; the one heard of longest ago goes. */
const MAX_IDENTITIES = 4_096;

export class Stamps {
  private readonly greatest = new BoundedMap<string, Stamp>(MAX_IDENTITIES);

  /** 0 for an identity that was never heard of. */
  last(identity: Uint8Array): Stamp {
    return this.greatest.get(hex(identity)) ?? 0n;
  }

  /** Whether a stamp is greater than all before; if so it's remembered. */
  isNews(identity: Uint8Array, stamp: Stamp): boolean {
    if (stamp <= this.last(identity)) return false;
    this.greatest.set(hex(identity), stamp);
    return true;
  }
}
