/** What the next run should know of the members: their records, the endpoints that worked, their last stamps. */
import { ByteReader, u64 } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import { isEndpoint } from '../core/way.js';
import type { RememberedPeer } from './io.js';
import type { Members } from './members.js';
import type { Peer } from './peer.js';
import type { Roster } from './roster.js';
import type { Stamps } from './stamps.js';

/** Most recently known members that are remembered. */
const MAX_REMEMBERED = 256;
/** Changes are gathered this long, in ms, before they're written. */
const GATHER = 1_000;

export class Remembrance {
  private writeAt = Number.POSITIVE_INFINITY;
  private recalled = false;
  private readonly earlier = new Map<string, readonly Endpoint[]>();

  constructor(
    private readonly members: Members,
    private readonly stamps: Stamps,
    private readonly remembered: readonly RememberedPeer[],
  ) {}

  /** Goes to the members of the last run, the first time that it's called: when it's known what's underlay and what's overlay. */
  recall(now: number, roster: Roster): void {
    if (this.recalled) return;
    this.recalled = true;
    for (const { record, endpoints, stamp } of this.remembered.slice(0, MAX_REMEMBERED)) {
      const last = new ByteReader(stamp).u64();
      const learned = roster.learn(now, record, 'remembered', last);
      if (!('peer' in learned)) continue;
      this.stamps.isNews(learned.record.identity, last);
      this.earlier.set(learned.record.peerId, endpoints);
      learned.peer.learnEndpoints(now, endpoints, 'remembered');
      learned.peer.connect(now);
    }
  }

  deadline(): number {
    return this.writeAt;
  }

  changed(now: number): void {
    this.writeAt = Math.min(this.writeAt, now + GATHER);
  }

  take(): RememberedPeer[] {
    this.writeAt = Number.POSITIVE_INFINITY;
    return this.members
      .all()
      .map((peer) => ({
        record: peer.record.bytes,
        endpoints: this.endpointsOf(peer),
        stamp: u64(this.stamps.last(peer.record.identity)),
      }))
      .filter(({ endpoints }) => endpoints.length > 0)
      .slice(-MAX_REMEMBERED);
  }

  private endpointsOf(peer: Peer): readonly Endpoint[] {
    const proven = peer.paths.proven().filter(isEndpoint); // what we're called at a relay is another tomorrow
    return proven.length > 0 ? proven : (this.earlier.get(peer.record.peerId) ?? []);
  }
}
