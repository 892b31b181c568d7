/** Which identity was seen first at each overlay address: so that another one there is noticed, and shown until somebody has looked at it. */
import { BoundedMap } from '../core/bounded-map.js';
import { moment } from '../core/moment.js';

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

/** How long after a member was first met by an address another one counts as having come at the same time, in ms. */
const AT_ONCE = 60_000;

/** A member that claims an address. */
export interface Claimant {
  readonly record: { readonly peerId: string; readonly name: string };
  readonly isConnected: boolean;
  /** Whether it's connected, or was so lately. */
  readonly isAround: boolean;
}

export interface Decision<C> {
  /** Undefined if nobody claims it. */
  readonly holder: C | undefined;
  /** What has changed in words, empty if only something new was learned; null for nothing. */
  readonly news: string[] | null;
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
   * Whose an address is of those who claim it, at `wall` (ms since 1970): whoever is remembered as its holder and claims it, whatever others
   * do, until it has been away for long. Then the next one that's connected has it, until the first is back. Nobody is remembered: the first
   * that's connected; of two that came at once, or before there's any, the one with the lower peer id, so that all members see it alike.
   */
  decide<C extends Claimant>(wall: number, ip: string, claimants: readonly C[]): Decision<C> {
    const known = this.byAddress.get(ip);
    const withId = (id: string | null | undefined) => claimants.find(({ record }) => record.peerId === id);
    const [first, current] = [withId(known?.before), withId(known?.id)];
    const ordered = [...claimants].sort((a, b) => (a.record.peerId < b.record.peerId ? -1 : 1));
    const best = ordered.find(({ isConnected }) => isConnected);
    const next = known === undefined ? best : (successor(wall, known, { first, current, best }) ?? undefined);
    if (next === undefined || next === current) return { holder: current ?? ordered[0], news: null };
    const { peerId, name } = next.record;
    const isRightful = known === undefined || next === first || isAtOnce(wall, known);
    const entry = { ip, id: peerId, name, since: wall, before: isRightful ? null : (known.before ?? known.id) };
    this.byAddress.set(ip, entry);
    return { holder: next, news: entry.before === null ? [] : [describe(entry, entry.before)] };
  }

  /** A member says by its record which addresses it has: it's the holder of no others any more. Says whether it was of any. */
  moved(peerId: string, ips: readonly string[]): boolean {
    const left = this.all().filter(({ id, ip }) => id === peerId && !ips.includes(ip));
    for (const { ip } of left) this.byAddress.delete(ip);
    const [first] = left;
    const next = ips.find((ip) => !this.byAddress.has(ip));
    // It's known as long as before.
    if (first !== undefined && next !== undefined) this.byAddress.set(next, { ...first, ip: next, before: null });
    return left.length > 0;
  }

  /** The changes to this member are as they should be, and what it claims (`ips`) is its own. Says whether that's news. */
  accept(wall: number, { id, name }: Pick<Acquaintance, 'id' | 'name'>, ips: readonly string[]): boolean {
    const contested = ips.filter((ip) => (this.byAddress.get(ip)?.id ?? id) !== id);
    for (const ip of contested) this.byAddress.set(ip, { ip, id, name, since: wall, before: null });
    return this.acceptChanges(id) || contested.length > 0;
  }

  private acceptChanges(id: string): boolean {
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

/** Who takes the place of who is remembered, or null. */
function successor<C extends Claimant>(
  wall: number,
  known: Acquaintance,
  {
    first,
    current,
    best,
  }: { readonly first: C | undefined; readonly current: C | undefined; readonly best: C | undefined },
): C | null {
  if (first?.isConnected) return first;
  if (best === undefined || best === current) return null;
  if (current === undefined || !current.isAround) return best;
  return isAtOnce(wall, known) && best.record.peerId < current.record.peerId ? best : null;
}

function isAtOnce(wall: number, { since, before }: Acquaintance): boolean {
  return before === null && wall >= since && wall < since + AT_ONCE;
}

function describe({ ip, id, name, since }: Acquaintance, before: string): string {
  return `${ip} was ${before}, is ${id} (${name}) since ${moment(since)}; if that's right: p2p peers accept ${id}`;
}
