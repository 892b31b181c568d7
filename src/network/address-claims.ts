/**
 * Which member holds which overlay address, and so whose frames may claim it: of several that claim one, whom this machine knew first by it
 * (`Acquaintances` remembers that). Our own addresses are ours, whoever claims them.
 */
import type { Cidr } from '../core/ip.js';
import { isHosts, isIpv6, isLinkLocal } from '../core/ip.js';
import type { OwnMember } from './own-member.js';
import type { Peer } from './peer.js';
import type { Trust } from './trust.js';

export class AddressClaims {
  /** By address. No more than the members' records have. */
  private readonly claimants = new Map<string, Set<Peer>>();
  private readonly holders = new Map<string, Peer>();
  /** Addresses that several claim. */
  private readonly contested = new Set<string>();
  private reviewAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly own: OwnMember,
    private readonly trust: Trust,
  ) {}

  /** When an address may pass from a member that stays away to another. */
  deadline(): number {
    return this.reviewAt;
  }

  tick(now: number): void {
    if (this.reviewAt <= now) this.review(now, [...this.contested]);
  }

  /** A member is new, or claims others than `before`. */
  claimed(now: number, peer: Peer, before: readonly Cidr[]): void {
    const [old, current] = [holdable(before), holdable(peer.record.addresses)];
    for (const ip of old) if (!current.includes(ip)) this.remove(ip, peer);
    for (const ip of current) this.add(ip, peer);
    this.review(now, [...new Set([...old, ...current])]);
  }

  /** A member isn't known any more. */
  forget(now: number, peer: Peer): void {
    const ips = holdable(peer.record.addresses);
    for (const ip of ips) this.remove(ip, peer);
    this.review(now, ips);
  }

  /** A member came or went. */
  met(now: number, peer: Peer): void {
    this.review(now, holdable(peer.record.addresses));
  }

  /** Our own addresses are others now, or who is blocked, or somebody has said who is right. */
  reviewAll(now: number): void {
    this.review(now, [...this.claimants.keys()]);
  }

  heldBy(peer: Peer): string[] {
    return holdable(peer.record.addresses).filter((ip) => this.holders.get(ip) === peer);
  }

  /** The name and peer id of who holds an address. */
  holderOf(ip: string): string | null {
    if (this.isOwn(ip)) return 'this machine';
    const holder = this.holders.get(ip)?.record;
    return holder === undefined ? null : `${holder.name} (${holder.peerId})`;
  }

  private review(now: number, ips: readonly string[]): void {
    const changed = ips.flatMap((ip) => this.decide(now, ip));
    for (const peer of new Set(changed)) peer.setRights();
    const waits = [...this.contested].map((ip) => this.holders.get(ip)?.aroundUntil() ?? Number.POSITIVE_INFINITY);
    this.reviewAt = Math.min(Number.POSITIVE_INFINITY, ...waits.filter((at) => at > now));
  }

  /** Those whose rights have changed with the address: the last holder, then the next. */
  private decide(now: number, ip: string): Peer[] {
    const claimants = [...(this.claimants.get(ip) ?? [])].filter(({ record }) => !this.trust.isBlocked(record));
    const before = this.holders.get(ip);
    const holder = this.trust.decide(now, ip, claimants);
    const after = holder === undefined || this.isOwn(ip) ? undefined : holder;
    if (after === before) return [];
    if (after === undefined) this.holders.delete(ip);
    else this.holders.set(ip, after);
    return [before, after].filter((peer) => peer !== undefined);
  }

  private isOwn(ip: string): boolean {
    return this.own.record.addresses.some((address) => address.ip === ip);
  }

  private add(ip: string, peer: Peer): void {
    const claimants = this.claimants.get(ip) ?? new Set();
    claimants.add(peer);
    this.claimants.set(ip, claimants);
    if (claimants.size > 1) this.contested.add(ip);
  }

  private remove(ip: string, peer: Peer): void {
    const claimants = this.claimants.get(ip);
    claimants?.delete(peer);
    if ((claimants?.size ?? 0) < 2) this.contested.delete(ip);
    if (claimants?.size === 0) this.claimants.delete(ip);
  }
}

/** Link-local ones of IPv6 follow from the MAC, and nobody gets one by claiming it. */
function holdable(addresses: readonly Cidr[]): string[] {
  const ips = addresses.map(({ ip }) => ip).filter((ip) => isHosts(ip) && !(isIpv6(ip) && isLinkLocal(ip)));
  return [...new Set(ips)];
}
