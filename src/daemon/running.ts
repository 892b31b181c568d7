/** A network that's up: its device, its machine, and the discovery that feeds it. */

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type Cidr, formatCidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { DefaultRoute } from '../core/port-mapping.js';
import { type Device, type DeviceCommand, DeviceError, type DeviceEvent, type Help } from '../device/device.js';
import { Meeting } from '../discovery/dht/meeting.js';
import type { DhtProcess } from '../discovery/dht/process.js';
import type { LanBeacons } from '../discovery/lan.js';
import type { PortMappingState } from '../discovery/port-mapping/port-mapping.js';
import type { Acquaintance } from '../network/acquaintances.js';
import type { ChosenAddress } from '../network/addresses/claims.js';
import { ulaOf } from '../network/addresses/derived.js';
import type { NetworkEvent } from '../network/events.js';
import { deriveIdentity, type Identity } from '../network/identity.js';
import type { NetworkDetails, NetworkInput, NetworkOutput, NetworkSnapshot, RememberedPeer } from '../network/io.js';
import { Network } from '../network/network.js';
import type { RelayOffer } from '../network/record.js';
import { type NetworkSecrets, networkSecrets } from '../network/secrets.js';
import { RpcError } from '../rpc/errors.js';
import { type HttpProxy, MEMBERS } from '../rpc/relay-fields.js';
import type { Host } from './host.js';
import { queueOf } from './keys.js';
import type { Logger } from './log.js';
import { Loop } from './loop.js';
import type { LiveFigures } from './metrics/figures.js';
import { cidrs, type DeviceChoices, deviceConfig, networkConfig } from './network-config.js';
import { type PingAnswer, Pings } from './pings.js';
import type { Pins } from './pins.js';
import { PortMapper } from './port-mapper.js';
import { RelayNames } from './relay-names.js';
import type { SavedNetwork } from './saved.js';
import { StaticPeers } from './static-peers.js';

export interface RunningOptions {
  readonly host: Host;
  readonly saved: SavedNetwork;
  /** 32 bytes. */
  readonly master: Uint8Array;
  readonly bootCounter: number;
  readonly lan: boolean;
  readonly portMapping: boolean;
  /** What of the system's help the device uses, with how many threads, and how it marks its datagrams. */
  readonly choices: DeviceChoices;
  /** Where members meet in a DHT, or null. */
  readonly dht: { readonly process: DhtProcess; readonly bootstrap: readonly string[] | null } | null;
  readonly addresses: readonly LocalAddress[];
  readonly route: DefaultRoute | null;
  /** Subnets of this daemon's other networks. */
  readonly overlays: readonly Cidr[];
  readonly log: Logger;
  /** Relays that it uses, `[ID@]HOST[:PORT[/TLSPORT]]`. */
  readonly relays: readonly string[];
  /** The relay that this machine serves and offers to members, or null. */
  readonly relayOffer: RelayOffer | null;
  readonly pins: Pins;
  readonly proxy: HttpProxy | null;
  readonly onEvent: (event: NetworkEvent) => void;
  /** Keys that ended up to this moment (ms since 1970) have to be forgotten. */
  readonly onWipeKeys: (until: number) => void;
  /** It chose this address, or has no chosen one now. */
  readonly onChosen: (chosen: ChosenAddress | null) => void;
  readonly onAcquaintances: (acquaintances: readonly Acquaintance[]) => void;
  readonly onRemember: (peers: readonly RememberedPeer[]) => void;
  /** The device is gone; the network must be closed. */
  readonly onGone: (error: string) => void;
}

/** How often the wall clock is looked at, in ms. */
const CLOCK_MS = 10_000;

const HELPS: readonly Help[] = ['tap-offload', 'udp-gso', 'udp-gro'];

/** Emits `activity` whenever something may have changed. */
export class RunningNetwork extends EventEmitter<{ activity: [] }> {
  private readonly loop: Loop<NetworkInput, NetworkOutput>;
  private readonly statics: StaticPeers;
  private readonly lan: LanBeacons | null;
  private readonly meeting: Meeting | null;
  private readonly portMapper: PortMapper | null;
  private readonly openedAt: number;
  private route: DefaultRoute | null = null;
  private readonly relayNames: RelayNames;
  private addresses: readonly LocalAddress[] = [];
  private forwardOnly: boolean;
  private mtu: number;
  private readonly clockTimer: NodeJS.Timeout;
  private readonly pings = new Pings();

  private constructor(
    private readonly options: RunningOptions,
    private readonly machine: Network,
    private readonly device: Device,
    secrets: NetworkSecrets,
    identity: Identity,
    /** The IPv6 address that follows from its identity, with prefix; null if it has none. */
    readonly ula: string | null,
  ) {
    super();
    this.setMaxListeners(0); // each waiting call is one; the RPC server bounds them
    const { host, saved } = options;
    this.openedAt = host.now();
    this.forwardOnly = saved.forwardOnly;
    this.mtu = saved.mtu;
    this.loop = new Loop(
      machine,
      () => host.now(),
      (outputs) => this.carryOut(outputs),
    );
    this.lan = options.lan && !saved.noLan ? this.openLan(secrets.lanKey) : null;
    this.meeting = this.openMeeting(secrets, identity);
    this.portMapper = options.portMapping ? this.openPortMapper(identity) : null;
    this.setOverlays(options.overlays); // first: what lies inside an overlay must not be tried even once
    this.setAddresses(options.addresses);
    this.setRoute(options.route);
    this.statics = new StaticPeers(
      saved.peers,
      (text) => host.resolvePeer(text),
      (input) => this.feed(input),
      () => this.snapshot().unanswered.map(({ name }) => name),
    );
    this.relayNames = new RelayNames({
      ...{ relays: options.relays.filter((relay) => relay !== MEMBERS), pins: options.pins, proxy: options.proxy },
      resolve: (text) => host.resolvePeer(text),
      feed: (input) => this.feed(input),
      missing: () => this.snapshot().relays.flatMap(({ name, state }) => (state === 'connected' ? [] : [name])),
    });
    this.clockTimer = setInterval(() => this.lookAtClock(), CLOCK_MS);
  }

  /** Opens the device and lets the network begin. Rejects with a `DeviceError`, and then nothing is left behind. */
  static async open(options: RunningOptions): Promise<RunningNetwork> {
    const { host, saved } = options;
    const secrets = networkSecrets(saved.root);
    const identity = deriveIdentity(options.master, secrets.networkId);
    const config = networkConfig(saved, identity, options.bootCounter, memberRelays(options), () => host.wall());
    const early: DeviceEvent[] = [];
    let onEvents = (events: readonly DeviceEvent[]): void => void early.push(...events);
    const device = await host.openDevice({ ...deviceConfig(config, saved), ...options.choices }, (events) =>
      onEvents(events),
    );
    try {
      const ula = config.ula
        ? giveUla(device, formatCidr(ulaOf(secrets.networkId, identity.publicKey)), options.log)
        : null;
      const machine = new Network(
        { ...config, ula: ula !== null },
        (bytes) => new Uint8Array(randomBytes(bytes)),
        host.now(),
      );
      const running = new RunningNetwork(options, machine, device, secrets, identity, ula);
      onEvents = (events) => running.onEvents(events);
      running.onEvents(early);
      return running;
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  setAddresses(addresses: readonly LocalAddress[]): void {
    this.addresses = addresses;
    this.lan?.setAddresses(this.forwardOnly ? [] : addresses);
    this.feed({ kind: 'interfaces', addresses });
  }

  /** The way out may have changed, and with it the router that can map our port. */
  setRoute(route: DefaultRoute | null): void {
    this.route = route;
    this.portMapper?.setRoute(this.forwardOnly ? null : route);
  }

  /** Through relays only, or not. */
  setForwardOnly(on: boolean): void {
    this.forwardOnly = on;
    this.lan?.setAddresses(on ? [] : this.addresses);
    this.setRoute(this.route); // a mapping is of no use then
    this.feed({ kind: 'forward-only', on });
  }

  /** The device's, in bytes. Throws an `RpcError` if the system refuses it. */
  setMtu(mtu: number): void {
    if (mtu === this.mtu) return;
    try {
      this.device.apply([{ kind: 'set-mtu', mtu }]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RpcError('device-failed', `mtu: the system refuses ${mtu}: ${reason}`);
    }
    this.mtu = mtu;
  }

  /** What this machine says of itself. */
  setProfile({ name, mtu, routes }: SavedNetwork): void {
    this.feed({ kind: 'profile', profile: { name, mtu, routes: cidrs(routes) } });
  }

  /** What's pinned is another matter now. */
  pinsChanged(): void {
    this.relayNames.lookAll();
  }

  /** Links or routes have changed, and addresses haven't. */
  routesChanged(): void {
    this.feed({ kind: 'routes' });
  }

  /** Subnets of this daemon's other networks. */
  setOverlays(subnets: readonly Cidr[]): void {
    this.feed({ kind: 'overlays', subnets });
  }

  /** Names that didn't resolve may do so now that this machine has other addresses. */
  lookAgain(): void {
    this.statics.refresh();
    this.relayNames.refresh();
  }

  /** Gives the device these addresses, and its IPv6 one, in place of all others. Throws a `DeviceError`; then it has those that it had. */
  wear(addresses: readonly string[]): void {
    this.device.setAddresses([...addresses, ...(this.ula === null ? [] : [this.ula])]);
  }

  /** These addresses are its own from now on, and one that it chooses, if it is to. */
  setOwnAddresses(addresses: readonly string[], dynamic: boolean): void {
    this.feed({ kind: 'set-addresses', addresses, dynamic });
  }

  get isSeeking(): boolean {
    return this.machine.isSeeking;
  }

  /** Resolves once it has the address that it looks for, or when `ms` have passed. */
  addressed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.off('activity', look);
        resolve();
      };
      const look = () => {
        if (!this.isSeeking) done();
      };
      const timer = setTimeout(done, ms);
      this.on('activity', look);
      look();
    });
  }

  snapshot(): NetworkSnapshot {
    const snapshot = this.machine.snapshot(this.options.host.now(), this.device.stats());
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

  /** The key queue is this one from now on. */
  setKeys(keys: SavedNetwork['keys']): void {
    this.lookAtClock();
    this.feed({ kind: 'keys', keys: queueOf(this.options.saved.root, keys) });
  }

  /** These peer ids are blocked from now on, and no others. */
  block(ids: readonly string[]): void {
    this.feed({ kind: 'block', ids });
  }

  /** That this member has another's overlay address now is as it should be. */
  accept(id: string): void {
    this.feed({ kind: 'accept', id });
  }

  /** Switches what of the system's help the device uses; what isn't named stays. */
  setHelp(help: Partial<Record<Help, boolean | undefined>>): void {
    const commands = HELPS.flatMap((name): DeviceCommand[] => {
      const on = help[name];
      return on === undefined ? [] : [{ kind: 'set-help', help: name, on }];
    });
    this.device.apply(commands);
  }

  /** Pings a member on the path in use; null if it doesn't answer within `ms`. Whoever calls bounds how many go on at once. */
  ping(peer: string, ms: number): Promise<PingAnswer | null> {
    return this.pings.ask(ms, (request) => this.feed({ kind: 'ping', peer, request }));
  }

  /** What the data plane dropped, by reason. */
  deviceDrops(): Readonly<Record<string, number>> {
    return this.device.stats().drops;
  }

  details(): NetworkDetails {
    return this.machine.details(this.options.host.now());
  }

  /** Nodes that are known of the DHT in which its members meet, and which DHT that is. */
  dhtNodes(): { readonly where: string; readonly nodes: number } {
    const { dht } = this.options;
    if (dht === null || this.meeting === null) return { where: 'off', nodes: 0 };
    return { where: dht.bootstrap?.join(',') ?? 'public', nodes: this.meeting.nodes() };
  }

  /** What's measured of it, beyond what it says of itself. */
  figures(): LiveFigures {
    return { handshakes: this.snapshot().handshakes, dht: this.meeting?.figures() ?? null };
  }

  /** For how long it has been up, in ms. */
  upMs(): number {
    return this.options.host.now() - this.openedAt;
  }

  dhtState(): string {
    return this.meeting?.state() ?? 'off';
  }

  lanState(): string {
    return this.lan?.state() ?? 'off';
  }

  /** Null: it's switched off. */
  portMapping(): PortMappingState | null {
    return this.forwardOnly ? null : (this.portMapper?.state() ?? null);
  }

  /** Says goodbye to the members, and closes. */
  async leave(): Promise<void> {
    this.feed({ kind: 'leave' });
    await this.close();
  }

  /** Removes the device and closes all sockets. */
  async close(): Promise<void> {
    this.loop.stop();
    clearInterval(this.clockTimer);
    this.statics.stop();
    this.relayNames.stop();
    this.meeting?.close();
    await Promise.all([this.lan?.close(), this.device.close(), this.portMapper?.stop()]);
    this.emit('activity');
    this.removeAllListeners();
  }

  /** Somebody may have set it, or the machine slept. */
  private lookAtClock(): void {
    this.feed({ kind: 'clock', wall: this.options.host.wall() });
  }

  private feed(input: NetworkInput): void {
    this.loop.feed([input]);
    this.emit('activity');
  }

  private onEvents(events: readonly DeviceEvent[]): void {
    if (events.length === 0) return;
    this.loop.feed(events.map((event) => ({ kind: 'device', event })));
    this.emit('activity');
    const gone = events.find((event) => event.kind === 'device-gone');
    if (gone !== undefined) this.options.onGone(gone.error);
  }

  private carryOut(outputs: readonly NetworkOutput[]): void {
    const commands: DeviceCommand[] = [];
    for (const output of outputs) {
      if (output.kind === 'device') commands.push(output.command);
      else this.carryOutOther(output);
    }
    if (commands.length > 0) this.apply(commands);
  }

  private carryOutOther(output: Exclude<NetworkOutput, { kind: 'device' }>): void {
    switch (output.kind) {
      case 'beacon':
        this.lan?.announce(output.payload);
        break;
      case 'record':
        this.meeting?.setRecord(output.record);
        break;
      case 'wipe-keys':
        this.options.onWipeKeys(output.until);
        break;
      case 'pong':
        this.pings.answered(output.pong);
        break;
      case 'addresses':
        this.wearChosen(output);
        break;
      case 'acquaintances':
        this.options.onAcquaintances(output.acquaintances);
        break;
      case 'pin':
        this.options.pins.add(output.relay, output.key);
        break;
      case 'remember':
        this.options.onRemember(output.peers);
        break;
      case 'event':
        this.options.onEvent(output.event);
        break;
      case 'notable':
        this.options.log[output.level](output.facts, output.message);
        break;
    }
  }

  private wearChosen({ addresses, chosen }: Extract<NetworkOutput, { kind: 'addresses' }>): void {
    this.options.onChosen(chosen);
    try {
      this.device.setAddresses(addresses);
    } catch (error) {
      const { message } = error as Error;
      this.options.log.error({ addresses: addresses.join(), error: message }, 'the system refuses addresses');
      const [ip] = chosen?.address.split('/') ?? [];
      if (ip !== undefined) this.feed({ kind: 'address-refused', ip, error: message });
    }
  }

  /** A command that the data plane refuses is a mistake of ours: it's told, and costs no more than itself. */
  private apply(commands: readonly DeviceCommand[]): void {
    try {
      this.device.apply(commands);
    } catch (error) {
      this.options.log.error({ err: error }, 'the data plane refused a command');
    }
  }

  private openMeeting({ topicKey, recordKey }: NetworkSecrets, { announceSecret }: Identity): Meeting | null {
    const { dht, bootCounter, log } = this.options;
    if (dht === null) return null;
    return new Meeting({
      ...dht,
      secrets: { topicKey, recordKey, announceSecret },
      bootCounter,
      onFound: (record) => this.feed({ kind: 'found', record, source: 'dht' }),
      onNodes: (nodes) => this.feed({ kind: 'dht-nodes', nodes, isTrusted: dht.bootstrap !== null }),
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
      onMapped: (external) => this.feed({ kind: 'port-mapped', external }),
      log,
    });
  }

  private openLan(lanKey: Uint8Array): LanBeacons {
    return this.options.host.openLan({
      lanKey,
      onBeacon: (payload, from) => this.feed({ kind: 'beacon', payload, from }),
      onProblem: (message) => this.options.log.warn(`LAN discovery: ${message}`),
    });
  }
}

/** A system without IPv6 refuses it, and then it's done without; what was given to the network, the device has to take. */
function giveUla(device: Device, ula: string, log: Logger): string | null {
  try {
    device.setAddresses([...device.config.addresses, ula]);
    return ula;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    log.info({ ula, error: error.message }, 'the system refuses the IPv6 address; going on without');
    return null;
  }
}

/** What the machine is told of relays of members: the one offered here, and whether those of others are used. */
function memberRelays({ relayOffer, relays }: RunningOptions) {
  return { relayOffer, useMemberRelays: relays.includes(MEMBERS) };
}
