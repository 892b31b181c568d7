/** Keeps the members' records in step with those of the connected peers. */
import { hex } from '../core/bytes.js';
import { fraction, type Random } from '../core/random.js';
import { CONTROL, type ControlMessage } from '../wire/control.js';
import {
  compareDigest,
  digestMessages,
  readDigest,
  readRecords,
  readWant,
  recordMessages,
  wantMessages,
} from './gossip.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { OwnMember } from './own-member.js';
import type { Peer } from './peer.js';
import type { MemberRecord } from './record.js';
import type { Roster } from './roster.js';

/** A digest to one random peer this often repairs what was lost on the way, in ms. */
const DIGEST_INTERVAL = 30_000;

export class GossipExchange {
  private digestAt = Number.POSITIVE_INFINITY;
  private lastDigest: { readonly of: readonly MemberRecord[]; readonly messages: readonly ControlMessage[] } = {
    of: [],
    messages: [],
  };

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
    return this.digestAt;
  }

  /** A peer is there: tell it what we know. */
  greet(now: number, peer: Peer): void {
    this.tell(peer);
    this.digestAt = Math.min(this.digestAt, now + DIGEST_INTERVAL);
  }

  tick(now: number): void {
    const connected = this.members.connected();
    const peer = connected[Math.floor(fraction(this.random) * connected.length)];
    this.digestAt = peer === undefined ? Number.POSITIVE_INFINITY : now + DIGEST_INTERVAL;
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
    if (type === CONTROL.digest) return this.receiveDigest(peer, body);
    if (type === CONTROL.want) return this.receiveWant(peer, body);
    return type === CONTROL.records && this.receiveRecords(now, peer, body);
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
    this.outbox.control(peer.handle, this.digest());
    this.alsoTell(peer);
  }

  /** Made anew only when a record has changed: while many members connect it goes out many times. */
  private digest(): readonly ControlMessage[] {
    const records = [this.own.record, ...this.members.all().map(({ record }) => record)];
    const { of, messages } = this.lastDigest;
    if (records.length === of.length && records.every((record, i) => record === of[i])) return messages;
    this.lastDigest = { of: records, messages: digestMessages(records) };
    return this.lastDigest.messages;
  }

  /** `identity` in hex. */
  private recordOf(identity: string): MemberRecord | undefined {
    if (identity === hex(this.own.record.identity)) return this.own.record;
    return this.members.withIdentity(identity)?.record;
  }
}
