/** What daemon and DHT child tell each other, over the pipe between them. Both ends parse what they get: the child's side of it has seen the internet. */
import * as v from 'valibot';
import { MAX_VALUE_BYTES } from './sealed-record.js';

const isBytes = (input: unknown): input is Uint8Array => input instanceof Uint8Array;
const bytes = (length: number) => v.custom<Uint8Array>((input) => isBytes(input) && input.length === length);
const value = v.custom<Uint8Array>((input) => isBytes(input) && input.length <= MAX_VALUE_BYTES);
const id = v.pipe(v.number(), v.safeInteger());
const endpoint = v.pipe(v.string(), v.maxLength(300));

/** DHT nodes that a client names, of those that it knows. */
export const MAX_NODES_TOLD = 16;
/** Most keys that a look brings back: twenty from each of as many nodes as a query ends at. */
export const MAX_KEYS_PER_LOOK = 400;

const toChild = v.variant('kind', [
  /** Makes a client of the DHT that these nodes belong to (null: the public one); `node` names it from here on. */
  v.object({ kind: v.literal('join'), node: id, bootstrap: v.nullable(v.pipe(v.array(endpoint), v.maxLength(64))) }),
  v.object({ kind: v.literal('leave'), node: id }),
  /** Makes this machine a DHT of four nodes on `port` … `port + 3`, which others reach at `host`. */
  v.object({
    kind: v.literal('listen'),
    host: v.pipe(v.string(), v.ipv4()),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_532)),
  }),
  v.object({
    kind: v.literal('publish'),
    node: id,
    request: id,
    topic: bytes(32),
    seed: bytes(32),
    sequence: id,
    value,
  }),
  v.object({ kind: v.literal('look'), node: id, request: id, topic: bytes(32) }),
  v.object({ kind: v.literal('fetch'), node: id, request: id, key: bytes(32) }),
]);

const fromChild = v.variant('kind', [
  /** The child has given its privileges up and takes messages. */
  v.object({ kind: v.literal('ready') }),
  /** There's no DHT on this platform. */
  v.object({ kind: v.literal('unavailable'), error: v.pipe(v.string(), v.maxLength(500)) }),
  v.object({ kind: v.literal('listening') }),
  v.object({ kind: v.literal('listen-failed'), error: v.pipe(v.string(), v.maxLength(500)) }),
  /** How many DHT nodes a client knows, and some of them as IPv4:PORT. */
  v.object({
    kind: v.literal('nodes'),
    node: id,
    count: id,
    some: v.pipe(v.array(endpoint), v.maxLength(MAX_NODES_TOLD)),
  }),
  v.object({ kind: v.literal('join-failed'), node: id, error: v.pipe(v.string(), v.maxLength(500)) }),
  v.object({ kind: v.literal('published'), request: id, error: v.nullable(v.pipe(v.string(), v.maxLength(500))) }),
  v.object({
    kind: v.literal('looked'),
    request: id,
    keys: v.pipe(v.array(bytes(32)), v.maxLength(MAX_KEYS_PER_LOOK)),
  }),
  v.object({ kind: v.literal('fetched'), request: id, value: v.nullable(value), sequence: id }),
]);

export type ToChild = v.InferOutput<typeof toChild>;
export type FromChild = v.InferOutput<typeof fromChild>;

/** Null if it's no message. */
export function parseToChild(message: unknown): ToChild | null {
  const result = v.safeParse(toChild, message);
  return result.success ? result.output : null;
}

export function parseFromChild(message: unknown): FromChild | null {
  const result = v.safeParse(fromChild, message);
  return result.success ? result.output : null;
}
