/** Members of networks in one process: the real machines on devices in memory, under virtual time, on wires that delay, lose and reorder. */

import { type Endpoint, endpointParts, makeEndpoint } from '../../src/core/endpoint.js';
import { type Random, randomU32 } from '../../src/core/random.js';
import type { DeviceEvent } from '../../src/device/device.js';
import { MemoryDevice } from '../../src/device/memory.js';
import { defaultMac, deriveIdentity, type Identity } from '../../src/network/identity.js';
import type { NetworkInput, NetworkOutput, PeerSnapshot, RememberedPeer } from '../../src/network/io.js';
import { Network } from '../../src/network/network.js';
import { admissionKey, type NetworkSecrets, networkSecrets, presharedKey } from '../../src/network/secrets.js';
import { VirtualClock } from './clock.js';
import type { Nat } from './nat.js';
import { seeded } from './random.js';

export const PORT = 4900;

export interface Wire {
  /** One way, in ms: at least, and how much more it may be (more than the least reorders). */
  delay: number;
  jitter: number;
  /** Probability that a datagram is lost, and that it comes twice. */
  loss: number;
  duplicates: number;
  /** Whether a datagram gets from one host to another at all. */
  passes: (from: SimHost, to: SimHost) => boolean;
  /** Whether beacons get from one host to another. */
  sharesLan: (from: SimHost, to: SimHost) => boolean;
}

export interface HostOptions {
  readonly ip: string;
  readonly overlay: string;
  readonly secrets?: NetworkSecrets;
  readonly key?: Uint8Array;
  readonly remembered?: readonly RememberedPeer[];
  readonly bootCounter?: number;
  readonly master?: Uint8Array;
  readonly prefix?: number;
  /** The NAT that it's behind; its address is a private one then. */
  readonly nat?: Nat;
}

export const SECRETS = networkSecrets(new Uint8Array(32).fill(7));

export class World {
  readonly clock = new VirtualClock();
  readonly hosts: SimHost[] = [];
  readonly random: Random;
  readonly wire: Wire = { delay: 5, jitter: 0, loss: 0, duplicates: 0, passes: () => true, sharesLan: () => true };
  /** Everything that was sent, for replays and for looking at. */
  readonly sent: {
    readonly from: Endpoint;
    readonly to: Endpoint;
    readonly datagram: Uint8Array;
    readonly at: number;
  }[] = [];

  readonly beacons: Uint8Array[] = [];
  private readonly reflectors = new Set<Endpoint>();

  constructor(readonly seed: number) {
    this.random = seeded(seed);
  }

  host(options: HostOptions): SimHost {
    const host = new SimHost(this, options);
    this.hosts.push(host);
    return host;
  }

  /** Puts a datagram onto the wire; `from` may be a lie. */
  carry(origin: SimHost | null, from: Endpoint, to: Endpoint, datagram: Uint8Array): void {
    const nat = origin?.options.nat;
    const isInside = nat !== undefined && this.hosts.some((host) => host.options.nat === nat && host.endpoint === to);
    const seenFrom = nat === undefined || isInside ? from : nat.out(this.clock.now, from, to);
    this.sent.push({ from: seenFrom, to, datagram, at: this.clock.now });
    const copies = this.chance(this.wire.loss) ? 0 : this.chance(this.wire.duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = this.wire.delay + this.fraction() * this.wire.jitter;
      this.clock.at(this.clock.now + delay, () => this.arrive(origin, seenFrom, to, datagram, isInside));
    }
  }

  /** A node of a DHT at a public address: all it does here is to say where it sees a PING come from. */
  reflector(ip: string): Endpoint {
    const node = makeEndpoint(ip, 49_737);
    this.reflectors.add(node);
    return node;
  }

  private arrive(origin: SimHost | null, from: Endpoint, to: Endpoint, datagram: Uint8Array, isInside: boolean): void {
    if (this.reflectors.has(to)) {
      this.carry(null, to, from, pong(datagram, from));
      return;
    }
    const nat = [...new Set(this.hosts.flatMap((host) => host.options.nat ?? []))].find(
      ({ ip }) => ip === endpointParts(to).ip,
    );
    const inside = nat === undefined ? to : nat.in(this.clock.now, from, to);
    const behind = nat ?? (isInside ? origin?.options.nat : undefined);
    const target = this.hosts.find((host) => host.endpoint === inside && host.options.nat === behind);
    if (target === undefined || (origin !== null && !this.wire.passes(origin, target))) return;
    target.receive(from, datagram);
  }

  /** Brings the records of all hosts to all others, as a DHT does. */
  publish(): void {
    for (const host of this.hosts) {
      for (const other of this.hosts) {
        if (other !== host && host.record !== null) other.input({ kind: 'found', record: host.record, source: 'dht' });
      }
    }
  }

  beacon(origin: SimHost, payload: Uint8Array): void {
    this.beacons.push(payload);
    for (const host of this.hosts) {
      if (host === origin || !this.wire.sharesLan(origin, host)) continue;
      this.clock.at(this.clock.now + this.wire.delay, () =>
        host.input({ kind: 'beacon', payload, from: makeEndpoint(origin.ip, 40_000) }),
      );
    }
  }

  fraction(): number {
    return randomU32(this.random) / 2 ** 32;
  }

  private chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }
}

export class SimHost {
  readonly master: Uint8Array;
  readonly identity: Identity;
  readonly device: MemoryDevice;
  readonly network: Network;
  readonly frames: Uint8Array[] = [];
  readonly notables: string[] = [];
  remembered: readonly RememberedPeer[] = [];
  /** As published last. */
  record: Uint8Array | null = null;
  running = true;
  ip: string;
  private readonly prefix: number;

  constructor(
    readonly world: World,
    readonly options: HostOptions,
  ) {
    this.ip = options.ip;
    this.prefix = options.prefix ?? 24;
    const secrets = options.secrets ?? SECRETS;
    this.master = options.master ?? world.random(32);
    this.identity = deriveIdentity(this.master, secrets.networkId);
    const mac = defaultMac(this.identity.publicKey);
    const mtu = 1360;
    const addresses = [`${options.overlay}/24`];
    this.device = new MemoryDevice(
      {
        name: 'sim',
        mac,
        mtu,
        addresses,
        port: PORT,
        fwmark: 0,
        networkAdmissionKey: admissionKey(secrets),
        ownAdmissionKey: admissionKey(secrets, this.identity.publicKey),
        cookieKey: secrets.cookieKey,
        tapOffload: false,
        udpGso: false,
        udpGro: false,
      },
      {
        random: world.random,
        now: () => world.clock.now,
        send: (to, datagram) => this.running && world.carry(this, this.endpoint, to, datagram),
        deliver: (frame) => this.frames.push(frame),
        emit: (event) => this.deviceEvent(event),
      },
    );
    const psk = presharedKey(secrets, options.key ?? null);
    const bootCounter = options.bootCounter ?? 1;
    const config = {
      secrets,
      identity: this.identity,
      psk,
      name: options.overlay,
      addresses,
      mac,
      mtu,
      port: PORT,
      bootCounter,
    };
    this.network = new Network({ ...config, remembered: options.remembered ?? [] }, world.random, world.clock.now);
    this.moveTo(options.ip);
  }

  get endpoint(): Endpoint {
    return makeEndpoint(this.ip, PORT);
  }

  /** The host's address becomes another one. */
  moveTo(ip: string): void {
    this.ip = ip;
    this.input({ kind: 'interfaces', addresses: [{ device: 'eth0', zone: '2', ip, prefix: this.prefix }] });
  }

  input(input: NetworkInput): void {
    if (!this.running) return;
    for (const output of this.network.handle(this.world.clock.now, input)) this.carryOut(output);
    this.schedule();
  }

  receive(from: Endpoint, datagram: Uint8Array): void {
    if (!this.running) return;
    this.device.receive(from, datagram);
    this.schedule();
  }

  /** As `kill -9` does. */
  kill(): void {
    this.running = false;
    this.world.hosts.splice(this.world.hosts.indexOf(this), 1);
  }

  /** Sends an Ethernet frame with our source MAC. */
  send(destination: Uint8Array, payload: string): void {
    this.device.sendFrame(frame(destination, this.device.config.mac, payload));
    this.schedule();
  }

  /** What a peer is to this host, by its overlay address. */
  peer(host: SimHost): PeerSnapshot | undefined {
    return this.snapshot().peers.find(({ id }) => id === host.identity.peerId);
  }

  isConnectedTo(...hosts: readonly SimHost[]): boolean {
    return hosts.every((host) => host === this || this.peer(host)?.state === 'connected');
  }

  snapshot() {
    return this.network.snapshot(this.world.clock.now, this.device.stats());
  }

  private carryOut(output: NetworkOutput): void {
    if (output.kind === 'device') this.device.apply([output.command]);
    else if (output.kind === 'beacon') this.world.beacon(this, output.payload);
    else if (output.kind === 'remember') this.remembered = output.peers;
    else if (output.kind === 'record') this.record = output.record;
    else if (output.kind === 'notable') this.notables.push(output.message);
  }

  private deviceEvent(event: DeviceEvent): void {
    this.world.clock.at(this.world.clock.now, () => this.input({ kind: 'device', event }));
  }

  private schedule(): void {
    const { clock } = this.world;
    const due = Math.min(this.network.deadline(), this.device.deadline());
    if (due === Number.POSITIVE_INFINITY) return;
    clock.at(due, () => {
      if (!this.running || Math.min(this.network.deadline(), this.device.deadline()) > clock.now) return;
      this.device.tick();
      this.input({ kind: 'tick' });
    });
  }
}

/** What a node of a DHT answers to a raw PING (src/wire/dht-ping.ts). */
function pong(ping: Uint8Array, from: Endpoint): Uint8Array {
  const { ip, port } = endpointParts(from);
  return Uint8Array.from([0x13, 0, ping[2] ?? 0, ping[3] ?? 0, ...ip.split('.').map(Number), port & 0xff, port >> 8]);
}

export const BROADCAST = new Uint8Array(6).fill(0xff);

export function frame(destination: Uint8Array, source: Uint8Array, payload: string): Uint8Array {
  return Uint8Array.from([...destination, ...source, 0x88, 0xb5, ...new TextEncoder().encode(payload)]);
}

export function payloads(host: SimHost): string[] {
  return host.frames.map((f) => new TextDecoder().decode(f.subarray(14)));
}

export function hostOf(endpoint: Endpoint): string {
  return endpointParts(endpoint).ip;
}
