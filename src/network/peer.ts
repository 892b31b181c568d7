/** One other member: its record, the session with it and the paths to it, joined. */

import { hex, sameBytes } from '../core/bytes.js';
import { formatCidr, linkLocalOf } from '../core/ip.js';
import { formatMac } from '../core/mac.js';
import type { Stamp } from '../core/stamp.js';
import type { Way } from '../core/way.js';
import type { PeerCounters, PeerHandle } from '../device/device.js';
import type { CandidateSource } from '../paths/candidate.js';
import type { PathOutput, Paths } from '../paths/paths.js';
import type { Remote, SessionOutput } from '../session/io.js';
import { explain, Session } from '../session/session.js';
import { BYE } from '../wire/control.js';
import { ulaOf } from './addresses/derived.js';
import type { PathUse } from './events.js';
import type { HandshakeCounter } from './handshake-counts.js';
import type { PeerDetails, PeerSnapshot, Source } from './io.js';
import { PeerWays, type WaysContext } from './peer-ways.js';
import { type MemberRecord, RECORD_FLAG } from './record.js';
import { Standing } from './standing.js';

/** What a peer needs from the network that it's in. */
export interface PeerContext extends WaysContext {
  /** Whether somebody here wants nothing to do with the peer. */
  isBlocked(record: MemberRecord): boolean;
  /** When a session with the peer of that id was there first, in ms since 1970; null if never. */
  knownSince(id: string): number | null;
  /** The peer became reachable, or ceased to be. */
  connected(peer: Peer, now: number): void;
  disconnected(peer: Peer, now: number, why: string | null): void;
  /** Frames to it take another way than before. */
  moved(peer: Peer, before: PathUse, path: PathUse): void;
  /** One of the two sides won't have a session. */
  refused(peer: Peer, why: string): void;
  /** Something is known of it that wasn't before. */
  changed(now: number): void;
  readonly handshakes: HandshakeCounter;
  /** A peer no longer claims this MAC. */
  macFreed(mac: Uint8Array): void;
  /** MACs that this peer's frames may come from. */
  macsOf(peer: Peer): readonly Uint8Array[];
  /** IP addresses that it holds. */
  heldBy(peer: Peer): readonly string[];
  /** It claims others than these now. */
  claimed(peer: Peer, now: number, before: MemberRecord['addresses']): void;
}

export class Peer {
  readonly session: Session;
  private readonly ways: PeerWays;
  private readonly ula: string;
  private readonly standing = new Standing();
  private hadSession = false;
  private told: string | null = null;
  private due: number | null = null;

  constructor(
    private readonly context: PeerContext,
    readonly handle: PeerHandle,
    public record: MemberRecord,
    remote: Remote,
    readonly source: Source,
    stamp: Stamp,
  ) {
    this.session = new Session(context.session, remote, stamp);
    this.ula = formatCidr(ulaOf(context.session.keys.networkId, record.identity));
    this.ways = new PeerWays(context, handle, this.session, {
      isForwardOnly: () => (this.record.flags & RECORD_FLAG.forwardOnly) !== 0,
      arrived: (now) => this.arrived(now),
      moved: (before, path) => context.moved(this, before, path),
      silent: (now) => this.giveUp(now),
    });
  }

  /** Makes the peer known to the device and takes the endpoints of its record as candidates. */
  introduce(now: number): void {
    this.standing.introduced(now);
    this.context.claimed(this, now, []);
    this.setRights();
    this.ways.note(now, this.record.endpoints, 'record');
    this.context.changed(now);
  }

  /** Whether a session with it is missing, or one that's there is of no use now. */
  get wantsSession(): boolean {
    return !this.session.established || this.ways.isSilent;
  }

  get isConnected(): boolean {
    return this.standing.connectedAt !== null;
  }

  get paths(): Paths {
    return this.ways.paths;
  }

  /** The way that frames take, or null. */
  get pathUse(): PathUse | null {
    return this.ways.use;
  }

  /** With prefix lengths; without the one that follows from its identity. */
  get addresses(): readonly string[] {
    return this.record.addresses.map(formatCidr).filter((address) => address !== this.ula);
  }

  private get isBlocked(): boolean {
    return this.context.isBlocked(this.record);
  }

  /** Asked for after every step of every peer, so it's computed only when something of this one has changed. */
  deadline(): number {
    this.due ??= this.session.deadline();
    return Math.min(this.due, this.ways.deadline());
  }

  tick(now: number): void {
    if (this.session.deadline() <= now) this.carrySession(now, this.session.tick(now));
    this.ways.tick(now);
  }

  /** A newer record of the same identity. */
  update(now: number, record: MemberRecord): void {
    const restarted = hex(record.instance) !== hex(this.record.instance);
    const moved = record.endpoints.join() !== this.record.endpoints.join();
    const { mac: before, addresses } = this.record;
    this.record = record;
    this.context.claimed(this, now, addresses);
    this.setRights();
    this.ways.prune(now);
    if (!sameBytes(before, record.mac)) this.context.macFreed(before);
    this.learnEndpoints(now, record.endpoints, 'record');
    if (restarted || moved) this.ways.doubt(now);
    if (restarted) this.reach(now);
    this.context.changed(now);
  }

  /** Tells the device which MACs and addresses are the peer's, and what it understands. A link-local address follows from its MAC. */
  setRights(): void {
    const macs = this.context.macsOf(this);
    const addresses = [...this.context.heldBy(this), ...macs.map(linkLocalOf)];
    const offload = (this.record.flags & RECORD_FLAG.offload) !== 0;
    const bridge = this.isBridge;
    const told = [...macs.map(formatMac), ...addresses, offload, bridge].join();
    if (told === this.told) return;
    this.told = told;
    this.context.outbox.command({ kind: 'set-peer', peer: this.handle, macs, addresses, offload, bridge });
  }

  /** Whether there are others behind it. */
  private get isBridge(): boolean {
    return (this.record.flags & RECORD_FLAG.bridge) !== 0;
  }

  /** Until when it keeps what it holds if it doesn't come back; Infinity while it's connected. */
  aroundUntil(): number {
    return this.standing.aroundUntil();
  }

  /** Takes endpoints as candidates; while there's no session, a new one is a reason to ask for it now. */
  learnEndpoints(now: number, endpoints: readonly Way[], source: CandidateSource): void {
    const isNews = this.ways.note(now, endpoints, source);
    if (isNews && this.wantsSession) this.reach(now);
  }

  /** Whether anything may be sent to the peer there. */
  mayTry(way: Way): boolean {
    return this.ways.mayTry(way);
  }

  /** These ways lead nowhere any more. */
  loseWays(now: number, ways: readonly Way[]): void {
    this.ways.lose(now, ways);
  }

  /** What's underlay and what's overlay is another matter now. */
  surroundingsChanged(now: number): void {
    this.ways.prune(now);
    this.learnEndpoints(now, this.record.endpoints, 'record');
  }

  /** This machine's addresses changed. */
  addressesChanged(now: number): void {
    this.ways.addressesChanged(now);
    this.seek(now);
  }

  /** Its links or routes changed: what worked may not any more, and who couldn't be reached may be now. */
  routesChanged(now: number): void {
    this.ways.doubt(now);
    this.seek(now);
  }

  private seek(now: number): void {
    if (!this.isConnected && !this.standing.isAbsent && this.wantsSession) this.reach(now);
  }

  /** There's reason to believe that the peer is there: asks for a session now. */
  reach(now: number): void {
    this.standing.expected();
    if (this.isBlocked) return;
    this.carrySession(now, this.session.hurry(now));
  }

  /** Asks for a session at the usual pace, unless there's one or the peer left. */
  connect(now: number): void {
    if (!this.standing.isAbsent && !this.isBlocked && !this.session.established)
      this.carrySession(now, this.session.connect(now));
  }

  /** Says goodbye and ends the session. */
  farewell(now: number): void {
    if (this.isConnected) this.context.outbox.control(this.handle, [BYE]);
    this.end(now, null);
  }

  /** The peer said goodbye: it's not asked for until there's a sign of it. `why`: its reason in words, or null. */
  left(now: number, why: string | null): void {
    this.standing.left();
    this.end(now, why ?? 'it left the network');
  }

  /** Our keys differ, as its message said. */
  differs(reason: string): void {
    if (this.standing.differs(reason)) this.context.refused(this, reason);
  }

  end(now: number, why: string | null): void {
    this.carrySession(now, this.session.end());
    this.lost(now, why);
  }

  /** Every change of the session passes here. */
  carrySession(now: number, outputs: readonly SessionOutput[]): void {
    this.due = null;
    for (const output of outputs) this.carrySessionOutput(now, output);
  }

  /** What the paths want done. */
  carryPaths(now: number, outputs: readonly PathOutput[]): void {
    this.ways.carry(now, outputs);
  }

  snapshot(now: number, counters: PeerCounters | undefined): PeerSnapshot {
    const path = this.paths.current;
    const { connectedAt } = this.standing;
    return {
      id: this.record.peerId,
      name: this.record.name,
      addresses: this.addresses,
      ula: this.record.addresses.some((address) => formatCidr(address) === this.ula) ? this.ula : null,
      held: this.context.heldBy(this),
      mac: formatMac(this.record.mac),
      bridge: this.isBridge,
      state: this.state(),
      path: path?.kind ?? 'none',
      endpoint: path?.endpoint ?? null,
      rttMs: path?.rtt ?? null,
      pathMtu: path?.mtu ?? null,
      connectedMs: connectedAt === null ? null : now - connectedAt,
      framesIn: counters?.framesIn ?? 0,
      bytesIn: counters?.bytesIn ?? 0,
      framesOut: counters?.framesOut ?? 0,
      bytesOut: counters?.bytesOut ?? 0,
      source: this.source,
      knownSince: this.context.knownSince(this.record.peerId),
      lastError: this.standing.explanation(this.state()),
      routes: this.record.routes.map(formatCidr),
    };
  }

  /** More than a snapshot: every candidate's fate, every session. */
  describe(now: number): PeerDetails {
    return {
      id: this.record.peerId,
      name: this.record.name,
      state: this.state(),
      source: this.source,
      sequence: this.record.sequence.toString(),
      handshakeTries: this.session.tries,
      sessions: this.session.describe().map(({ role, since, heard }) => ({ role, heard, ageMs: now - since })),
      candidates: this.paths.describe(now),
    };
  }

  private state(): PeerSnapshot['state'] {
    return this.standing.state(this.isBlocked, this.session.tries);
  }

  private carrySessionOutput(now: number, output: SessionOutput): void {
    const { outbox } = this.context;
    switch (output.kind) {
      case 'send':
        if (output.to !== null) outbox.datagram(output.to, output.datagram);
        else this.initiate(now, output.datagram);
        break;
      case 'send-cookie':
        outbox.command(output);
        break;
      case 'install':
        outbox.command({ kind: 'install-session', keys: { peer: this.handle, ...output.keys } });
        break;
      case 'drop':
        outbox.command({ kind: 'drop-session', localIndex: output.localIndex });
        break;
      case 'established':
        this.established(now, output.from);
        break;
      case 'lost':
        this.lost(now, 'the session ran out');
        this.connect(now);
        break;
      case 'refused':
        this.differs(explain(output.notice));
        break;
    }
  }

  private established(now: number, from: Way): void {
    this.context.handshakes.count('completed');
    if (this.hadSession) this.context.handshakes.count('rekeys');
    this.hadSession = true;
    this.standing.agreed();
    this.ways.start(now, from);
  }

  private arrived(now: number): void {
    this.standing.connected(now);
    this.context.connected(this, now);
  }

  private initiate(now: number, datagram: Uint8Array): void {
    this.context.handshakes.count('initiated');
    this.ways.initiate(now, datagram);
  }

  private giveUp(now: number): void {
    this.disconnected(now, 'it stopped answering');
    this.carrySession(now, this.session.connect(now));
  }

  private lost(now: number, why: string | null): void {
    this.hadSession = false;
    this.ways.stop(now);
    this.disconnected(now, why);
  }

  private disconnected(now: number, why: string | null): void {
    if (!this.standing.disconnected(now, why)) return;
    this.context.disconnected(this, now, why);
  }
}
