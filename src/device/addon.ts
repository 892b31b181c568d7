/** Loads the addon, the only module that does; load it in the main thread only. And what both of its devices need. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DeviceError } from './device.js';

/** Where the build puts the addon, seen from `build/src/device/`. */
const DIRECTORY = new URL('../../../native/', import.meta.url);

let loaded: unknown = null;

/** Loaded at first use, so that what needs no device works where the addon isn't built. */
export function addon(): unknown {
  loaded ??= load();
  return loaded;
}

/** There may be one addon per C library; which one this process has shows when it loads. */
function load(): unknown {
  const ours = `p2p.${process.platform}-${process.arch}`;
  const files = readdirSync(DIRECTORY).filter((file) => file.startsWith(ours) && file.endsWith('.node'));
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const file of files) {
    try {
      return require(fileURLToPath(new URL(file, DIRECTORY)));
    } catch (error) {
      failures.push(String(error));
    }
  }
  const why = files.length === 0 ? 'it is not built; run `make build`' : failures.join('; ');
  throw new DeviceError(
    'failed',
    `the data plane's addon for ${process.platform} ${process.arch} can't be loaded: ${why}`,
  );
}

interface Source<Raw> {
  takeEvents(): Raw[];
}

/** Fetches waiting events when the addon says that there are some. */
export class EventPump<Raw, Event> {
  readonly #parse: (raw: Raw) => readonly Event[];
  readonly #onEvents: (events: readonly Event[]) => void;
  #native: Source<Raw> | null = null;

  constructor(parse: (raw: Raw) => readonly Event[], onEvents: (events: readonly Event[]) => void) {
    this.#parse = parse;
    this.#onEvents = onEvents;
  }

  from(native: Source<Raw>): void {
    this.#native = native;
  }

  stop(): void {
    this.#native = null;
  }

  pump(): void {
    const events = this.#native?.takeEvents().flatMap((raw) => this.#parse(raw)) ?? [];
    if (events.length > 0) onOwnStack(() => this.#onEvents(events));
  }
}

/** What a callback throws surfaces as an uncaught exception with its stack, not as a failure inside the addon. */
export function onOwnStack(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
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
