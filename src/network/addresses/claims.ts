/** Who has an overlay address when several say that they do. What it rests on is signed, so that all who know the records decide alike. */
import type { Cidr } from '../../core/ip.js';
import type { MemberRecord } from '../record.js';

/** An address that was chosen, and when, in ms since 1970. */
export interface ChosenAddress {
  /** With its prefix length. */
  readonly address: string;
  readonly since: number;
}

export interface Claim extends Cidr {
  /** Peer id. */
  readonly by: string;
  /** When the member chose the address by itself, in ms since 1970 by its own clock; null: people gave it. */
  readonly chosenAt: number | null;
}

/** What a member says is its own. The first address of one that chose it is that one; it may have others besides. */
export function claimsOf({
  addresses,
  claimedAt,
  peerId,
}: Pick<MemberRecord, 'addresses' | 'claimedAt' | 'peerId'>): Claim[] {
  return addresses.map(({ ip, prefix }, i) => ({ ip, prefix, by: peerId, chosenAt: i === 0 ? claimedAt : null }));
}

/**
 * Whether the address is the first one's rather than the other's: one that was given beats one that was chosen, then the earlier choice wins,
 * then the lower peer id. Clocks that are wrong decide otherwise than they should, but the same everywhere. Of two that were given neither wins.
 */
export function outranks(one: Claim, other: Claim): boolean {
  if (one.chosenAt === null || other.chosenAt === null) return one.chosenAt === null && other.chosenAt !== null;
  if (one.chosenAt !== other.chosenAt) return one.chosenAt < other.chosenAt;
  return one.by < other.by;
}
