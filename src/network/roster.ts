/** Who is in the network: takes member records from wherever they come and keeps a peer for each. */
import { hex, sameBytes } from '../core/bytes.js';
import type { Stamp } from '../core/stamp.js';
import type { NetworkConfig, Source } from './io.js';
import type { Members } from './members.js';
import type { OwnMember } from './own-member.js';
import { Peer, type PeerContext } from './peer.js';
import type { Problems } from './problems.js';
import { type MemberRecord, readRecord } from './record.js';
import { admissionKey } from './secrets.js';

/** What became of a record: `known` covers an equal or newer one that was there before. */
export type Learned =
  | { readonly kind: 'new' | 'newer' | 'known'; readonly peer: Peer; readonly record: MemberRecord }
  | { readonly kind: 'self' | 'bad' | 'full' };

/** Who is told of what becomes of records. */
export interface RosterListener {
  /** Our own record changed, because it had to outdo another one. */
  outdid(now: number): void;
  /** A member is new, or says something else of itself. */
  learned(now: number): void;
  /** One isn't known any more. */
  forgotten(now: number, peer: Peer): void;
}

export class Roster {
  private lastHandle = 0;

  constructor(
    private readonly config: NetworkConfig,
    private readonly own: OwnMember,
    private readonly members: Members,
    private readonly problems: Problems,
    private readonly context: PeerContext,
    private readonly listener: RosterListener,
  ) {}

  /** Takes a record as it came; `stamp`: the last one accepted from it in an earlier run, 0 if it's unknown. */
  learn(now: number, bytes: Uint8Array, source: Source, stamp: Stamp = 0n): Learned {
    const known = this.sameRecord(bytes);
    if (known !== undefined) return { kind: 'known', peer: known, record: known.record };
    const record = readRecord(this.config.secrets.networkId, bytes);
    if (record === null) return { kind: 'bad' };
    if (sameBytes(record.identity, this.config.identity.publicKey)) return this.learnSelf(now, record);
    const peer = this.members.get(record.identity);
    return peer === undefined ? this.admit(now, record, source, stamp) : this.update(now, peer, record);
  }

  /** MACs that frames of `peer` may come from: none if we or a connected member have it already. */
  macsOf(peer: Peer): readonly Uint8Array[] {
    const { mac } = peer.record;
    const taken =
      sameBytes(mac, this.config.mac) ||
      this.members.connected().some((other) => other !== peer && sameBytes(other.record.mac, mac));
    return taken ? [] : [mac];
  }

  /** The peer whose record is these very bytes: most of what gossip brings, and not worth another check of a signature. */
  private sameRecord(bytes: Uint8Array): Peer | undefined {
    const peer = bytes.length < 36 ? undefined : this.members.get(bytes.subarray(4, 36));
    return peer !== undefined && sameBytes(peer.record.bytes, bytes) ? peer : undefined;
  }

  private admit(now: number, record: MemberRecord, source: Source, stamp: Stamp): Learned {
    const evicted = this.members.makeRoom();
    if (evicted === null && this.members.isFull) return { kind: 'full' };
    if (evicted !== null) this.forget(now, evicted);
    const { secrets, identity } = this.config;
    const remote = {
      responder: { staticKey: record.staticKey, admissionKey: admissionKey(secrets, record.identity) },
      weWin: hex(identity.publicKey) < hex(record.identity),
    };
    const peer = new Peer(this.context, ++this.lastHandle, record, remote, source, stamp);
    this.members.add(peer);
    peer.introduce(now);
    this.listener.learned(now);
    return { kind: 'new', peer, record };
  }

  private update(now: number, peer: Peer, record: MemberRecord): Learned {
    const { sequence, instance, staticKey } = peer.record;
    if (record.sequence === sequence && !sameBytes(record.instance, instance)) this.clone(now, record);
    if (record.sequence <= sequence || !sameBytes(record.staticKey, staticKey))
      return { kind: 'known', peer, record: peer.record };
    peer.update(now, record);
    this.listener.learned(now);
    return { kind: 'newer', peer, record };
  }

  /** Our own record comes back: an old one of an earlier run, or that of a machine that has our identity. */
  private learnSelf(now: number, record: MemberRecord): Learned {
    const { sequence, instance } = this.own.record;
    if (record.sequence < sequence || sameBytes(record.instance, instance)) return { kind: 'self' };
    this.clone(now, record);
    if (this.own.outdo(now, record.sequence)) this.listener.outdid(now);
    return { kind: 'self' };
  }

  private clone(now: number, record: MemberRecord): void {
    const text = `two machines have the identity ${record.peerId} (${record.name}): on one of them stop the daemon and delete its state directory`;
    if (this.problems.note(now, text)) this.context.outbox.notable('warn', text);
  }

  private forget(now: number, peer: Peer): void {
    peer.end(now, null);
    this.listener.forgotten(now, peer);
    this.context.outbox.command({ kind: 'drop-peer', peer: peer.handle });
  }
}
