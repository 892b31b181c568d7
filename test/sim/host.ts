/** One machine of the simulation: the real network machine and a device in memory, at addresses, with a clock of its own. */
import { type Endpoint, endpointParts, makeEndpoint } from '../../src/core/endpoint.js';
import { inSubnet, isIpv6 } from '../../src/core/ip.js';
import type { DeviceCommand, DeviceEvent } from '../../src/device/device.js';
import { MemoryDevice } from '../../src/device/memory.js';
import type { Origin } from '../../src/device/relay-device.js';
import type { Acquaintance } from '../../src/network/acquaintances.js';
import type { ChosenAddress } from '../../src/network/addresses/claims.js';
import type { NetworkEvent } from '../../src/network/events.js';
import { defaultMac, deriveIdentity, type Identity } from '../../src/network/identity.js';
import type { NetworkInput, NetworkOutput, PeerSnapshot, RememberedPeer } from '../../src/network/io.js';
import { Network } from '../../src/network/network.js';
import { admissionKey, keyEntry } from '../../src/network/secrets.js';
import type { SimRelay } from './relay.js';
import { type HostOptions, PORT, SECRETS, type World } from './world.js';

/** When a host's clock began, in ms since 1970: noon. */
export const EPOCH = Date.UTC(2026, 10, 21, 12);
/** Ticks at one moment of virtual time after which a machine is said to spin. */
const MAX_TICKS_AT_ONCE = 50;
/** How often its daemon looks at the wall clock, in ms. */
const CLOCK_MS = 10_000;

export class SimHost {
  readonly master: Uint8Array;
  readonly identity: Identity;
  readonly device: MemoryDevice;
  readonly network: Network;
  readonly frames: Uint8Array[] = [];
  readonly notables: string[] = [];
  readonly events: NetworkEvent[] = [];
  /** Moments up to which its daemon was told to wipe keys. */
  readonly wiped: number[] = [];
  remembered: readonly RememberedPeer[] = [];
  acquaintances: readonly Acquaintance[] = [];
  /** The address that it chose, as it was to be kept last. */
  chosen: ChosenAddress | null;
  /** Moments at which its device got other addresses. */
  readonly addressesChangedAt: number[] = [];
  /** As published last. */
  record: Uint8Array | null = null;
  running = true;
  /** Times that the machine was woken by its own deadline. */
  ticks = 0;
  /** Its first address, or its last first one while it has none. */
  ip: string;
  private addresses: readonly string[] = [];
  private readonly prefix: number;
  /** What its clock shows beyond the world's, in ms. */
  private ahead: number;
  /** The same of its wall clock. */
  private wallAhead: number;
  private asleep = false;
  private readonly streams = new Map<Endpoint, Origin>();
  /** What it asked to be kept of the keys of relays. */
  readonly pins = new Map<string, Uint8Array>();
  private readonly missed: DeviceEvent[] = [];
  private wakeAt = Number.POSITIVE_INFINITY;
  private tickedAt = { moment: Number.NaN, times: 0 };

  constructor(
    readonly world: World,
    readonly options: HostOptions,
  ) {
    this.ip = options.ip;
    this.prefix = options.prefix ?? 24;
    this.ahead = options.clock ?? 0;
    this.chosen = options.chosen ?? null;
    const secrets = options.secrets ?? SECRETS;
    this.master = options.master ?? world.random(32);
    this.identity = deriveIdentity(this.master, secrets.networkId);
    const mac = defaultMac(this.identity.publicKey);
    const mtu = 1360;
    const addresses = options.dynamic === true ? [] : [`${options.overlay}/${options.overlayPrefix ?? 24}`];
    this.device = new MemoryDevice(
      {
        name: 'sim',
        mac,
        mtu,
        addresses: [...(options.chosen === undefined ? [] : [options.chosen.address]), ...addresses],
        port: PORT,
        networkAdmissionKey: admissionKey(secrets),
        ownAdmissionKey: admissionKey(secrets, this.identity.publicKey),
        cookieKey: secrets.cookieKey,
        tapOffload: false,
        udpGso: false,
        udpGro: false,
        threads: 1,
        fwmark: 0,
        mssClamp: false,
        bridge: options.bridge ?? false,
      },
      {
        random: world.random,
        now: () => this.now,
        send: (to, datagram) => this.transmit(to, datagram),
        tls: {
          open: (relay) => this.openStream(relay),
          close: (relay) => this.closeStream(relay),
          send: (relay, datagram) => this.sendStream(relay, datagram),
        },
        deliver: (frame) => this.deliver(frame),
        emit: (event) => this.deviceEvent(event),
      },
    );
    this.wallAhead = options.wallAhead ?? 0;
    const keys = options.keys ?? [keyEntry(secrets, options.key ?? null, Number.POSITIVE_INFINITY)];
    const bootCounter = options.bootCounter ?? 1;
    const config = {
      secrets,
      identity: this.identity,
      keys,
      wall: this.wall,
      name: options.overlay,
      addresses,
      dynamic: options.dynamic ?? false,
      chosen: options.chosen ?? null,
      ula: options.dynamic ?? false,
      mac,
      mtu,
      port: PORT,
      bootCounter,
      routes: [],
      forwardOnly: options.forwardOnly ?? false,
      bridge: options.bridge ?? false,
      relayOffer: options.relayOffer ?? null,
      useMemberRelays: options.useMemberRelays ?? false,
      unix: () => EPOCH + this.now,
    };
    this.network = new Network(
      {
        ...config,
        remembered: options.remembered ?? [],
        blocked: options.blocked ?? [],
        acquaintances: options.acquaintances ?? [],
      },
      world.random,
      this.now,
    );
    this.moveTo(options.ip, ...(options.alsoAt ?? []));
    if (options.keys !== undefined) this.lookAtClock();
  }

  /** Its own clock, in ms, monotonic. */
  get now(): number {
    return this.world.clock.now + this.ahead;
  }

  /** What its wall clock shows, in ms since 1970. */
  get wall(): number {
    return this.world.wall + this.wallAhead;
  }

  /** Somebody sets its wall clock to so many ms beyond the world's; the daemon notices when it looks next. */
  setWall(ahead: number): void {
    this.wallAhead = ahead;
  }

  get endpoint(): Endpoint {
    return makeEndpoint(this.ip, PORT);
  }

  /** The host's addresses become others; none: its interface is down. */
  moveTo(...ips: readonly string[]): void {
    if (!this.running) return;
    this.ip = ips[0] ?? this.ip;
    this.addresses = ips;
    const endpoints = ips.map((ip) => makeEndpoint(ip, PORT));
    this.world.place(this, endpoints);
    const prefix = (ip: string) => (isIpv6(ip) ? 64 : this.prefix);
    const addresses = ips.map((ip) => ({ device: 'eth0', zone: '2', ip, prefix: prefix(ip) }));
    this.input({ kind: 'interfaces', addresses });
  }

  /** Sleeps for so long; its monotonic clock stands still meanwhile (as Linux's does), or runs on. */
  sleep(ms: number, clock: 'stands' | 'runs'): void {
    this.asleep = true;
    this.world.clock.at(this.world.clock.now + ms, () => {
      if (clock === 'stands') this.ahead -= ms;
      this.asleep = false;
      for (const event of this.missed.splice(0)) this.input({ kind: 'device', event });
      this.wakeAt = Number.POSITIVE_INFINITY;
      this.schedule();
    });
  }

  input(input: NetworkInput): void {
    if (!this.isAwake) return;
    for (const output of this.network.handle(this.now, input)) this.carryOut(output);
    this.schedule();
  }

  receive(from: Endpoint, datagram: Uint8Array): void {
    if (!this.isAwake || this.options.udpBlocked) return;
    for (const observer of this.world.observers) observer.received?.(this, from);
    this.device.receive(from, datagram);
    this.schedule();
  }

  /** As `kill -9` does. */
  kill(): void {
    this.running = false;
    this.world.place(this, []);
    this.world.hosts.splice(this.world.hosts.indexOf(this), 1);
  }

  /** Sends an Ethernet frame with our source MAC. */
  send(destination: Uint8Array, payload: string): void {
    if (!this.isAwake) return;
    this.device.sendFrame(frame(destination, this.device.config.mac, payload));
    this.schedule();
  }

  get isAwake(): boolean {
    return this.running && !this.asleep;
  }

  /** Whether it's awake and has an address. */
  get isUp(): boolean {
    return this.isAwake && this.addresses.length > 0;
  }

  /** What a peer is to this host, by its overlay address. */
  peer(host: SimHost): PeerSnapshot | undefined {
    return this.snapshot().peers.find(({ id }) => id === host.identity.peerId);
  }

  isConnectedTo(...hosts: readonly SimHost[]): boolean {
    const connected = new Set(this.snapshot().peers.flatMap(({ id, state }) => (state === 'connected' ? [id] : [])));
    return hosts.every((host) => host === this || connected.has(host.identity.peerId));
  }

  snapshot() {
    return this.network.snapshot(this.now, this.device.stats());
  }

  private transmit(to: Endpoint, datagram: Uint8Array): void {
    if (!this.isAwake) return;
    for (const observer of this.world.observers) observer.hostSent?.(this, to, datagram);
    if (this.options.udpBlocked) return;
    const source = this.sourceFor(to);
    if (source !== null) this.world.carry(this, source, to, datagram);
    else this.deviceEvent({ kind: 'unreachable', at: this.now, to, error: 'ENETUNREACH' });
  }

  /** The address that a datagram leaves from, as the system chooses it: an on-link one first. Null: there's no route. */
  private sourceFor(to: Endpoint): Endpoint | null {
    const { ip } = endpointParts(to);
    const sameFamily = this.addresses.filter((own) => isIpv6(own) === isIpv6(ip));
    const onLink = sameFamily.find((own) => inSubnet(ip, { ip: own, prefix: isIpv6(own) ? 64 : this.prefix }));
    const source = onLink ?? (this.options.routes === 'on-link' ? undefined : sameFamily[0]);
    return source === undefined ? null : makeEndpoint(source, PORT);
  }

  /** Uses a relay; `key`: the one that it must have. */
  useRelay(relay: SimRelay, key: Uint8Array | null = null, name = relay.udp as string): void {
    this.input({ kind: 'relay', relay: { name, udp: relay.udp, tls: relay.tls, key, proxy: null, offeredBy: null } });
  }

  streamReceived(relay: SimRelay, datagram: Uint8Array): void {
    if (!this.isAwake || !this.streams.has(relay.tls)) return;
    this.device.tlsReceived(relay.tls, datagram);
    this.schedule();
  }

  streamBroken(relay: SimRelay): void {
    if (this.streams.delete(relay.tls) && this.running) this.device.tlsClosed(relay.tls, 'connection reset');
  }

  private openStream(endpoint: Endpoint): void {
    const relay = this.world.relays.find(({ tls }) => tls === endpoint);
    this.world.clock.at(this.world.clock.now + 3 * this.world.wire.delay, () => {
      if (!this.running) return;
      if (relay?.running !== true) return this.device.tlsClosed(endpoint, 'connection refused');
      this.streams.set(endpoint, relay.connect(this));
      this.device.tlsOpened(endpoint);
    });
  }

  private closeStream(endpoint: Endpoint): void {
    const origin = this.streams.get(endpoint);
    this.streams.delete(endpoint);
    if (origin !== undefined) this.world.relays.find(({ tls }) => tls === endpoint)?.disconnect(origin);
  }

  private sendStream(endpoint: Endpoint, datagram: Uint8Array): void {
    const origin = this.streams.get(endpoint);
    const relay = this.world.relays.find(({ tls }) => tls === endpoint);
    if (origin === undefined || relay === undefined) return;
    const address = makeEndpoint(this.options.nat?.ip ?? this.ip, 50_000);
    this.world.clock.at(this.world.clock.now + this.world.wire.delay, () =>
      relay.receiveStream(origin, address, datagram),
    );
  }

  private deliver(frame: Uint8Array): void {
    this.frames.push(frame);
    for (const observer of this.world.observers) observer.delivering?.(this, frame);
  }

  private carryOut(output: NetworkOutput): void {
    if (output.kind === 'device') this.command(output.command);
    else if (output.kind === 'beacon') this.world.beacon(this, output.payload);
    else if (output.kind === 'remember') this.remembered = output.peers;
    else if (output.kind === 'record') this.record = output.record;
    else if (output.kind === 'wipe-keys') this.wiped.push(output.until);
    else if (output.kind === 'acquaintances') this.acquaintances = output.acquaintances;
    else if (output.kind === 'notable') this.notables.push(output.message);
    else if (output.kind === 'addresses') this.wear(output.addresses, output.chosen);
    else if (output.kind === 'event') this.events.push(output.event);
    else if (output.kind === 'pin') this.pins.set(output.relay, output.key);
  }

  private wear(addresses: readonly string[], chosen: ChosenAddress | null): void {
    this.chosen = chosen;
    this.addressesChangedAt.push(this.world.clock.now);
    this.device.setAddresses(addresses);
  }

  private command(command: DeviceCommand): void {
    for (const observer of this.world.observers) observer.commanded?.(this, command);
    this.device.apply([command]);
  }

  private deviceEvent(event: DeviceEvent): void {
    this.world.clock.at(this.world.clock.now, () => {
      if (this.asleep) this.missed.push(event);
      else this.input({ kind: 'device', event });
    });
  }

  private schedule(): void {
    const due = Math.min(this.network.deadline(), this.device.deadline()) - this.ahead;
    if (due >= this.wakeAt || due === Number.POSITIVE_INFINITY) return;
    this.wakeAt = due;
    this.world.clock.at(due, () => this.wake(due));
  }

  private wake(due: number): void {
    if (due !== this.wakeAt || !this.isAwake) return;
    this.wakeAt = Number.POSITIVE_INFINITY;
    if (Math.min(this.network.deadline(), this.device.deadline()) <= this.now) {
      this.countTick();
      this.device.tick();
      this.input({ kind: 'tick' });
    }
    this.schedule();
  }

  private lookAtClock(): void {
    if (!this.running) return;
    this.input({ kind: 'clock', wall: this.wall });
    this.world.clock.at(this.world.clock.now + CLOCK_MS, () => this.lookAtClock());
  }

  private countTick(): void {
    this.ticks++;
    const { moment, times } = this.tickedAt;
    this.tickedAt = { moment: this.now, times: moment === this.now ? times + 1 : 1 };
    if (times >= MAX_TICKS_AT_ONCE && moment === this.now)
      throw new Error(`${this.options.overlay} spins at ${moment}`);
  }
}

export function frame(destination: Uint8Array, source: Uint8Array, payload: string): Uint8Array {
  return Uint8Array.from([...destination, ...source, 0x88, 0xb5, ...new TextEncoder().encode(payload)]);
}
