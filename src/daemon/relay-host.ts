/** This machine as a relay: the data plane, and the machine that decides, driven. */
import { randomBytes } from 'node:crypto';
import { hex } from '../core/bytes.js';
import { keyPair } from '../core/noise-state.js';
import { DeviceError } from '../device/device.js';
import type { RelayDevice, RelayDeviceEvent } from '../device/relay-device.js';
import type { RelayOffer } from '../network/record.js';
import { RelayServer } from '../relay/server.js';
import type { RelayInput } from '../relay/server-io.js';
import type { RelayListen } from '../rpc/relay-fields.js';
import type { RelayInfo } from '../rpc/relay-info.js';
import type { Host } from './host.js';
import type { Log } from './log.js';
import type { RelayLimits } from './relay-limits.js';
import { StartError } from './start-error.js';

/** The longest that a timer of Node can wait, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The bandwidth shown is that of this long, in ms. */
const RATE_MS = 10_000;

export interface RelayHostOptions {
  readonly listen: RelayListen;
  readonly tlsPort: number | null;
  readonly limits: RelayLimits;
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
}

export class RelayHost {
  private timer: NodeJS.Timeout | null = null;
  private readonly rate = { at: 0, bytes: 0, perSecond: 0 };
  private readonly rateTimer: NodeJS.Timeout;
  private error: string | null = null;

  private constructor(
    private readonly options: RelayHostOptions,
    private readonly host: Host,
    private readonly log: Log,
    private readonly server: RelayServer,
    private readonly device: RelayDevice,
    readonly id: string,
  ) {
    this.rateTimer = setInterval(() => this.measure(), RATE_MS).unref();
  }

  /** Rejects with a `StartError` that names what was asked for. */
  static async open(options: RelayHostOptions, host: Host, log: Log): Promise<RelayHost> {
    const { listen, tlsPort, limits } = options;
    const key = keyPair(options.privateKey);
    const early: RelayDeviceEvent[] = [];
    let onEvents = (events: readonly RelayDeviceEvent[]): void => void early.push(...events);
    try {
      const device = await host.openRelay({ ...listen, tlsPort, limits: limits.device }, (events) => onEvents(events));
      const server = new RelayServer(key, limits.machine, (bytes) => new Uint8Array(randomBytes(bytes)));
      const relay = new RelayHost(options, host, log, server, device, hex(key.publicKey));
      onEvents = (events) => relay.onEvents(events);
      relay.onEvents(early);
      log.daemon.info({ id: relay.id, port: listen.port, tlsPort }, 'relay open');
      return relay;
    } catch (error) {
      throw startError(error, options);
    }
  }

  /** How members use it. */
  offer(): RelayOffer {
    const { listen, tlsPort } = this.options;
    return { udpPort: listen.port, tlsPort, key: Uint8Array.from(Buffer.from(this.id, 'hex')) };
  }

  info(): RelayInfo {
    const stats = this.device.stats();
    const clients = new Map(stats.clients.map((client) => [client.index, client]));
    const drops = { ...stats.drops };
    for (const [reason, times] of Object.entries(this.server.dropped())) drops[reason] = (drops[reason] ?? 0) + times;
    return {
      id: this.id,
      port: this.options.listen.port,
      tlsPort: this.options.tlsPort,
      error: this.error,
      tlsConnections: stats.tlsConnections,
      datagramsForwarded: stats.datagramsForwarded,
      bytesForwarded: stats.bytesForwarded,
      bytesPerSecond: Math.round(this.rate.perSecond),
      clients: this.server.describe(this.host.now()).map(({ index, ...client }) => ({
        ...client,
        bytesIn: clients.get(index)?.bytesIn ?? 0,
        bytesOut: clients.get(index)?.bytesOut ?? 0,
        drops: clients.get(index)?.drops ?? 0,
      })),
      drops,
    };
  }

  /** Tells the clients, and closes. */
  async close(): Promise<void> {
    this.feed({ kind: 'close' });
    if (this.timer !== null) clearTimeout(this.timer);
    clearInterval(this.rateTimer);
    await this.device.close();
  }

  private onEvents(events: readonly RelayDeviceEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'device-gone') this.feed(event);
      else {
        this.error = event.error;
        this.log.daemon.error({ error: event.error }, 'the relay is gone');
      }
    }
  }

  private feed(input: RelayInput): void {
    const commands = this.server.handle(this.host.now(), input);
    try {
      if (commands.length > 0) this.device.apply(commands);
    } catch (error) {
      this.log.daemon.error({ err: error }, "the relay's data plane refused a command");
    }
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const deadline = this.server.deadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(Math.ceil(deadline - this.host.now()), 1), MAX_TIMER_MS);
    this.timer = setTimeout(() => this.feed({ kind: 'tick' }), wait);
  }

  private measure(): void {
    const [now, { bytesForwarded }] = [this.host.now(), this.device.stats()];
    const { at, bytes } = this.rate;
    Object.assign(this.rate, {
      at: now,
      bytes: bytesForwarded,
      perSecond: ((bytesForwarded - bytes) * 1000) / (now - at),
    });
  }
}

function startError(error: unknown, { listen, tlsPort }: RelayHostOptions): unknown {
  if (!(error instanceof DeviceError)) return error;
  const where = `${listen.host ?? 'all addresses'}, UDP port ${listen.port}${tlsPort === null ? '' : ` and TCP port ${tlsPort}`}`;
  const hint = tlsPort === null ? '' : '; another TCP port: --relay-tls PORT, none: --no-relay-tls';
  return new StartError('failed', `the relay can't be opened at ${where}: ${error.message}${hint}`);
}
