/** What's kept of a network between runs: one JSON file each. */
import * as v from 'valibot';
import { parseEndpoint } from '../core/endpoint.js';
import type { Acquaintance } from '../network/acquaintances.js';
import type { ChosenAddress } from '../network/addresses/claims.js';
import type { RememberedPeer } from '../network/io.js';
import * as addressFields from '../rpc/address-fields.js';
import * as fields from '../rpc/fields.js';
import * as relayFields from '../rpc/relay-fields.js';
import { describeIssue } from '../rpc/schema.js';

export interface SavedKey {
  /** The stretched key, 32 bytes. */
  readonly secret: Uint8Array;
  /** When it ends, Unix time in seconds; null for never, which only the last may. */
  readonly until: number | null;
}

export interface SavedNetwork {
  /** Network id, 32 hex digits: the file's name. */
  readonly id: string;
  readonly hash: fields.Hash;
  /** What the hash was stretched to, 32 bytes: secret, and costly to make again. */
  readonly root: Uint8Array;
  /** Overlay addresses with prefix that people gave it. */
  readonly addresses: readonly string[];
  /** Whether it chooses one besides, and which it is. */
  readonly dynamic: boolean;
  readonly chosen: ChosenAddress | null;
  /** Whether it has the IPv6 address that follows from its identity. */
  readonly ula: boolean;
  readonly device: string;
  readonly mac: string;
  readonly name: string;
  readonly port: number;
  /** Where another port is chosen from if `port` is taken; null if it was asked for by number. */
  readonly ports: fields.PortRange | null;
  readonly mtu: number;
  /** Whether the MSS of TCP is lowered to what fits the path. */
  readonly mssClamp: boolean;
  readonly peers: readonly string[];
  /** The key queue in its order; null for a network without keys. Empty: all have ended, and it stands still. */
  readonly keys: readonly SavedKey[] | null;
  readonly noLan: boolean;
  /** The DHT that its members meet in; null: the daemon's. */
  readonly dht: fields.DhtChoice | null;
  /** Its relays, `[ID@]HOST[:PORT[/TLSPORT]]`, besides the daemon's. */
  readonly relays: readonly string[];
  /** Everything goes through relays. */
  readonly forwardOnly: boolean;
  /** Whether its device is a port of a bridge: others are behind it. */
  readonly bridge: boolean;
  /** Subnets that this machine offers to the members, and those in which it takes theirs, `private` for all such. */
  readonly routes: readonly string[];
  readonly acceptRoutes: readonly string[];
  readonly remembered: readonly RememberedPeer[];
  /** Peer ids that this machine has nothing to do with. */
  readonly blocked: readonly string[];
  /** Who has which overlay address, as sessions have proved. */
  readonly acquaintances: readonly Acquaintance[];
}

/** The network without what changes while it runs. */
const base64 = (length: number) =>
  v.pipe(
    v.string(),
    v.base64(),
    v.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
    v.check((bytes) => length === 0 || bytes.length === length, `expected ${length} bytes`),
  );

const checked = <T>(parse: (text: string) => T) =>
  v.pipe(
    v.string(),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value);
      } catch (error) {
        addIssue({ message: error instanceof Error ? error.message : String(error) });
        return NEVER;
      }
    }),
  );

const endpoint = checked((text) => {
  const parsed = parseEndpoint(text);
  if (parsed === null) throw new RangeError(`expected an endpoint, got ${text}`);
  return parsed;
});

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));

const ACQUAINTANCE = v.strictObject({
  ip: checked(addressFields.parseIp),
  id: checked(fields.parsePeerId),
  name: v.string(),
  since: v.number(),
  before: v.nullable(checked(fields.parsePeerId)),
});

const FILE = v.strictObject({
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  hash: checked(fields.parseHash),
  root: base64(32),
  addresses: v.array(checked(addressFields.parseOverlayAddress)),
  dynamic: v.optional(v.boolean(), false),
  chosen: v.optional(
    v.nullable(v.strictObject({ address: checked(addressFields.parseOverlayAddress), since: v.number() })),
    null,
  ),
  ula: v.optional(v.boolean(), true),
  device: checked(fields.parseDevice),
  mac: checked(fields.parseMac),
  name: checked(fields.parseName),
  port,
  ports: v.nullable(v.strictObject({ min: port, max: port })),
  mtu: v.pipe(v.number(), v.transform(fields.parseMtu)),
  mssClamp: v.optional(v.boolean(), false),
  peers: v.array(checked(fields.parsePeer)),
  keys: v.nullable(v.array(v.strictObject({ secret: base64(32), until: v.nullable(v.number()) }))),
  noLan: v.boolean(),
  dht: v.optional(v.nullable(v.union([v.literal('off'), v.array(v.string())])), null),
  relays: v.optional(v.array(checked(relayFields.parseRelayText)), []),
  forwardOnly: v.optional(v.boolean(), false),
  bridge: v.optional(v.boolean(), false),
  routes: v.optional(v.array(checked(addressFields.parseRoute)), []),
  acceptRoutes: v.optional(v.array(checked(addressFields.parseAccepted)), []),
  remembered: v.array(v.strictObject({ record: base64(0), endpoints: v.array(endpoint), stamp: base64(8) })),
  blocked: v.optional(v.array(checked(fields.parsePeerId)), []),
  acquaintances: v.optional(v.array(ACQUAINTANCE), []),
});

export function encodeSaved(network: SavedNetwork): string {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const { root, keys, remembered, ...rest } = network;
  const file = {
    version: 1,
    ...rest,
    root: text(root),
    keys: keys?.map(({ secret, until }) => ({ secret: text(secret), until })) ?? null,
    remembered: remembered.map((peer) => ({ ...peer, record: text(peer.record), stamp: text(peer.stamp) })),
  };
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** Throws an `Error` that says what's wrong; its message holds no secret. */
export function decodeSaved(text: string): SavedNetwork {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error('no JSON'); // the parser's own message quotes the text, and that holds secrets
  }
  const result = v.safeParse(FILE, file, { abortEarly: true });
  if (!result.success) throw new Error(describeIssue(result.issues[0]));
  const { version: _, ...network } = result.output;
  return network;
}
