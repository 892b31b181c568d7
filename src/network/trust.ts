/** Whom this member deals with: who is blocked here, and who was known by which address. */
import { Acquaintances } from './acquaintances.js';
import { ulaOf } from './addresses/derived.js';
import type { NetworkConfig } from './io.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { MemberRecord } from './record.js';
import type { WallClock } from './wall-clock.js';

export class Trust {
  private blocked: ReadonlySet<string>;
  private readonly acquaintances: Acquaintances;

  constructor(
    private readonly config: NetworkConfig,
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

  /** A member's record is new: what it let go of, another may have; what it has besides, it has as whom it proved to be. */
  learned(now: number, peer: Peer): void {
    if (this.acquaintances.moved(this.withoutUla(peer.record))) this.save();
    if (peer.isConnected) this.met(now, peer);
  }

  /** A member has proved who it is. */
  met(now: number, { record }: Peer): void {
    const isHere = (id: string) => this.members.withId(id)?.isConnected ?? false;
    const changes = this.acquaintances.met(this.clock.at(now), this.withoutUla(record), isHere);
    if (changes === null) return;
    for (const change of changes) this.outbox.notable('warn', change);
    this.save();
  }

  /** Changes of an address's holder to this member are as they should be. */
  accept(id: string): void {
    if (this.acquaintances.accept(id)) this.save();
  }

  knownSince(id: string): number | null {
    return this.acquaintances.knownSince(id);
  }

  problems(now: number): string[] {
    return this.acquaintances.problems(this.clock.at(now));
  }

  /** That address is nobody else's, ever. */
  private withoutUla(record: MemberRecord): MemberRecord {
    const ula = ulaOf(this.config.secrets.networkId, record.identity);
    return { ...record, addresses: record.addresses.filter(({ ip }) => ip !== ula.ip) };
  }

  private save(): void {
    this.outbox.push({ kind: 'acquaintances', acquaintances: this.acquaintances.all() });
  }
}
