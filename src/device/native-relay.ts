/** The data plane of a relay, in Rust. */
import { type Endpoint, parseEndpoint } from '../core/endpoint.js';
import { EventPump } from './event-pump.js';
import { deviceError, loadAddon } from './native.js';
import type {
  ClientCounters,
  OpenRelayDevice,
  RelayDevice,
  RelayDeviceCommand,
  RelayDeviceConfig,
  RelayDeviceEvent,
  RelayDeviceStats,
} from './relay-device.js';

/** As the addon gives it: the address is text that isn't parsed yet. */
type Unparsed<T> = T extends unknown ? { [K in keyof T]: T[K] extends Endpoint ? string : T[K] } : never;

interface NativeStats {
  readonly clients: readonly ClientCounters[];
  readonly bytesForwarded: number;
  readonly datagramsForwarded: number;
  readonly tlsConnections: number;
  readonly drops: readonly { readonly reason: string; readonly times: number }[];
}

interface NativeRelay {
  apply(commands: readonly RelayDeviceCommand[]): void;
  takeEvents(): Unparsed<RelayDeviceEvent>[];
  /** Null once it's closed. */
  stats(): NativeStats | null;
  close(): Promise<void>;
}

interface RelayAddon {
  openRelay(config: RelayDeviceConfig, wake: () => void): NativeRelay;
}

/** Opens a relay of the running kernel. A port below 1,024 needs root or CAP_NET_BIND_SERVICE. */
export const openNativeRelay: OpenRelayDevice = async (config, onEvents) => {
  const events = new EventPump(parseEvent, onEvents);
  try {
    const native = (loadAddon() as RelayAddon).openRelay(config, () => events.pump());
    events.from(native);
    return new OpenedRelay(native, events);
  } catch (error) {
    throw deviceError(error);
  }
};

const NO_STATS: NativeStats = { clients: [], bytesForwarded: 0, datagramsForwarded: 0, tlsConnections: 0, drops: [] };

class OpenedRelay implements RelayDevice {
  readonly #native: NativeRelay;
  readonly #events: EventPump<Unparsed<RelayDeviceEvent>, RelayDeviceEvent>;
  #closing: Promise<void> | null = null;

  constructor(native: NativeRelay, events: EventPump<Unparsed<RelayDeviceEvent>, RelayDeviceEvent>) {
    this.#native = native;
    this.#events = events;
  }

  apply(commands: readonly RelayDeviceCommand[]): void {
    if (commands.length > 0) this.#native.apply(commands);
  }

  stats(): RelayDeviceStats {
    const stats = this.#native.stats() ?? NO_STATS;
    const drops = stats.drops.map(({ reason, times }) => [reason, times] as const);
    return { ...stats, drops: Object.fromEntries(drops) };
  }

  close(): Promise<void> {
    this.#events.stop();
    this.#closing ??= this.#native.close();
    return this.#closing;
  }
}

/** An address gets its canonical form; an event of one that has none is dropped. */
function parseEvent(event: Unparsed<RelayDeviceEvent>): RelayDeviceEvent[] {
  if (event.kind !== 'datagram') return [event];
  const address = parseEndpoint(event.address);
  return address === null ? [] : [{ ...event, address }];
}
