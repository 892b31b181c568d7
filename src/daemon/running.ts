/** A network that's up: its device, its machine, and what they do for each other. */

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { type Cidr, formatCidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { DefaultRoute } from '../core/port-mapping.js';
import { type Device, type DeviceCommand, DeviceError, type DeviceEvent, type Help } from '../device/device.js';
import { ulaOf } from '../network/addresses/derived.js';
import { deriveIdentity, type Identity } from '../network/identity.js';
import type { NetworkDetails, NetworkInput, NetworkOutput, NetworkSnapshot } from '../network/io.js';
import { Network } from '../network/network.js';
import type { RelayOffer } from '../network/record.js';
import { type NetworkSecrets, networkSecrets } from '../network/secrets.js';
import { RpcError } from '../rpc/errors.js';
import { MEMBERS } from '../rpc/relay-fields.js';
import { Discovery, type DiscoveryOptions } from './discovery.js';
import { Effects, type Keepers } from './effects.js';
import { queueOf } from './keys.js';
import type { Logger } from './log.js';
import { Loop } from './loop.js';
import type { LiveFigures } from './metrics/figures.js';
import { cidrs, type DeviceChoices, deviceConfig, networkConfig } from './network-config.js';
import { type PingAnswer, Pings } from './pings.js';
import type { SavedNetwork } from './saved.js';

export interface RunningOptions extends DiscoveryOptions, Keepers {
  /** 32 bytes. */
  readonly master: Uint8Array;
  /** What of the system's help the device uses, with how many threads, and how it marks its datagrams. */
  readonly choices: DeviceChoices;
  readonly addresses: readonly LocalAddress[];
  readonly route: DefaultRoute | null;
  /** Subnets of this daemon's other networks. */
  readonly overlays: readonly Cidr[];
  /** The relay that this machine serves and offers to members, or null. */
  readonly relayOffer: RelayOffer | null;
  /** The device is gone; the network must be closed. */
  readonly onGone: (error: string) => void;
}

/** How often the wall clock is looked at, in ms. */
const CLOCK_MS = 10_000;

const HELPS: readonly Help[] = ['tap-offload', 'udp-gso', 'udp-gro'];

/** Emits `activity` whenever something may have changed. */
export class RunningNetwork extends EventEmitter<{ activity: [] }> {
  private readonly loop: Loop<NetworkInput, NetworkOutput>;
  /** What finds its members. */
  readonly discovery: Discovery;
  private readonly openedAt: number;
  private mtu: number;
  private readonly clockTimer: NodeJS.Timeout;
  private readonly pings = new Pings();
  private readonly effects: Effects;

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
    this.mtu = saved.mtu;
    this.loop = new Loop(
      machine,
      () => host.now(),
      (outputs) => this.effects.carryOut(outputs),
    );
    const feed = (input: NetworkInput) => this.feed(input);
    this.discovery = new Discovery(options, { feed, snapshot: () => this.snapshot() }, secrets, identity);
    this.effects = new Effects({ device, discovery: this.discovery, pings: this.pings, keepers: options, feed });
    this.setOverlays(options.overlays); // first: what lies inside an overlay must not be tried even once
    this.setAddresses(options.addresses);
    this.discovery.setRoute(options.route);
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

  /** This machine's. */
  setAddresses(addresses: readonly LocalAddress[]): void {
    this.discovery.setAddresses(addresses);
    this.feed({ kind: 'interfaces', addresses });
  }

  /** Through relays only, or not. */
  setForwardOnly(on: boolean): void {
    this.discovery.setForwardOnly(on);
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

  /** Links or routes have changed, and addresses haven't. */
  routesChanged(): void {
    this.feed({ kind: 'routes' });
  }

  /** Subnets of this daemon's other networks. */
  setOverlays(subnets: readonly Cidr[]): void {
    this.feed({ kind: 'overlays', subnets });
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
    return this.discovery.explain(this.machine.snapshot(this.options.host.now(), this.device.stats()));
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

  /** What's measured of it, beyond what it says of itself. */
  figures(): LiveFigures {
    return { handshakes: this.snapshot().handshakes, dht: this.discovery.dhtFigures() };
  }

  /** For how long it has been up, in ms. */
  upMs(): number {
    return this.options.host.now() - this.openedAt;
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
    await Promise.all([this.discovery.close(), this.device.close()]);
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
