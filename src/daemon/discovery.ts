/** All that finds the members of one network: beacons on the LAN, a DHT, peers and relays by name; and the router, by whose mapping they find us. */
import type { LocalAddress } from '../core/local-address.js';
import type { DefaultRoute } from '../core/port-mapping.js';
import { Meeting } from '../discovery/dht/meeting.js';
import type { DhtProcess } from '../discovery/dht/process.js';
import type { LanBeacons } from '../discovery/lan.js';
import type { PortMappingState } from '../discovery/port-mapping/port-mapping.js';
import type { Identity } from '../network/identity.js';
import type { NetworkInput, NetworkSnapshot } from '../network/io.js';
import type { NetworkSecrets } from '../network/secrets.js';
import { type HttpProxy, MEMBERS } from '../rpc/relay-fields.js';
import type { Host } from './host.js';
import type { Logger } from './log.js';
import type { LiveFigures } from './metrics/figures.js';
import type { Pins } from './pins.js';
import { PortMapper } from './port-mapper.js';
import { RelayNames } from './relay-names.js';
import type { SavedNetwork } from './saved.js';
import { StaticPeers } from './static-peers.js';

export interface DiscoveryOptions {
  readonly host: Host;
  readonly saved: SavedNetwork;
  readonly bootCounter: number;
  readonly lan: boolean;
  readonly portMapping: boolean;
  /** Where members meet in a DHT, or null. */
  readonly dht: { readonly process: DhtProcess; readonly bootstrap: readonly string[] | null } | null;
  readonly log: Logger;
  /** Relays that it uses, `[ID@]HOST[:PORT[/TLSPORT]]`, or `members`. */
  readonly relays: readonly string[];
  readonly pins: Pins;
  readonly proxy: HttpProxy | null;
}

/** The network whose members are looked for. */
export interface Seeker {
  feed(input: NetworkInput): void;
  snapshot(): NetworkSnapshot;
}

export class Discovery {
  private readonly lan: LanBeacons | null;
  private readonly meeting: Meeting | null;
  private readonly portMapper: PortMapper | null;
  private readonly statics: StaticPeers;
  private readonly relayNames: RelayNames;
  private addresses: readonly LocalAddress[] = [];
  private route: DefaultRoute | null = null;
  private forwardOnly: boolean;

  /** Nothing is fed before the constructor is through. */
  constructor(
    private readonly options: DiscoveryOptions,
    private readonly seeker: Seeker,
    secrets: NetworkSecrets,
    identity: Identity,
  ) {
    const { host, saved } = options;
    this.forwardOnly = saved.forwardOnly;
    this.lan = options.lan && !saved.noLan ? this.openLan(secrets.lanKey) : null;
    this.meeting = this.openMeeting(secrets, identity);
    this.portMapper = options.portMapping ? this.openPortMapper(identity) : null;
    this.statics = new StaticPeers(
      saved.peers,
      (text) => host.resolvePeer(text),
      (input) => seeker.feed(input),
      () => seeker.snapshot().unanswered.map(({ name }) => name),
    );
    this.relayNames = new RelayNames({
      ...{ relays: options.relays.filter((relay) => relay !== MEMBERS), pins: options.pins, proxy: options.proxy },
      resolve: (text) => host.resolvePeer(text),
      feed: (input) => seeker.feed(input),
      missing: () => seeker.snapshot().relays.flatMap(({ name, state }) => (state === 'connected' ? [] : [name])),
    });
  }

  /** This machine's: beacons leave from each of them. */
  setAddresses(addresses: readonly LocalAddress[]): void {
    this.addresses = addresses;
    this.lan?.setAddresses(this.forwardOnly ? [] : addresses);
  }

  /** The way out may have changed, and with it the router that can map our port. */
  setRoute(route: DefaultRoute | null): void {
    this.route = route;
    this.portMapper?.setRoute(this.forwardOnly ? null : route);
  }

  /** Through relays only, or not: beacons and a mapping are of no use then. */
  setForwardOnly(on: boolean): void {
    this.forwardOnly = on;
    this.setAddresses(this.addresses);
    this.setRoute(this.route);
  }

  /** What the network has to say on the LAN. */
  announce(payload: Uint8Array): void {
    this.lan?.announce(payload);
  }

  /** Our member record, for who looks in the DHT. */
  publish(record: Uint8Array): void {
    this.meeting?.setRecord(record);
  }

  /** What's pinned of relays is another matter now. */
  pinsChanged(): void {
    this.relayNames.lookAll();
  }

  /** Names that didn't resolve may do so now that this machine has other addresses. */
  lookAgain(): void {
    this.statics.refresh();
    this.relayNames.refresh();
  }

  /** The snapshot, with what's known here of why names don't answer, and what a person should know of the DHT. */
  explain(snapshot: NetworkSnapshot): NetworkSnapshot {
    const unanswered = snapshot.unanswered.map((peer) => ({
      ...peer,
      lastError: this.statics.errorOf(peer.name) ?? peer.lastError,
    }));
    const relays = snapshot.relays.map((relay) => ({
      ...relay,
      lastError: this.relayNames.errorOf(relay.name) ?? relay.lastError,
    }));
    return { ...snapshot, relays, unanswered, problems: [...snapshot.problems, ...(this.meeting?.problems() ?? [])] };
  }

  /** In words. */
  lanState(): string {
    return this.lan?.state() ?? 'off';
  }

  /** In words. */
  dhtState(): string {
    return this.meeting?.state() ?? 'off';
  }

  /** Nodes that are known of the DHT in which its members meet, and which DHT that is. */
  dhtNodes(): { readonly where: string; readonly nodes: number } {
    const { dht } = this.options;
    if (dht === null || this.meeting === null) return { where: 'off', nodes: 0 };
    return { where: dht.bootstrap?.join(',') ?? 'public', nodes: this.meeting.nodes() };
  }

  /** What's measured of the DHT; null: it's switched off. */
  dhtFigures(): LiveFigures['dht'] {
    return this.meeting?.figures() ?? null;
  }

  /** Null: it's switched off. */
  portMapping(): PortMappingState | null {
    return this.forwardOnly ? null : (this.portMapper?.state() ?? null);
  }

  /** Looks for nobody any more, and gives a mapping back. */
  async close(): Promise<void> {
    this.statics.stop();
    this.relayNames.stop();
    this.meeting?.close();
    await Promise.all([this.lan?.close(), this.portMapper?.stop()]);
  }

  private openMeeting({ topicKey, recordKey }: NetworkSecrets, { announceSecret }: Identity): Meeting | null {
    const { dht, bootCounter, log } = this.options;
    if (dht === null) return null;
    return new Meeting({
      ...dht,
      secrets: { topicKey, recordKey, announceSecret },
      bootCounter,
      onFound: (record) => this.seeker.feed({ kind: 'found', record, source: 'dht' }),
      onNodes: (nodes) => this.seeker.feed({ kind: 'dht-nodes', nodes, isTrusted: dht.bootstrap !== null }),
      onProblem: (text) => log.warn(`DHT: ${text}`),
    });
  }

  private openPortMapper({ mappingNonce }: Identity): PortMapper {
    const { host, saved, log } = this.options;
    return new PortMapper({
      client: host.mapping,
      now: () => host.now(),
      port: saved.port,
      nonce: mappingNonce,
      onMapped: (external) => this.seeker.feed({ kind: 'port-mapped', external }),
      log,
    });
  }

  private openLan(lanKey: Uint8Array): LanBeacons {
    return this.options.host.openLan({
      lanKey,
      onBeacon: (payload, from) => this.seeker.feed({ kind: 'beacon', payload, from }),
      onProblem: (message) => this.options.log.warn(`LAN discovery: ${message}`),
    });
  }
}
