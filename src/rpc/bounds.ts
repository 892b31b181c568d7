/** What values of several kinds are held to. Those that throw throw a `RangeError` that says what was expected and what came. */
import { quoted, unprintable } from './text.js';

export const HOST_NAME = /^(?=.*[a-z])[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i;

export const PEER_BYTES = 300;

/** The number that decimal digits stand for, or null. */
export function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function between(what: string, value: number, { min, max }: { min: number; max: number }): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`expected ${what} from ${min} to ${max}, got ${quoted(value)}`);
}

export function limited(what: string, text: string, most: number): string {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > most) throw new RangeError(`expected ${what} of 1 to ${most} bytes, got ${bytes} bytes`);
  const bad = unprintable(text);
  if (bad !== null) throw new RangeError(`expected ${what} of printable characters, got ${bad}`);
  return text;
}
