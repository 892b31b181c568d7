/** Keeps the members' records in step with those of the connected peers. */
import { hex, sameBytes } from '../core/bytes.js';
import { fraction, type Random } from '../core/random.js';
import { CONTROL, type ControlMessage } from '../wire/control.js';
import {
  compareDigest,
  digestMessages,
  readDigest,
  readRecords,
  readWant,
  recordMessages,
  summaryMessage,
  wantMessages,
} from './gossip.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { OwnMember } from './own-member.js';
import type { Peer } from './peer.js';
import type { MemberRecord } from './record.js';
import type { Roster } from './roster.js';

/** A summary to one random peer this often repairs what was lost on the way, in ms. */
const REPAIR_INTERVAL = 30_000;

/** What's said of the records that are known; made when it's first wanted after one of them changed. */
interface Known {
  readonly records: readonly MemberRecord[];
  readonly summary: ControlMessage;
  digest: readonly ControlMessage[] | null;
}

export class GossipExchange {
  private repairAt = Number.POSITIVE_INFINITY;
  private lastKnown: Known | null = null;

  constructor(
    private readonly own: OwnMember,
    private readonly members: Members,
    private readonly roster: Roster,
    private readonly outbox: Outbox,
    private readonly random: Random,
    /** Tells a peer what else may have been lost on the way. */
    private readonly alsoTell: (peer: Peer) => void,
  ) {}

  deadline(): number {
    return this.repairAt;
  }

  /** A peer is there: if it knows other records than we do, it'll say which. */
  greet(now: number, peer: Peer): void {
    this.tell(peer);
    this.repairAt = Math.min(this.repairAt, now + REPAIR_INTERVAL);
  }

  tick(now: number): void {
    const connected = this.members.connected();
    const peer = connected[Math.floor(fraction(this.random) * connected.length)];
    this.repairAt = peer === undefined ? Number.POSITIVE_INFINITY : now + REPAIR_INTERVAL;
    if (peer !== undefined) this.tell(peer);
  }

  /** Sends a record that's news to all connected peers but the one that it came from. */
  spread(record: MemberRecord, from: Peer | null): void {
    for (const peer of this.members.connected()) {
      if (peer !== from && peer.record.peerId !== record.peerId)
        this.outbox.control(peer.handle, recordMessages([record]));
    }
  }

  /** Takes a gossip message; false if it's none, or malformed. */
  receive(now: number, peer: Peer, { type, body }: ControlMessage): boolean {
    if (type === CONTROL.summary) return this.receiveSummary(peer, body);
    if (type === CONTROL.digest) return this.receiveDigest(peer, body);
    if (type === CONTROL.want) return this.receiveWant(peer, body);
    return type === CONTROL.records && this.receiveRecords(now, peer, body);
  }

  private receiveSummary(peer: Peer, body: Uint8Array): boolean {
    const { summary } = this.known();
    if (!sameBytes(summary.body, body)) this.outbox.control(peer.handle, this.digest());
    return true;
  }

  private receiveDigest(peer: Peer, body: Uint8Array): boolean {
    const { send, want } = compareDigest((identity) => this.recordOf(identity), readDigest(body));
    this.outbox.control(peer.handle, [...recordMessages(send), ...wantMessages(want)]);
    return true;
  }

  private receiveWant(peer: Peer, body: Uint8Array): boolean {
    const wanted = readWant(body).flatMap((identity) => this.recordOf(identity) ?? []);
    this.outbox.control(peer.handle, recordMessages(wanted));
    return true;
  }

  private receiveRecords(now: number, peer: Peer, body: Uint8Array): boolean {
    const records = readRecords(body);
    if (records === null) return false;
    for (const bytes of records) {
      const learned = this.roster.learn(now, bytes, 'gossip');
      if (learned.kind === 'new' || learned.kind === 'newer') {
        this.spread(learned.record, peer);
        learned.peer.connect(now);
      }
    }
    return true;
  }

  private tell(peer: Peer): void {
    this.outbox.control(peer.handle, [this.known().summary]);
    this.alsoTell(peer);
  }

  private digest(): readonly ControlMessage[] {
    const known = this.known();
    known.digest ??= digestMessages(known.records);
    return known.digest;
  }

  /** Made anew only when a record has changed: while many members connect it's asked for many times. */
  private known(): Known {
    const records = [this.own.record, ...this.members.all().map(({ record }) => record)];
    const last = this.lastKnown;
    if (last?.records.length === records.length && records.every((record, i) => record === last.records[i]))
      return last;
    this.lastKnown = { records, summary: summaryMessage(records), digest: null };
    return this.lastKnown;
  }

  /** `identity` in hex. */
  private recordOf(identity: string): MemberRecord | undefined {
    if (identity === hex(this.own.record.identity)) return this.own.record;
    return this.members.withIdentity(identity)?.record;
  }
}
