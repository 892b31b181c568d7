/** Members of networks in one process: the real machines on devices in memory, under virtual time, on wires that delay, lose and reorder. */
import { type Endpoint, endpointParts, makeEndpoint } from '../../src/core/endpoint.js';
import { isIpv6 } from '../../src/core/ip.js';
import { type Random, randomU32 } from '../../src/core/random.js';
import type { DeviceCommand } from '../../src/device/device.js';
import type { Acquaintance } from '../../src/network/acquaintances.js';
import type { ChosenAddress } from '../../src/network/addresses/claims.js';
import type { RememberedPeer } from '../../src/network/io.js';
import type { RelayOffer } from '../../src/network/record.js';
import { type NetworkSecrets, networkSecrets } from '../../src/network/secrets.js';
import type { KeyEntry } from '../../src/session/key-queue.js';
import { VirtualClock } from './clock.js';
import { SimHost } from './host.js';
import type { Nat } from './nat.js';
import { seeded } from './random.js';
import { type RelayOptions, SimRelay } from './relay.js';

export { SimHost } from './host.js';

/** When the world begins, in ms since 1970. */
export const EPOCH = Date.UTC(2026, 0, 1);
export const PORT = 4900;
/** First byte of a request to a node of the DHT; what else comes to it, an answer for one, it doesn't answer. */
const DHT_REQUEST = 0x03;
/** Bytes of the IP and UDP headers before a datagram. */
const HEADERS = { ipv4: 28, ipv6: 48 } as const;

/** How datagrams travel; each of its properties may change at any moment. */
export interface Wire {
  /** One way, in ms: at least, and how much more it may be (more than the least reorders). */
  delay: number;
  jitter: number;
  /** Probability that a datagram is lost, that it comes twice, and that a byte of it is changed. */
  loss: number;
  duplicates: number;
  corruption: number;
  /** Whether a datagram gets from one host to another at all. */
  passes: (from: SimHost, to: SimHost) => boolean;
  /** Whether the link inside a NAT keeps two hosts behind it apart. */
  isolates: (from: SimHost, to: SimHost) => boolean;
  /** The largest IP packet, in bytes, that gets from one host to another; a larger one is dropped in silence. */
  mtu: (from: SimHost, to: SimHost) => number;
  /** Whether beacons get from one host to another. */
  sharesLan: (from: SimHost, to: SimHost) => boolean;
}

export interface HostOptions {
  readonly ip: string;
  /** Further addresses, of IPv6 for one. */
  readonly alsoAt?: readonly string[];
  /** Its overlay address without prefix, and its name. */
  readonly overlay: string;
  /** Of `overlay`; 24 if it's left out. */
  readonly overlayPrefix?: number;
  /** It chooses an address: `overlay` is its name only; `chosen`: the one that it chose before. */
  readonly dynamic?: boolean;
  readonly chosen?: ChosenAddress;
  readonly secrets?: NetworkSecrets;
  readonly key?: Uint8Array;
  /** Its key queue, in place of `key`. */
  readonly keys?: readonly KeyEntry[];
  /** What its wall clock shows beyond the world's, in ms. */
  readonly wallAhead?: number;
  readonly remembered?: readonly RememberedPeer[];
  readonly blocked?: readonly string[];
  readonly acquaintances?: readonly Acquaintance[];
  readonly bootCounter?: number;
  readonly master?: Uint8Array;
  /** Nothing but TCP gets out of its network, and nothing in. */
  readonly udpBlocked?: boolean;
  /** Everything goes through relays. */
  readonly forwardOnly?: boolean;
  /** There are others behind its device. */
  readonly bridge?: boolean;
  readonly relayOffer?: RelayOffer;
  readonly useMemberRelays?: boolean;
  readonly prefix?: number;
  /** The NAT that it's behind; its address is a private one then. */
  readonly nat?: Nat;
  /** `on-link`: it has no default route. */
  readonly routes?: 'everywhere' | 'on-link';
  /** What its monotonic clock shows when the world begins, in ms. */
  readonly clock?: number;
}

/** A datagram on its way. */
export interface Sent {
  /** As the receiver sees it. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly datagram: Uint8Array;
  readonly at: number;
}

/** Who is told of what happens. */
export interface Observer {
  /** A host's device sent a datagram; `from` as it's inside its NAT. */
  hostSent?(host: SimHost, to: Endpoint, datagram: Uint8Array): void;
  /** A datagram went onto the wire, sent by a host or not. */
  carried?(sent: Sent): void;
  /** A host's device got a datagram. */
  received?(host: SimHost, from: Endpoint): void;
  /** A host's device is told to do something. */
  commanded?(host: SimHost, command: DeviceCommand): void;
  /** A host's network stack gets a frame. */
  delivering?(host: SimHost, frame: Uint8Array): void;
}

export const SECRETS = networkSecrets(new Uint8Array(32).fill(7));

export class World {
  readonly clock = new VirtualClock();
  readonly hosts: SimHost[] = [];
  readonly random: Random;
  readonly wire: Wire = {
    delay: 5,
    jitter: 0,
    loss: 0,
    duplicates: 0,
    corruption: 0,
    passes: () => true,
    isolates: () => false,
    mtu: () => Number.POSITIVE_INFINITY,
    sharesLan: () => true,
  };
  /** Everything that was sent while `isRecording`, for replays and for looking at. */
  readonly sent: Sent[] = [];
  isRecording = true;
  readonly observers: Observer[] = [];
  readonly beacons: Uint8Array[] = [];
  /** Who is at an endpoint: outside all NATs (null), or behind one. */
  private readonly places = new Map<Nat | null, Map<Endpoint, SimHost>>();
  private readonly nats = new Map<string, Nat>();
  readonly relays: SimRelay[] = [];
  private readonly reflectors = new Set<Endpoint>();

  /** `heard` is told every random value that the machines draw. */
  constructor(
    readonly seed: number,
    heard: (drawn: Uint8Array) => void = () => {},
  ) {
    const random = seeded(seed);
    this.random = (bytes) => {
      const drawn = random(bytes);
      heard(drawn);
      return drawn;
    };
  }

  /** What a wall clock that's right shows, in ms since 1970. */
  get wall(): number {
    return EPOCH + this.clock.now;
  }

  host(options: HostOptions): SimHost {
    if (options.nat !== undefined) this.nats.set(options.nat.ip, options.nat);
    const host = new SimHost(this, options);
    this.hosts.push(host);
    return host;
  }

  relay(options: RelayOptions): SimRelay {
    const relay = new SimRelay(this, options);
    this.relays.push(relay);
    return relay;
  }

  /** A host's addresses are these from now on. */
  place(host: SimHost, endpoints: readonly Endpoint[]): void {
    const nat = host.options.nat ?? null;
    const place = this.places.get(nat) ?? new Map<Endpoint, SimHost>();
    this.places.set(nat, place);
    for (const [endpoint, there] of place) if (there === host) place.delete(endpoint);
    for (const endpoint of endpoints) place.set(endpoint, host);
  }

  /** Puts a datagram onto the wire; `from` may be a lie. */
  carry(origin: SimHost | null, from: Endpoint, to: Endpoint, datagram: Uint8Array): void {
    const nat = origin?.options.nat ?? null;
    const isInside = nat !== null && this.places.get(nat)?.has(to) === true;
    const isThrough = nat !== null && !isInside && !isIpv6(endpointParts(to).ip);
    const seenFrom = isThrough ? nat.out(this.clock.now, from, to) : from;
    const sent = { from: seenFrom, to, datagram, at: this.clock.now };
    if (this.isRecording) this.sent.push(sent);
    for (const observer of this.observers) observer.carried?.(sent);
    const copies = this.chance(this.wire.loss) ? 0 : this.chance(this.wire.duplicates) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const delay = this.wire.delay + this.fraction() * this.wire.jitter;
      const bytes = this.chance(this.wire.corruption) ? this.corrupted(datagram) : datagram;
      this.clock.at(this.clock.now + delay, () => this.arrive(origin, seenFrom, to, bytes, isInside));
    }
  }

  /** A node of a DHT at a public address: all it does here is to say where it sees a PING come from. */
  reflector(ip: string): Endpoint {
    const node = makeEndpoint(ip, 49_737);
    this.reflectors.add(node);
    return node;
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
      if (host === origin || !this.wire.sharesLan(origin, host) || !this.wire.passes(origin, host)) continue;
      if (this.chance(this.wire.loss)) continue;
      this.clock.at(this.clock.now + this.wire.delay, () =>
        host.input({ kind: 'beacon', payload, from: makeEndpoint(origin.ip, 40_000) }),
      );
    }
  }

  fraction(): number {
    return randomU32(this.random) / 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.fraction() * list.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  private arrive(origin: SimHost | null, from: Endpoint, to: Endpoint, datagram: Uint8Array, isInside: boolean): void {
    if (this.reflectors.has(to)) {
      if (datagram[0] === DHT_REQUEST) this.carry(null, to, from, pong(datagram, from));
      return;
    }
    const relay = this.relays.find(({ udp }) => udp === to);
    if (relay !== undefined) {
      relay.receive(from, datagram);
      return;
    }
    const target = this.targetOf(origin, from, to, isInside);
    if (target === undefined) return;
    if (origin !== null && !this.wire.passes(origin, target)) return;
    if (origin !== null && isInside && this.wire.isolates(origin, target)) return;
    if (origin !== null && this.packetBytes(to, datagram) > this.wire.mtu(origin, target)) return;
    target.receive(from, datagram);
  }

  private targetOf(origin: SimHost | null, from: Endpoint, to: Endpoint, isInside: boolean): SimHost | undefined {
    if (isInside) return this.places.get(origin?.options.nat ?? null)?.get(to);
    const nat = this.nats.get(endpointParts(to).ip);
    if (nat === undefined) return this.places.get(null)?.get(to) ?? this.behindNat(to);
    if (origin?.options.nat === nat && nat.hairpin === 'refused') return undefined;
    const inside = nat.in(this.clock.now, from, to);
    return inside === null ? undefined : this.places.get(nat)?.get(inside);
  }

  /** A NAT of IPv4 routes IPv6. */
  private behindNat(to: Endpoint): SimHost | undefined {
    if (!isIpv6(endpointParts(to).ip)) return undefined;
    return [...this.places.values()].flatMap((place) => place.get(to) ?? [])[0];
  }

  private packetBytes(to: Endpoint, datagram: Uint8Array): number {
    return datagram.length + (isIpv6(endpointParts(to).ip) ? HEADERS.ipv6 : HEADERS.ipv4);
  }

  private corrupted(datagram: Uint8Array): Uint8Array {
    const bytes = datagram.slice();
    const at = Math.floor(this.fraction() * bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(this.fraction() * 255));
    return bytes;
  }
}

/** What a node of a DHT answers to a raw PING (src/wire/dht-ping.ts). */
function pong(ping: Uint8Array, from: Endpoint): Uint8Array {
  const { ip, port } = endpointParts(from);
  return Uint8Array.from([0x13, 0, ping[2] ?? 0, ping[3] ?? 0, ...ip.split('.').map(Number), port & 0xff, port >> 8]);
}

export const BROADCAST = new Uint8Array(6).fill(0xff);

export function payloads(host: SimHost): string[] {
  return host.frames.map((f) => new TextDecoder().decode(f.subarray(14)));
}
