/**
 * Where this machine is to be found: puts together its interfaces' addresses, the port mapping, and what nodes and members outside see; tells the
 * members by our record and by beacons.
 */
import type { Endpoint } from '../core/endpoint.js';
import type { Cidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { Random } from '../core/random.js';
import type { Stamper } from '../core/stamp.js';
import { writeBeacon } from '../wire/beacon.js';
import type { MemberProfile, NetworkConfig, NetworkDetails } from './io.js';
import type { Outbox } from './outbox.js';
import { type OverlayAddresses, OwnMember } from './own-member.js';
import { Reflexive } from './reflexive.js';
import { Surroundings } from './surroundings.js';

/** How often members on the LAN are told that we're here, in ms; also at start and on every change. */
const BEACON_INTERVAL = 30_000;

/** What the rest of the network does about it. */
export interface WhereaboutsListener {
  /** Whether we say anything at all now. */
  isRunning(): boolean;
  /** Our record is another one: the connected members are to hear of it. */
  recordChanged(): void;
}

export class Whereabouts {
  readonly own: OwnMember;
  readonly surroundings: Surroundings;
  private readonly reflexive: Reflexive;
  private beaconAt: number;

  constructor(
    private readonly config: NetworkConfig,
    overlay: OverlayAddresses,
    private readonly stamper: Stamper,
    private readonly outbox: Outbox,
    private readonly listener: WhereaboutsListener,
    random: Random,
    now: number,
  ) {
    this.surroundings = new Surroundings(overlay, config.port);
    this.surroundings.setForwardOnly(config.forwardOnly);
    this.own = new OwnMember(config, overlay, random);
    this.reflexive = new Reflexive(random);
    this.beaconAt = now;
    if (config.forwardOnly) outbox.command({ kind: 'set-forward-only', on: true });
  }

  deadline(): number {
    return Math.min(this.reflexive.deadline(), this.beaconAt);
  }

  tick(now: number): void {
    if (this.reflexive.deadline() <= now) this.askOutside(now);
    if (this.beaconAt <= now) this.announce(now);
  }

  setInterfaces(now: number, addresses: readonly LocalAddress[]): void {
    this.surroundings.setAddresses(addresses);
    this.reflexive.restart(now);
    if (this.own.setLocal(addresses)) this.recordChanged(now);
  }

  /** Links or routes changed: we may be seen elsewhere now. */
  routesChanged(now: number): void {
    this.reflexive.askAnew(now);
  }

  /** Our overlay addresses are others. */
  overlayChanged(now: number): void {
    this.own.overlayChanged();
    this.own.forgetObserved((endpoint) => this.surroundings.isInside(endpoint));
    this.recordChanged(now);
  }

  /** Subnets of the other networks of this daemon. Says whether they're others than before. */
  setOverlays(now: number, subnets: readonly Cidr[]): boolean {
    if (!this.surroundings.setOverlays(subnets)) return false;
    if (this.own.forgetObserved((endpoint) => this.surroundings.isInside(endpoint))) this.recordChanged(now);
    return true;
  }

  /** Nodes of the DHT to ask where they see us. `isTrusted`: the user named this DHT. */
  setNodes(now: number, nodes: readonly Endpoint[], isTrusted: boolean): void {
    const usable = nodes.filter((node) => this.surroundings.isCandidate(node));
    this.reflexive.setNodes(now, usable, isTrusted);
    this.askOutside(now);
  }

  /** A router lets datagrams in to us there; null: none does any more. */
  setForwarded(now: number, external: Endpoint | null): void {
    if (this.own.setForwarded(external)) this.recordChanged(now);
  }

  /** The others are told first, on the paths that there still are. Says whether it's news. */
  setForwardOnly(now: number, on: boolean): boolean {
    if (!this.own.setForwardOnly(on)) return false;
    this.recordChanged(now);
    this.surroundings.setForwardOnly(on);
    this.outbox.command({ kind: 'set-forward-only', on });
    return true;
  }

  setProfile(now: number, profile: MemberProfile): void {
    if (this.own.setProfile(profile)) this.recordChanged(now);
  }

  /** Someone who isn't anyone saw our datagrams come from there. */
  seenAt(now: number, observed: Endpoint): void {
    if (!this.surroundings.isInside(observed) && this.own.seenAt(now, observed)) this.recordChanged(now);
  }

  /** A node of the DHT may have answered. */
  nodeAnswered(now: number, datagram: Uint8Array, from: Endpoint): void {
    if (!this.reflexive.received(now, datagram, from)) return;
    const mapped = this.reflexive.mapped(now).filter((endpoint) => !this.surroundings.isInside(endpoint));
    if (this.own.setMapped(mapped)) this.recordChanged(now);
  }

  /** Our record is another one now: all are told, whoever publishes it, whoever hears our beacons, and the members. */
  recordChanged(now: number): void {
    this.outbox.push({ kind: 'record', record: this.own.record.bytes });
    this.announce(now);
    this.listener.recordChanged();
  }

  /** Tells the LAN that we're here. */
  announce(now: number): void {
    if (!this.listener.isRunning()) return;
    this.beaconAt = now + BEACON_INTERVAL;
    if (this.own.isForwardOnly) return;
    const beacon = { stamp: this.stamper.next(), port: this.config.port, record: this.own.record.bytes };
    this.outbox.push({ kind: 'beacon', payload: writeBeacon(beacon) });
  }

  describe(now: number): Pick<NetworkDetails, 'nat' | 'outside' | 'endpoints'> {
    return {
      nat: this.reflexive.kind(now, (endpoint) => this.own.isLocal(endpoint)),
      outside: this.reflexive.outside(now),
      endpoints: this.own.record.endpoints,
    };
  }

  private askOutside(now: number): void {
    for (const { to, datagram } of this.reflexive.tick(now))
      if (!this.own.isForwardOnly) this.outbox.datagram(to, datagram);
  }
}
