/** Keeps the relays of one network resolved, and their keys known to it. */
import type { Endpoint } from '../core/endpoint.js';
import type { RelayProxy } from '../device/device.js';
import type { NetworkInput } from '../network/io.js';
import { type HttpProxy, parseRelay, relayName } from '../rpc/relay-fields.js';
import type { Pins } from './pins.js';

/** Names of relays that aren't connected are resolved again this often, in ms. */
const AGAIN_MS = 60_000;

export interface RelayNamesOptions {
  /** `[ID@]HOST[:PORT[/TLSPORT]]` each. */
  readonly relays: readonly string[];
  readonly pins: Pins;
  readonly proxy: HttpProxy | null;
  resolve(text: string): Promise<Endpoint[]>;
  feed(input: NetworkInput): void;
  /** Names of those that aren't connected. */
  missing(): readonly string[];
}

export class RelayNames {
  private readonly timer: NodeJS.Timeout | null;
  private readonly errors = new Map<string, string>();
  /** Which of several addresses is tried, per name: another one each time that it's looked up and not connected. */
  private readonly turns = new Map<string, number>();
  private stopped = false;

  constructor(private readonly options: RelayNamesOptions) {
    this.timer = options.relays.length === 0 ? null : setInterval(() => this.refresh(), AGAIN_MS);
    this.lookAll();
  }

  /** Those that aren't connected: at an interval, and when this machine's addresses have changed. */
  refresh(): void {
    const missing = this.options.missing();
    for (const text of this.options.relays) if (missing.includes(relayName(text))) void this.look(text);
  }

  /** All of them: what's pinned is another matter now. */
  lookAll(): void {
    for (const text of this.options.relays) void this.look(text);
  }

  /** Why a name couldn't be resolved, or null. */
  errorOf(name: string): string | null {
    return this.errors.get(name) ?? null;
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) clearInterval(this.timer);
  }

  private async look(text: string): Promise<void> {
    const { id, host, port, tlsPort } = parseRelay(text);
    const { resolve, pins, feed } = this.options;
    const name = relayName(text);
    try {
      const [all, proxy] = await Promise.all([resolve(`${host}:${port}`), this.resolveProxy()]);
      this.errors.delete(name);
      if (all.length === 0) this.errors.set(name, 'its name has no address');
      const turn = this.turns.get(name) ?? 0;
      this.turns.set(name, turn + 1);
      const udp = all[turn % Math.max(1, all.length)] ?? null;
      const tls = udp === null ? null : ((await resolve(`${hostOf(udp)}:${tlsPort}`))[0] ?? null);
      const key = id ?? pins.get(name)?.id ?? null;
      const bytes = key === null ? null : Uint8Array.from(Buffer.from(key, 'hex'));
      if (!this.stopped) feed({ kind: 'relay', relay: { name, udp, tls, key: bytes, proxy, offeredBy: null } });
    } catch (error) {
      this.errors.set(name, error instanceof Error ? error.message : String(error));
    }
  }

  private async resolveProxy(): Promise<RelayProxy | null> {
    const { proxy, resolve } = this.options;
    if (proxy === null) return null;
    const [endpoint] = await resolve(`${proxy.host}:${proxy.port}`);
    if (endpoint === undefined) throw new Error(`the proxy ${proxy.host} has no address`);
    return { endpoint, authorization: proxy.authorization };
  }
}

/** With brackets, if it has them. */
function hostOf(endpoint: Endpoint): string {
  return endpoint.slice(0, endpoint.lastIndexOf(':'));
}
