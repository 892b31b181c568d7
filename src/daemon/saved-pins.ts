/** The file of the relays' pinned keys. */
import * as v from 'valibot';
import { describeIssue } from '../rpc/schema.js';

const FILE = v.strictObject({
  version: v.literal(1),
  relays: v.array(
    v.strictObject({ name: v.string(), id: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), since: v.number() }),
  ),
});

export interface Pin {
  /** 64 hex digits. */
  readonly id: string;
  /** When it was pinned, Unix time in seconds. */
  readonly since: number;
}

export function encodePins(pins: ReadonlyMap<string, Pin>): string {
  const relays = [...pins].map(([name, pin]) => ({ name, ...pin }));
  return `${JSON.stringify({ version: 1, relays }, null, 1)}\n`;
}

/** Throws an `Error` that says what's wrong. */
export function decodePins(text: string): Map<string, Pin> {
  const result = v.safeParse(FILE, JSON.parse(text), { abortEarly: true });
  if (!result.success) throw new Error(describeIssue(result.issues[0]));
  return new Map(result.output.relays.map(({ name, ...pin }) => [name, pin]));
}
