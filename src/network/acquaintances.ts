/** Which identity was seen first at each overlay address: so that another one there is noticed, and shown until somebody has looked at it. */
import { BoundedMap } from '../core/bounded-map.js';
import { moment } from '../core/moment.js';
import type { MemberRecord } from './record.js';

/** Overlay addresses that are remembered; the one that changed hands longest ago goes. */
const MAX_ACQUAINTANCES = 1_024;
/** A change is shown for so long, in ms, unless it's accepted before: a week, so that a person who looks now and then sees it. */
const SHOWN_FOR = 7 * 86_400_000;

export interface Acquaintance {
  /** Overlay address without its prefix length. */
  readonly ip: string;
  /** Peer id of who has it, as a session has proved. */
  readonly id: string;
  readonly name: string;
  /** Since when, in ms since 1970. */
  readonly since: number;
  /** Peer id of who had it before; null if nobody did, or if the change was accepted. */
  readonly before: string | null;
}

export class Acquaintances {
  private readonly byAddress = new BoundedMap<string, Acquaintance>(MAX_ACQUAINTANCES);

  constructor(known: readonly Acquaintance[]) {
    for (const acquaintance of known) this.byAddress.set(acquaintance.ip, acquaintance);
  }

  all(): Acquaintance[] {
    return [...this.byAddress.values()];
  }

  /**
   * A member has proved who it is, at `wall` (ms since 1970). `isHere`: whether the member of that id is connected at this moment; an address
   * that two have at once is a conflict and no change. What has changed in words, empty if only something new was learned; null for nothing.
   */
  met(
    wall: number,
    { peerId, name, addresses }: Pick<MemberRecord, 'peerId' | 'name' | 'addresses'>,
    isHere: (id: string) => boolean,
  ): string[] | null {
    const news = addresses.filter(({ ip }) => {
      const holder = this.byAddress.get(ip)?.id;
      return holder === undefined || (holder !== peerId && !isHere(holder));
    });
    const changes = news.flatMap(({ ip }) => {
      const before = this.byAddress.get(ip)?.id ?? null;
      const now = { ip, id: peerId, name, since: wall, before };
      this.byAddress.set(ip, now);
      return before === null ? [] : [describe(now, before)];
    });
    return news.length === 0 ? null : changes;
  }

  /** A member says by its record which addresses it has: it's the holder of no others any more. Says whether it was of any. */
  moved({ peerId, addresses }: Pick<MemberRecord, 'peerId' | 'addresses'>): boolean {
    const has = new Set(addresses.map(({ ip }) => ip));
    const left = this.all().filter(({ id, ip }) => id === peerId && !has.has(ip));
    for (const { ip } of left) this.byAddress.delete(ip);
    const [first] = left;
    const next = addresses.find(({ ip }) => !this.byAddress.has(ip));
    // It's known as long as before.
    if (first !== undefined && next !== undefined) this.byAddress.set(next.ip, { ...first, ip: next.ip, before: null });
    return left.length > 0;
  }

  /** The changes to this member are as they should be. Says whether there were any. */
  accept(id: string): boolean {
    const changed = this.all().filter((acquaintance) => acquaintance.id === id && acquaintance.before !== null);
    for (const acquaintance of changed) this.byAddress.set(acquaintance.ip, { ...acquaintance, before: null });
    return changed.length > 0;
  }

  /** Since when a member is known, in ms since 1970; null if it never was. */
  knownSince(id: string): number | null {
    const since = this.all().filter((acquaintance) => acquaintance.id === id);
    return since.length === 0 ? null : Math.min(...since.map((acquaintance) => acquaintance.since));
  }

  /** Changes that are neither accepted nor old, in words. */
  problems(wall: number): string[] {
    return this.all().flatMap((acquaintance) => {
      const isShown = acquaintance.before !== null && wall < acquaintance.since + SHOWN_FOR;
      return isShown ? [describe(acquaintance, acquaintance.before)] : [];
    });
  }
}

function describe({ ip, id, name, since }: Acquaintance, before: string): string {
  return `${ip} was ${before}, is ${id} (${name}) since ${moment(since)}; if that's right: p2p peers accept ${id}`;
}
