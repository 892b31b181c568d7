/** What's wrong in a network, in plain words: some of it is seen and remembered for a while, the rest follows from the members' records. */
import { BoundedMap } from '../core/bounded-map.js';
import { formatMac } from '../core/mac.js';
import type { MemberRecord } from './record.js';

const MAX_PROBLEMS = 32;
/** How long something that was seen once is shown. */
const SHOWN_FOR = 10 * 60_000;

export class Problems {
  private readonly seen = new BoundedMap<string, number>(MAX_PROBLEMS);

  /** Notes a problem; true if it's news. */
  note(now: number, text: string): boolean {
    const before = this.seen.get(text);
    this.seen.set(text, now);
    return before === undefined || before < now - SHOWN_FOR;
  }

  /** `holderOf`: who holds an address, in words. */
  list(
    now: number,
    own: MemberRecord,
    others: readonly MemberRecord[],
    holderOf: (ip: string) => string | null,
  ): string[] {
    const recent = [...this.seen].filter(([, at]) => at >= now - SHOWN_FOR).map(([text]) => text);
    return [...recent, ...conflicts(own, others, holderOf)];
  }
}

/** Addresses and MACs that more than one member claims. */
function conflicts(
  own: MemberRecord,
  others: readonly MemberRecord[],
  holderOf: (ip: string) => string | null,
): string[] {
  const all = [own, ...others];
  const addresses = severalOf(all, (record) => record.addresses.map(({ ip }) => ip));
  const macs = severalOf(all, (record) => [formatMac(record.mac)]);
  return [
    ...addresses.map(([ip, who]) => `address ${ip} is claimed by ${who}${held(holderOf(ip))}`),
    ...macs.map(([mac, who]) => `MAC ${mac} is claimed by ${who}`),
  ];
}

/** What several claim, and who does. */
function severalOf(records: readonly MemberRecord[], claims: (record: MemberRecord) => string[]): [string, string][] {
  const claimants = new Map<string, string[]>();
  for (const record of records)
    for (const claim of new Set(claims(record)))
      claimants.set(claim, [...(claimants.get(claim) ?? []), `${record.name} (${record.peerId})`]);
  return [...claimants].filter(([, who]) => who.length > 1).map(([claim, who]) => [claim, who.join(' and ')]);
}

function held(holder: string | null): string {
  return holder === null ? '' : `; ${holder} holds it`;
}
