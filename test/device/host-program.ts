/**
 * A program that holds one device, or the data plane of a relay, run in a network namespace and told what to do over its standard input: a JSON value
 * per line in, one per line out. Bytes are `{ "hex": … }` in both directions.
 */
import { createInterface } from 'node:readline';
import { DeviceError } from '../../src/device/device.js';
import { openNative, watchAddresses } from '../../src/device/native.js';
import { openNativeRelay } from '../../src/device/native-relay.js';

export type Request =
  | { readonly do: 'open'; readonly config: unknown }
  | { readonly do: 'apply'; readonly commands: readonly unknown[] }
  | { readonly do: 'set-addresses'; readonly addresses: readonly string[] }
  | { readonly do: 'stats' | 'close' | 'watch' };

export function encode(value: unknown): string {
  // Read from its holder: a Buffer is already turned into something else when it comes as the argument.
  return JSON.stringify(value, function (this: Record<string, unknown>, key, item) {
    const held = this[key];
    return held instanceof Uint8Array ? { hex: Buffer.from(held).toString('hex') } : item;
  });
}

export function decode(line: string): unknown {
  return JSON.parse(line, (_, item) =>
    typeof item?.hex === 'string' ? new Uint8Array(Buffer.from(item.hex, 'hex')) : item,
  );
}

function say(value: unknown): void {
  process.stdout.write(`${encode(value)}\n`);
}

/** Either kind of device, as far as this program knows it: it passes on what the test says. */
interface Opened {
  apply(commands: readonly unknown[]): void;
  /** Of a device; the data plane of a relay has none. */
  setAddresses?(addresses: readonly string[]): void;
  stats(): unknown;
  close(): Promise<void>;
}

type Open = (config: unknown, onEvents: (events: readonly unknown[]) => void) => Promise<Opened>;

async function serve(open: Open): Promise<void> {
  let device: Opened | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = decode(line) as Request;
    try {
      if (request.do === 'open') {
        device = await open(request.config, (events) => say({ events }));
        say({ done: null });
      } else if (request.do === 'watch') {
        watchAddresses(() => say({ changed: true }));
        say({ done: null });
      } else if (device === null) {
        say({ failed: 'no device is open' });
      } else if (request.do === 'apply') {
        device.apply(request.commands);
        say({ done: null });
      } else if (request.do === 'set-addresses') {
        device.setAddresses?.(request.addresses);
        say({ done: null });
      } else if (request.do === 'stats') {
        say({ done: device.stats() });
      } else {
        await device.close();
        say({ done: null });
      }
    } catch (error) {
      const code = error instanceof DeviceError ? error.code : null;
      say({ failed: String(error instanceof Error ? error.message : error), code });
    }
  }
  // The end of its input ends the program, and with it the interface.
}

if (process.argv[2] === 'device') await serve(openNative as Open);
if (process.argv[2] === 'relay') await serve(openNativeRelay as Open);
