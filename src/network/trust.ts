/** Whom this member deals with: who is blocked here, and who was known by which address. */
import { Acquaintances } from './acquaintances.js';
import type { NetworkConfig } from './io.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { WallClock } from './wall-clock.js';

export class Trust {
  private blocked: ReadonlySet<string>;
  private readonly acquaintances: Acquaintances;

  constructor(
    config: NetworkConfig,
    private readonly members: Members,
    private readonly outbox: Outbox,
    private readonly clock: WallClock,
  ) {
    this.blocked = new Set(config.blocked);
    this.acquaintances = new Acquaintances(config.acquaintances);
  }

  isBlocked({ peerId }: { readonly peerId: string }): boolean {
    return this.blocked.has(peerId);
  }

  /** These peer ids are blocked from now on, and no others. */
  block(now: number, ids: readonly string[]): void {
    const before = this.blocked;
    this.blocked = new Set(ids);
    for (const peer of this.members.all()) {
      const { peerId } = peer.record;
      if (this.blocked.has(peerId) && !before.has(peerId)) peer.end(now, null);
      if (!this.blocked.has(peerId) && before.has(peerId)) peer.reach(now);
    }
  }

  /** A member's record says which addresses it has: what it let go of, another may have. */
  moved({ record }: Peer): void {
    const ips = record.addresses.map(({ ip }) => ip);
    if (this.acquaintances.moved(record.peerId, ips)) this.save();
  }

  /** Whose an address is of those who claim it. */
  decide(now: number, ip: string, peers: readonly Peer[]): Peer | undefined {
    const claimants = peers.map((peer) => {
      const { record, isConnected } = peer;
      return { peer, record, isConnected, isAround: peer.aroundUntil() > now };
    });
    const { holder, news } = this.acquaintances.decide(this.clock.at(now), ip, claimants);
    if (news !== null) {
      for (const change of news) this.outbox.notable('warn', change);
      this.save();
    }
    return holder?.peer;
  }

  /** The addresses that this member claims are its own, and that they were another's before is as it should be. */
  accept(now: number, id: string): void {
    const record = this.members.withId(id)?.record;
    const ips = record?.addresses.map(({ ip }) => ip) ?? [];
    if (this.acquaintances.accept(this.clock.at(now), { id, name: record?.name ?? '' }, ips)) this.save();
  }

  knownSince(id: string): number | null {
    return this.acquaintances.knownSince(id);
  }

  problems(now: number): string[] {
    return this.acquaintances.problems(this.clock.at(now));
  }

  private save(): void {
    this.outbox.push({ kind: 'acquaintances', acquaintances: this.acquaintances.all() });
  }
}
