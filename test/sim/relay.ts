/** A relay of the simulation: the real machine on a relay device in memory, by UDP and by streams, which can be made to misbehave. */
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import { keyPair } from '../../src/core/noise-state.js';
import { MemoryRelay } from '../../src/device/memory-relay.js';
import type { Origin } from '../../src/device/relay-device.js';
import { RelayServer } from '../../src/relay/server.js';
import type { RelayInput, RelayLimits } from '../../src/relay/server-io.js';
import type { SimHost } from './host.js';
import type { World } from './world.js';

export const RELAY_PORT = 4910;
export const RELAY_TLS_PORT = 443;

export interface RelayOptions {
  readonly ip: string;
  readonly limits?: Partial<RelayLimits>;
  /** 32 bytes. */
  readonly privateKey?: Uint8Array;
}

/** What becomes of a datagram that the relay is about to send: nothing, itself, or as many others as it likes. */
export type Mischief = (datagram: Uint8Array, to: Origin) => readonly Uint8Array[];

export class SimRelay {
  readonly server: RelayServer;
  readonly device: MemoryRelay;
  readonly udp: Endpoint;
  readonly tls: Endpoint;
  readonly publicKey: Uint8Array;
  mischief: Mischief = (datagram) => [datagram];
  running = true;
  private readonly streams = new Map<Origin, SimHost>();
  private nextStream = 1;
  private wakeAt = Number.POSITIVE_INFINITY;

  constructor(
    readonly world: World,
    { ip, limits, privateKey }: RelayOptions,
  ) {
    const key = keyPair(privateKey ?? world.random(32));
    this.publicKey = key.publicKey;
    this.udp = makeEndpoint(ip, RELAY_PORT);
    this.tls = makeEndpoint(ip, RELAY_TLS_PORT);
    const all = { clients: 1_024, clientsPerSource: 64, bytesPerSecondPerClient: 0, ...limits };
    this.server = new RelayServer(key, all, world.random);
    this.device = new MemoryRelay({
      random: world.random,
      now: () => world.clock.now,
      send: (to, datagram) => this.send(to, datagram),
      emit: (event) => {
        if (event.kind !== 'device-gone') this.input(event);
      },
    });
  }

  /** A datagram came by UDP. */
  receive(from: Endpoint, datagram: Uint8Array): void {
    if (this.running) this.device.receive(`udp/${from}` as Origin, from, datagram);
  }

  connect(host: SimHost): Origin {
    const origin = `tls/${this.nextStream++}` as Origin;
    this.streams.set(origin, host);
    return origin;
  }

  receiveStream(origin: Origin, address: Endpoint, datagram: Uint8Array): void {
    if (this.running && this.streams.has(origin)) this.device.receive(origin, address, datagram);
  }

  disconnect(origin: Origin): void {
    if (this.streams.delete(origin) && this.running) this.device.disconnected(origin);
  }

  /** As `kill -9` does: streams break, UDP is silence. */
  kill(): void {
    this.running = false;
    for (const [, host] of this.streams) host.streamBroken(this);
    this.streams.clear();
  }

  private input(input: RelayInput): void {
    if (!this.running) return;
    this.device.apply(this.server.handle(this.world.clock.now, input));
    this.schedule();
  }

  private send(to: Origin, datagram: Uint8Array): void {
    if (!this.running) return;
    for (const sent of this.mischief(datagram, to)) {
      const host = this.streams.get(to);
      if (to.startsWith('udp/')) this.world.carry(null, this.udp, to.slice(4) as Endpoint, sent);
      else if (host !== undefined)
        this.world.clock.at(this.world.clock.now + this.world.wire.delay, () => host.streamReceived(this, sent));
    }
  }

  private schedule(): void {
    const due = this.server.deadline();
    if (!this.running || due >= this.wakeAt) return;
    this.wakeAt = due;
    this.world.clock.at(due, () => {
      this.wakeAt = Number.POSITIVE_INFINITY;
      if (this.server.deadline() <= this.world.clock.now) this.input({ kind: 'tick' });
      this.schedule();
    });
  }
}
