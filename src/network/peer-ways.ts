/** The ways to one peer: which may be tried, which one its frames take, and who hears of that. */
import { isRelayWay, type Way } from '../core/way.js';
import type { PeerHandle } from '../device/device.js';
import type { CandidateSource } from '../paths/candidate.js';
import type { FrameNeeds } from '../paths/ladder.js';
import { type PathOutput, Paths } from '../paths/paths.js';
import type { SessionContext } from '../session/io.js';
import type { Session } from '../session/session.js';
import { challenge } from '../wire/control.js';
import type { PathUse } from './events.js';
import { Outreach, type OutreachContext } from './outreach.js';

export interface WaysContext extends OutreachContext {
  readonly session: SessionContext;
  /** What our frames ask of a path. */
  needs(): FrameNeeds;
  /** Whether datagrams to a peer may go there. */
  isCandidate(endpoint: Way): boolean;
}

/** The peer whose ways they are. */
export interface WaysOwner {
  /** Whether it wants to be reached through relays only. */
  isForwardOnly(): boolean;
  /** Frames get to it, which didn't before. */
  arrived(now: number): void;
  /** They take another way than before. */
  moved(before: PathUse, path: PathUse): void;
  /** Nothing answers any more. */
  silent(now: number): void;
}

export class PeerWays {
  readonly paths: Paths;
  private readonly outreach: Outreach;
  /** The way that others were told of; null as long as there's none. */
  private shown: PathUse | null = null;
  /** Nothing answers, but the session is kept: its challenges find the peer sooner than a handshake does, once the network is back. */
  private silent = false;
  private due: number | null = null;

  constructor(
    private readonly context: WaysContext,
    private readonly peer: PeerHandle,
    session: Session,
    private readonly owner: WaysOwner,
  ) {
    this.paths = new Paths({ random: context.session.random, kindOf: context.kindOf, needs: () => context.needs() });
    const carry = (now: number, outputs: readonly PathOutput[]) => this.carry(now, outputs);
    this.outreach = new Outreach(context, `peer ${peer}`, this.paths, session, carry);
  }

  /** The way that frames take, or null. */
  get use(): PathUse | null {
    const path = this.paths.current;
    return path === null ? null : { path: path.kind, endpoint: path.endpoint };
  }

  /** Whether none answers, though there's a session. */
  get isSilent(): boolean {
    return this.silent;
  }

  /** Asked for after every step of every peer, so it's computed only when something has changed. */
  deadline(): number {
    this.due ??= this.paths.deadline();
    return this.due;
  }

  tick(now: number): void {
    if (this.paths.deadline() <= now) this.carry(now, this.paths.tick(now));
  }

  /** Whether anything may be sent to the peer there. */
  mayTry(way: Way): boolean {
    return this.context.isCandidate(way) && (isRelayWay(way) || !this.owner.isForwardOnly());
  }

  /** Takes endpoints as candidates; whether any of them is new. */
  note(now: number, endpoints: readonly Way[], source: CandidateSource): boolean {
    const news = endpoints.filter((endpoint) => !this.paths.has(endpoint) && this.mayTry(endpoint));
    for (const endpoint of news) this.carry(now, this.paths.add(now, endpoint, source));
    return news.length > 0;
  }

  /** Forgets what may not be tried any more. */
  prune(now: number): void {
    this.carry(
      now,
      this.paths.prune(now, (way) => !this.mayTry(way)),
    );
  }

  /** These lead nowhere any more. */
  lose(now: number, ways: readonly Way[]): void {
    const lost = new Set(ways);
    this.carry(
      now,
      this.paths.prune(now, (way) => lost.has(way)),
    );
  }

  /** This machine's addresses changed, and with them what's on-link. */
  addressesChanged(now: number): void {
    this.carry(now, this.paths.addressesChanged(now));
    this.show(now);
  }

  /** What worked may not any more. */
  doubt(now: number): void {
    this.carry(now, this.paths.doubt(now));
  }

  /** There's a session, agreed on by datagrams that came from there. */
  start(now: number, from: Way): void {
    if (this.mayTry(from)) this.carry(now, this.paths.heardFrom(now, from, 'handshake'));
    this.carry(now, this.paths.start(now));
  }

  /** The session is gone. */
  stop(now: number): void {
    this.silent = false;
    this.carry(now, this.paths.stop());
    this.shown = null;
  }

  /** A message 1 goes to wherever the peer may be. */
  initiate(now: number, datagram: Uint8Array): void {
    this.outreach.initiate(now, datagram);
  }

  /** Every change of the paths passes here. */
  carry(now: number, outputs: readonly PathOutput[]): void {
    this.due = null;
    for (const output of outputs) this.carryOutput(now, output);
  }

  private carryOutput(now: number, output: PathOutput): void {
    switch (output.kind) {
      case 'challenge':
        this.context.outbox.control(this.peer, [challenge(output.token, output.bytes)], output.to);
        break;
      case 'wish':
        this.outreach.challenge(now, output.to, output.tries);
        break;
      case 'proven':
        this.outreach.proven(output.endpoint);
        break;
      case 'use':
      case 'resize':
        this.take(now, output.endpoint, output.maxDatagram);
        break;
      case 'dead':
        this.silent = true;
        this.shown = null;
        this.owner.silent(now);
        break;
    }
  }

  private take(now: number, endpoint: Way | null, maxDatagram: number): void {
    this.context.outbox.command({ kind: 'set-endpoint', peer: this.peer, endpoint, maxDatagram });
    if (endpoint === null) return;
    this.silent = false;
    this.show(now);
  }

  /** Others are told of the way in use, if it's another one. */
  private show(now: number): void {
    const [before, path] = [this.shown, this.use];
    if (path === null || (before?.path === path.path && before.endpoint === path.endpoint)) return;
    this.shown = path;
    if (before === null) this.owner.arrived(now);
    else this.owner.moved(before, path);
  }
}
