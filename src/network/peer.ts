/** One other member: its record, the session with it and the paths to it, joined. */

import { hex, sameBytes } from '../core/bytes.js';
import { formatCidr, linkLocalOf } from '../core/ip.js';
import { formatMac } from '../core/mac.js';
import type { Stamp } from '../core/stamp.js';
import { isRelayWay, type Way } from '../core/way.js';
import type { PeerCounters, PeerHandle } from '../device/device.js';
import type { CandidateSource } from '../paths/candidate.js';
import type { FrameNeeds } from '../paths/ladder.js';
import { type PathOutput, Paths } from '../paths/paths.js';
import type { Remote, SessionContext, SessionOutput } from '../session/io.js';
import { explain, Session } from '../session/session.js';
import { BYE, challenge } from '../wire/control.js';
import { ulaOf } from './addresses/derived.js';
import type { PathUse } from './events.js';
import type { HandshakeCounter } from './handshake-counts.js';
import type { PeerDetails, PeerSnapshot, Source } from './io.js';
import { Outreach, type OutreachContext } from './outreach.js';
import { type MemberRecord, RECORD_FLAG } from './record.js';

/** Tries of a handshake after which we say that the peer can't be reached. */
const UNREACHABLE_AFTER = 4;

/** How long a member that isn't connected keeps an address that another one claims as well, in ms, unless it said goodbye: longer than a machine takes to start again. */
export const HELD_WHILE_AWAY = 3 * 60_000;

/** What a peer needs from the network that it's in. */
export interface PeerContext extends OutreachContext {
  readonly session: SessionContext;
  /** What our frames ask of a path. */
  needs(): FrameNeeds;
  /** Whether somebody here wants nothing to do with the peer. */
  isBlocked(record: MemberRecord): boolean;
  /** When a session with the peer of that id was there first, in ms since 1970; null if never. */
  knownSince(id: string): number | null;
  /** Whether datagrams to a peer may go there. */
  isCandidate(endpoint: Way): boolean;
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
  readonly paths: Paths;
  readonly session: Session;
  private readonly outreach: Outreach;
  private readonly ula: string;
  private connectedAt: number | null = null;
  /** Since when it isn't connected. */
  private awaySince = Number.NEGATIVE_INFINITY;
  /** The way that others were told of. */
  private shown: PathUse | null = null;
  private hadSession = false;
  private lastError: string | null = null;
  private refused = false;
  private absent = false;
  private told: string | null = null;
  /** Nothing answers, but the session is kept: its challenges find the peer sooner than a handshake does, once the network is back. */
  private silent = false;
  private due: number | null = null;

  constructor(
    private readonly context: PeerContext,
    readonly handle: PeerHandle,
    public record: MemberRecord,
    remote: Remote,
    readonly source: Source,
    stamp: Stamp,
  ) {
    this.paths = new Paths({ random: context.session.random, kindOf: context.kindOf, needs: () => context.needs() });
    this.session = new Session(context.session, remote, stamp);
    this.ula = formatCidr(ulaOf(context.session.keys.networkId, record.identity));
    const carry = (now: number, outputs: readonly PathOutput[]) => this.carryPaths(now, outputs);
    this.outreach = new Outreach(context, `peer ${handle}`, this.paths, this.session, carry);
  }

  /** Makes the peer known to the device and takes the endpoints of its record as candidates. */
  introduce(now: number): void {
    this.awaySince = now;
    this.context.claimed(this, now, []);
    this.setRights();
    this.note(now, this.record.endpoints, 'record');
    this.context.changed(now);
  }

  /** Whether a session with it is missing, or one that's there is of no use now. */
  get wantsSession(): boolean {
    return !this.session.established || this.silent;
  }

  get isConnected(): boolean {
    return this.connectedAt !== null;
  }

  /** The way that frames take, or null. */
  get pathUse(): PathUse | null {
    const path = this.paths.current;
    return path === null ? null : { path: path.kind, endpoint: path.endpoint };
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
    this.due ??= Math.min(this.session.deadline(), this.paths.deadline());
    return this.due;
  }

  tick(now: number): void {
    if (this.session.deadline() <= now) this.carrySession(now, this.session.tick(now));
    if (this.paths.deadline() <= now) this.carryPaths(now, this.paths.tick(now));
  }

  /** A newer record of the same identity. */
  update(now: number, record: MemberRecord): void {
    const restarted = hex(record.instance) !== hex(this.record.instance);
    const moved = record.endpoints.join() !== this.record.endpoints.join();
    const { mac: before, addresses } = this.record;
    this.record = record;
    this.context.claimed(this, now, addresses);
    this.setRights();
    if (this.isForwardOnly) this.pruneWays(now);
    if (!sameBytes(before, record.mac)) this.context.macFreed(before);
    this.learnEndpoints(now, record.endpoints, 'record');
    if (restarted || moved) this.carryPaths(now, this.paths.doubt(now));
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
    if (this.isConnected) return Number.POSITIVE_INFINITY;
    return this.absent ? Number.NEGATIVE_INFINITY : this.awaySince + HELD_WHILE_AWAY;
  }

  /** Takes endpoints as candidates; while there's no session, a new one is a reason to ask for it now. */
  learnEndpoints(now: number, endpoints: readonly Way[], source: CandidateSource): void {
    const news = endpoints.filter((endpoint) => !this.paths.has(endpoint) && this.mayTry(endpoint));
    this.note(now, news, source);
    if (news.length > 0 && this.wantsSession) this.reach(now);
  }

  private note(now: number, endpoints: readonly Way[], source: CandidateSource): void {
    for (const endpoint of endpoints) {
      if (this.mayTry(endpoint)) this.carryPaths(now, this.paths.add(now, endpoint, source));
    }
  }

  /** Whether the peer wants to be reached through relays only. */
  private get isForwardOnly(): boolean {
    return (this.record.flags & RECORD_FLAG.forwardOnly) !== 0;
  }

  /** Whether anything may be sent to the peer there. */
  mayTry(way: Way): boolean {
    return this.context.isCandidate(way) && (isRelayWay(way) || !this.isForwardOnly);
  }

  private pruneWays(now: number): void {
    this.carryPaths(
      now,
      this.paths.prune(now, (way) => !this.mayTry(way)),
    );
  }

  /** These ways lead nowhere any more. */
  loseWays(now: number, ways: readonly Way[]): void {
    const lost = new Set(ways);
    this.carryPaths(
      now,
      this.paths.prune(now, (way) => lost.has(way)),
    );
  }

  /** What's underlay and what's overlay is another matter now. */
  surroundingsChanged(now: number): void {
    this.pruneWays(now);
    this.learnEndpoints(now, this.record.endpoints, 'record');
  }

  /** This machine's addresses changed. */
  addressesChanged(now: number): void {
    this.carryPaths(now, this.paths.addressesChanged(now));
    this.showPath(); // what's on-link is another matter now
    this.seek(now);
  }

  /** Its links or routes changed: what worked may not any more, and who couldn't be reached may be now. */
  routesChanged(now: number): void {
    this.carryPaths(now, this.paths.doubt(now));
    this.seek(now);
  }

  private seek(now: number): void {
    if (!this.isConnected && !this.absent && this.wantsSession) this.reach(now);
  }

  /** There's reason to believe that the peer is there: asks for a session now. */
  reach(now: number): void {
    this.absent = false;
    if (this.isBlocked) return;
    this.carrySession(now, this.session.hurry(now));
  }

  /** Asks for a session at the usual pace, unless there's one or the peer left. */
  connect(now: number): void {
    if (!this.absent && !this.isBlocked && !this.session.established) this.carrySession(now, this.session.connect(now));
  }

  /** Says goodbye and ends the session. */
  farewell(now: number): void {
    if (this.isConnected) this.context.outbox.control(this.handle, [BYE]);
    this.end(now, null);
  }

  /** The peer said goodbye: it's not asked for until there's a sign of it. `why`: its reason in words, or null. */
  left(now: number, why: string | null): void {
    this.absent = true;
    this.end(now, why ?? 'it left the network');
  }

  /** Our keys differ, as its message said. */
  differs(reason: string): void {
    const isNews = !this.refused || this.lastError !== reason;
    this.refused = true;
    this.lastError = reason;
    if (isNews) this.context.refused(this, reason);
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

  /** Every change of the paths passes here. */
  carryPaths(now: number, outputs: readonly PathOutput[]): void {
    this.due = null;
    for (const output of outputs) this.carryPathOutput(now, output);
  }

  snapshot(now: number, counters: PeerCounters | undefined): PeerSnapshot {
    const path = this.paths.current;
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
      connectedMs: this.connectedAt === null ? null : now - this.connectedAt,
      framesIn: counters?.framesIn ?? 0,
      bytesIn: counters?.bytesIn ?? 0,
      framesOut: counters?.framesOut ?? 0,
      bytesOut: counters?.bytesOut ?? 0,
      source: this.source,
      knownSince: this.context.knownSince(this.record.peerId),
      lastError: this.isConnected ? null : this.explanation(),
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
    if (this.isBlocked) return 'blocked';
    if (this.isConnected) return 'connected';
    if (this.refused) return 'refused';
    return this.absent || this.session.tries >= UNREACHABLE_AFTER ? 'unreachable' : 'connecting';
  }

  private explanation(): string | null {
    return this.lastError ?? (this.state() === 'unreachable' ? 'no answer at any of its endpoints' : null);
  }

  private carryPathOutput(now: number, output: PathOutput): void {
    switch (output.kind) {
      case 'challenge':
        this.context.outbox.control(this.handle, [challenge(output.token, output.bytes)], output.to);
        break;
      case 'wish':
        this.outreach.challenge(now, output.to, output.tries);
        break;
      case 'proven':
        this.outreach.proven(output.endpoint);
        break;
      case 'use':
      case 'resize':
        this.usePath(now, output.endpoint, output.maxDatagram);
        break;
      case 'dead':
        this.giveUp(now);
        break;
    }
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
    this.refused = false;
    this.absent = false;
    if (this.mayTry(from)) this.carryPaths(now, this.paths.heardFrom(now, from, 'handshake'));
    this.carryPaths(now, this.paths.start(now));
  }

  private usePath(now: number, endpoint: Way | null, maxDatagram: number): void {
    this.context.outbox.command({ kind: 'set-endpoint', peer: this.handle, endpoint, maxDatagram });
    if (endpoint === null) return;
    this.silent = false;
    if (this.connectedAt !== null) {
      this.showPath();
      return;
    }
    this.connectedAt = now;
    this.shown = this.pathUse;
    this.context.connected(this, now);
  }

  /** Others are told of the way in use, if it's another one. */
  private showPath(): void {
    const [before, path] = [this.shown, this.pathUse];
    if (before === null || path === null || (before.path === path.path && before.endpoint === path.endpoint)) return;
    this.shown = path;
    this.context.moved(this, before, path);
  }

  private initiate(now: number, datagram: Uint8Array): void {
    this.context.handshakes.count('initiated');
    this.outreach.initiate(now, datagram);
  }

  private giveUp(now: number): void {
    this.silent = true;
    this.disconnected(now, 'it stopped answering');
    this.carrySession(now, this.session.connect(now));
  }

  private lost(now: number, why: string | null): void {
    this.silent = false;
    this.hadSession = false;
    this.carryPaths(now, this.paths.stop());
    this.disconnected(now, why);
  }

  private disconnected(now: number, why: string | null): void {
    if (why !== null) this.lastError = why;
    if (this.connectedAt === null) return;
    this.connectedAt = null;
    this.awaySince = now;
    this.shown = null;
    this.context.disconnected(this, now, why);
  }
}
