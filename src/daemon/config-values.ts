/** Values of the configuration file, each parsed once. All throw a `RangeError` that says what was expected. */
import { isAbsolute } from 'node:path';
import { MAX_RELAYS } from '../rpc/parameters.js';
import { parseRelayText } from '../rpc/relay-fields.js';
import { quoted } from '../rpc/text.js';
import { MAX_THREADS } from './config.js';

/** Of the state directory and the socket, in bytes: sockets lie there, and the kernel has little room for their names. */
const MAX_PATH = 90;
export function relays(value: unknown): readonly string[] {
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list)) throw new RangeError(`expected a relay or a list of relays, got ${quoted(value)}`);
  const names = list.map((relay) => parseRelayText(string(relay)));
  if (names.length > MAX_RELAYS) throw new RangeError(`expected at most ${MAX_RELAYS}, got ${names.length}`);
  return names;
}

export function absolutePath(value: unknown): string {
  const path = string(value);
  if (!isAbsolute(path) || path.includes('\0')) throw new RangeError(`expected an absolute path, got ${quoted(path)}`);
  return path;
}

/** Of what has a socket in it. */
export function shortPath(value: unknown): string {
  const path = absolutePath(value);
  if (Buffer.byteLength(path) > MAX_PATH)
    throw new RangeError(`expected a path of at most ${MAX_PATH} bytes, got ${Buffer.byteLength(path)} bytes`);
  return path;
}

export function string(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError(`expected text, got ${quoted(value)}`);
  return value;
}

export function number(value: unknown): number {
  if (typeof value !== 'number') throw new RangeError(`expected a number, got ${quoted(value)}`);
  return value;
}

export function parseThreads(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_THREADS) return value;
  throw new RangeError(`expected a whole number from 1 to ${MAX_THREADS}, got ${value}`);
}

export function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new RangeError(`expected true or false, got ${quoted(value)}`);
  return value;
}
