/** Goes to where a peer may be, with handshakes and challenges: at once where it has answered before, in its turn elsewhere. */
import type { Endpoint } from '../core/endpoint.js';
import { isEndpoint, isRelayWay, type Way } from '../core/way.js';
import type { CandidateKind } from '../paths/candidate.js';
import { HANDSHAKE_FANOUT, type PathOutput, type Paths } from '../paths/paths.js';
import type { Session } from '../session/session.js';
import type { Outbox } from './outbox.js';
import type { Probe, ProbeQueue } from './probe-queue.js';

/** Relays among the ways that one handshake message goes. */
const HANDSHAKE_RELAYS = 3;

export interface OutreachContext {
  readonly outbox: Outbox;
  /** What goes to endpoints that never answered goes by it. */
  readonly probes: ProbeQueue;
  kindOf(endpoint: Way): CandidateKind;
}

export class Outreach {
  constructor(
    private readonly context: OutreachContext,
    /** On whose account it goes. */
    private readonly owner: string,
    private readonly paths: Paths,
    private readonly session: Session,
    /** What the paths say to a challenge that has leave now. */
    private readonly carry: (now: number, outputs: readonly PathOutput[]) => void,
  ) {}

  /** A message 1 goes to wherever the peer may be. */
  initiate(now: number, datagram: Uint8Array): void {
    const { paths } = this;
    const others = paths.known().filter((endpoint) => endpoint !== paths.current?.endpoint);
    const all = paths.current === null ? others : [paths.current.endpoint, ...others];
    // A relay that's known works more surely than the eighth guess at an address.
    const relays = all.filter(isRelayWay).slice(0, HANDSHAKE_RELAYS);
    const direct = all.filter(isEndpoint).slice(0, HANDSHAKE_FANOUT - relays.length);
    for (const to of [...direct, ...relays]) {
      if (paths.isProven(to) || isRelayWay(to)) this.send(now, to, datagram);
      else this.askToInitiate(now, to);
    }
  }

  /** The paths wish to challenge an endpoint that never answered; relays bound for themselves what goes through them. */
  challenge(now: number, to: Way, tries: number): void {
    const { paths } = this;
    const send = (at: number) => this.carry(at, paths.probe(at, to));
    if (isRelayWay(to)) {
      send(now);
      return;
    }
    const isWanted = () => paths.isWaiting(to);
    if (!this.askLeave(now, { what: 'challenge', endpoint: to, tries, isWanted, send })) paths.putOff(now, to);
  }

  /** An endpoint answered for the first time. */
  proven(way: Way): void {
    if (isEndpoint(way)) this.context.probes.proven(way, this.isOnLink(way));
  }

  private askToInitiate(now: number, endpoint: Endpoint): void {
    const { session } = this;
    const isWanted = () => session.initiation !== null;
    const send = (at: number) => this.send(at, endpoint, session.initiation);
    this.askLeave(now, { what: 'handshake', endpoint, tries: session.tries - 1, isWanted, send });
  }

  private send(now: number, to: Way, initiation: Uint8Array | null): void {
    if (initiation === null) return;
    this.paths.greeted(now, to);
    this.context.outbox.datagram(to, initiation);
  }

  private askLeave(now: number, probe: Omit<Probe, 'owner' | 'onLink'>): boolean {
    return this.context.probes.ask(now, { ...probe, owner: this.owner, onLink: this.isOnLink(probe.endpoint) });
  }

  private isOnLink(endpoint: Endpoint): boolean {
    return this.context.kindOf(endpoint) === 'lan';
  }
}
