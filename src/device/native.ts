/** The data plane in Rust. The only module that loads the addon; load it in the main thread only. */
import { createRequire } from 'node:module';
import { parseEndpoint } from '../core/endpoint.js';
import { parseWay, type Way } from '../core/way.js';
import { addonFiles } from './addon-files.js';
import {
  type Device,
  type DeviceCommand,
  type DeviceConfig,
  DeviceError,
  type DeviceEvent,
  type DeviceStats,
  type OpenDevice,
  type PeerCounters,
} from './device.js';
import { EventPump, onOwnStack } from './event-pump.js';

/** As the addon gives it: endpoints are text that isn't parsed yet. */
type Unparsed<T> = T extends unknown ? { [K in keyof T]: T[K] extends Way ? string : T[K] } : never;

interface NativeDevice {
  apply(commands: readonly DeviceCommand[]): void;
  takeEvents(): Unparsed<DeviceEvent>[];
  peerStats(): PeerCounters[];
  setAddresses(addresses: readonly string[]): void;
  drops(): { reason: string; times: number }[];
  close(): Promise<void>;
}

interface DeviceAddon {
  monotonicMs(): number;
  openDevice(config: DeviceConfig, wake: () => void): NativeDevice;
  watchAddresses(onChange: () => void): { close(): void };
}

let loaded: unknown = null;

/** Loaded at first use, so that what needs no device works where the addon isn't built. */
export function loadAddon(): unknown {
  loaded ??= load();
  return loaded;
}

/** Which of several addons is for this process's C library shows when it loads. */
function load(): unknown {
  const files = addonFiles();
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const file of files) {
    try {
      return require(file);
    } catch (error) {
      failures.push(String(error));
    }
  }
  const why =
    files.length === 0
      ? 'it is not built; run `make build` in a checkout, or `npm rebuild --global p2p`'
      : failures.join('; ');
  throw new DeviceError(
    'failed',
    `the data plane's addon for ${process.platform} ${process.arch} can't be loaded: ${why}`,
  );
}

function addon(): DeviceAddon {
  return loadAddon() as DeviceAddon;
}

/** Milliseconds, monotonic, going on while the machine sleeps: the clock of all events' `at`. */
export function monotonicMs(): number {
  return addon().monotonicMs();
}

/**
 * Calls `onChange` a moment after interfaces, addresses or routes of this machine changed, once for changes that come together.
 * @throws Error if the system refuses to tell.
 */
export function watchAddresses(onChange: () => void): { close(): void } {
  let closed = false;
  const watch = addon().watchAddresses(() => {
    if (!closed) onOwnStack(onChange);
  });
  return {
    close() {
      closed = true;
      watch.close();
    },
  };
}

/** Opens a device of the running kernel. Needs root or CAP_NET_ADMIN. */
export const openNative: OpenDevice = async (config, onEvents) => {
  const events = new EventPump(parseEvent, onEvents);
  try {
    const native = addon().openDevice(config, () => events.pump());
    events.from(native);
    return new OpenedDevice(config, native, events);
  } catch (error) {
    throw deviceError(error);
  }
};

class OpenedDevice implements Device {
  readonly #native: NativeDevice;
  readonly #events: EventPump<Unparsed<DeviceEvent>, DeviceEvent>;
  #closing: Promise<void> | null = null;

  constructor(
    readonly config: DeviceConfig,
    native: NativeDevice,
    events: EventPump<Unparsed<DeviceEvent>, DeviceEvent>,
  ) {
    this.#native = native;
    this.#events = events;
  }

  apply(commands: readonly DeviceCommand[]): void {
    if (commands.length > 0) this.#native.apply(commands);
  }

  stats(): DeviceStats {
    const drops = this.#native.drops().map(({ reason, times }) => [reason, times] as const);
    const peers = this.#native.peerStats().map((peer) => ({ ...peer, heardAt: peer.heardAt ?? null }));
    return { peers, drops: Object.fromEntries(drops) };
  }

  setAddresses(addresses: readonly string[]): void {
    try {
      this.#native.setAddresses(addresses);
    } catch (error) {
      throw deviceError(error);
    }
  }

  close(): Promise<void> {
    this.#events.stop();
    this.#closing ??= this.#native.close();
    return this.#closing;
  }
}

/** Endpoints get their canonical form; an event of an address that has none is dropped. */
function parseEvent(event: Unparsed<DeviceEvent>): DeviceEvent[] {
  switch (event.kind) {
    case 'datagram':
    case 'control':
    case 'session-heard':
    case 'strayed': {
      const from = parseWay(event.from);
      return from === null ? [] : [{ ...event, from }];
    }
    case 'unreachable': {
      const to = parseWay(event.to);
      return to === null ? [] : [{ ...event, to }];
    }
    case 'too-large': {
      const to = parseEndpoint(event.to);
      return to === null ? [] : [{ ...event, to }];
    }
    case 'relay-datagram':
    case 'relay-open':
    case 'relay-closed': {
      const relay = parseEndpoint(event.relay);
      return relay === null ? [] : [{ ...event, relay }];
    }
    default:
      return [event];
  }
}

const CODES: readonly DeviceError['code'][] = [
  'no-permission',
  'no-tun',
  'name-taken',
  'port-taken',
  'address-refused',
  'failed',
];

/** An error of the addon as a `DeviceError`, if it's one. */
export function deviceError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const code = CODES.find((known) => known === error.code);
  return code === undefined ? error : new DeviceError(code, error.message);
}
