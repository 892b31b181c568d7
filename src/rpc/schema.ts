/**
 * The contract between the daemon and its clients: every method with its parameters and its result. Both ends check
 * against it. Parameters are strict: what isn't listed is an error that names it; results may grow.
 */
import * as v from 'valibot';
import * as fields from './fields.js';
import { netcheckSchema, portMappingSchema } from './netcheck.js';

/** The longest that one `network.wait` lasts, in ms; a client that wants more calls again. */
export const MAX_WAIT_MS = 60_000;
/** The longest that one `member.ping` waits for its answer, in ms. */
export const MAX_PING_MS = 10_000;
/** How many `-peer` a network may have. */
export const MAX_STATIC_PEERS = 64;

/** How many keys a network's queue holds. */
export const MAX_QUEUED_KEYS = 32;
const PATHS = ['lan', 'direct', 'relay', 'none'] as const;

const PEER_STATES = ['connected', 'connecting', 'unreachable', 'refused', 'blocked'] as const;

/** How many relays a network may use, its own and the daemon's. */
export const MAX_RELAYS = 4;

const hash = text(fields.parseHash);
const count = v.number();

/** Keys of a queue in their order; `ttl`: Unix time in seconds at which one ends. */
const keys = v.pipe(
  v.array(v.strictObject({ key: text(fields.parseKey), ttl: v.optional(number(fields.parseUnixTime)) })),
  v.maxLength(MAX_QUEUED_KEYS, ({ received }) => `expected at most ${MAX_QUEUED_KEYS} keys, got ${received}`),
);

export const startParams = v.strictObject({
  hash,
  ip: text(fields.parseOverlayAddress),
  dev: v.optional(text(fields.parseDevice)),
  mac: v.optional(text(fields.parseMac)),
  name: v.optional(text(fields.parseName)),
  port: v.optional(number(fields.parsePort)),
  ports: v.optional(text(fields.parsePorts)),
  peer: v.optional(
    v.pipe(
      v.array(text(fields.parsePeer)),
      v.maxLength(MAX_STATIC_PEERS, ({ received }) => `expected at most ${MAX_STATIC_PEERS}, got ${received}`),
    ),
    [],
  ),
  keys: v.optional(keys, []),
  mtu: v.optional(number(fields.parseMtu)),
  'mss-clamp': v.optional(v.boolean()),
  'no-lan': v.optional(v.boolean(), false),
  dht: v.optional(text(fields.parseDht)),
  relay: v.optional(
    v.pipe(
      v.array(text(fields.parseRelayText)),
      v.maxLength(MAX_RELAYS, ({ received }) => `expected at most ${MAX_RELAYS}, got ${received}`),
    ),
    [],
  ),
  fwd: v.optional(v.boolean(), false),
});

export const peerSchema = v.object({
  /** 16 hex digits. */
  id: v.string(),
  name: v.string(),
  addresses: v.array(v.string()),
  mac: v.string(),
  state: v.picklist(PEER_STATES),
  path: v.picklist(PATHS),
  endpoint: v.nullable(v.string()),
  rttMs: v.nullable(v.number()),
  /** MTU of the path in use, as measured: bytes of IP packet. */
  pathMtu: v.nullable(v.number()),
  /** How long it has been connected, in ms. */
  connectedMs: v.nullable(v.number()),
  framesIn: count,
  bytesIn: count,
  framesOut: count,
  bytesOut: count,
  /** How it was found. */
  source: v.string(),
  lastError: v.nullable(v.string()),
});

/** An identity that is or was a member, or that is blocked. */
export const identitySchema = v.object({
  id: v.string(),
  /** Empty if it was never seen. */
  name: v.string(),
  addresses: v.array(v.string()),
  /** `away`: it was a member once, and isn't known to be one now. */
  state: v.picklist([...PEER_STATES, 'away']),
  /** When a session with it was there first, Unix time in seconds; null if never. */
  since: v.nullable(v.number()),
});

/** A relay that a network uses. */
const relaySchema = v.object({
  /** `HOST:PORT`. */
  name: v.string(),
  /** The name of the member who offers it; null: it was named here. */
  offeredBy: v.nullable(v.string()),
  /** Its key, 64 hex digits; null as long as it's unknown. */
  id: v.nullable(v.string()),
  state: v.picklist(['connected', 'connecting', 'failing', 'wrong-key']),
  transport: v.nullable(v.picklist(['udp', 'tls'])),
  endpoint: v.nullable(v.string()),
  rttMs: v.nullable(v.number()),
  /** Other members there. */
  others: count,
  /** When its key was pinned, Unix time in seconds; null if it isn't, or was given. */
  pinned: v.nullable(v.number()),
  /** The key that it shows and mustn't have. */
  refusedId: v.nullable(v.string()),
  lastError: v.nullable(v.string()),
});

/** This machine as a relay of others. */
export const relayHostSchema = v.object({
  id: v.string(),
  port: v.number(),
  tlsPort: v.nullable(v.number()),
  /** Why it's gone, or null. */
  error: v.nullable(v.string()),
  tlsConnections: count,
  datagramsForwarded: count,
  bytesForwarded: count,
  /** Of the last ten seconds. */
  bytesPerSecond: count,
  clients: v.array(
    v.object({
      pseudonym: v.string(),
      address: v.string(),
      transport: v.picklist(['udp', 'tls']),
      /** Others who share a tag with it. */
      others: count,
      sinceMs: v.number(),
      bytesIn: count,
      bytesOut: count,
      drops: count,
    }),
  ),
  drops: v.record(v.string(), count),
});

export const networkSchema = v.object({
  /** The network's public name, 32 hex digits: what logs say in place of the hash. */
  id: v.string(),
  hash: v.string(),
  /** `left`: it's being closed. */
  state: v.picklist(['running', 'key-expired', 'left', 'failed']),
  /** Why it failed, and in how many ms the daemon tries again. */
  error: v.nullable(v.string()),
  retryMs: v.nullable(v.number()),
  device: v.string(),
  addresses: v.array(v.string()),
  mac: v.string(),
  name: v.string(),
  /** UDP port; 0 if it failed before it had one. */
  port: v.number(),
  mtu: v.number(),
  /** Whether the MSS of TCP connections is lowered to what fits the path. */
  mssClamp: v.boolean(),
  peerId: v.string(),
  /** LAN discovery, and meeting in the DHT, in words. */
  lan: v.string(),
  dht: v.string(),
  portMapping: portMappingSchema,
  relays: v.array(relaySchema),
  /** Everything goes through relays. */
  forwardOnly: v.boolean(),
  log: v.picklist(fields.LEVELS),
  /** When its last key ends, Unix time in seconds; null for never, or for a network without keys. */
  keyEnds: v.nullable(v.number()),
  peers: v.array(peerSchema),
  /** Each `-peer` at which no member was found yet. */
  unanswered: v.array(
    v.object({ name: v.string(), endpoints: v.array(v.string()), lastError: v.nullable(v.string()) }),
  ),
  problems: v.array(v.string()),
  /** Datagrams and frames that weren't carried, by reason. */
  drops: v.record(v.string(), count),
});

const candidateSchema = v.object({
  endpoint: v.string(),
  kind: v.string(),
  /** How it came to be a candidate: `record`, `lan`, `static`, `remembered`, `handshake`, `strayed`. */
  source: v.string(),
  state: v.string(),
  rttMs: v.nullable(v.number()),
  /** How long ago it answered last, in ms. */
  answeredMs: v.nullable(v.number()),
  /** Challenges in a row without an answer. */
  misses: count,
  /** Handshakes and challenges that went there, and how long ago the last did, in ms. */
  tries: count,
  triedMs: v.nullable(v.number()),
  /** MTU of the path as measured, bytes of IP packet. */
  mtu: v.nullable(v.number()),
});

/** What there is to know of a network when something doesn't work; the id stands for the hash. */
export const networkDebugSchema = v.object({
  id: v.string(),
  state: v.string(),
  error: v.nullable(v.string()),
  device: v.string(),
  port: v.number(),
  lan: v.string(),
  dht: v.string(),
  relays: v.array(relaySchema),
  forwardOnly: v.boolean(),
  /** How the NAT before this machine maps: `unknown`, `none`, `endpoint-independent` or `dependent` (RFC 4787). */
  nat: v.string(),
  portMapping: portMappingSchema,
  /** Where we tell others that we are. */
  endpoints: v.array(v.string()),
  /** Datagrams to endpoints that had never answered; how many had to wait for their turn, and wait now. */
  probes: v.object({ sent: count, putOff: count, waiting: count }),
  /** Members known from the last run. */
  remembered: count,
  peers: v.array(
    v.object({
      id: v.string(),
      name: v.string(),
      state: v.string(),
      /** How it was found. */
      source: v.string(),
      sequence: v.string(),
      handshakeTries: count,
      sessions: v.array(v.object({ role: v.string(), ageMs: v.number(), heard: v.boolean() })),
      candidates: v.array(candidateSchema),
    }),
  ),
  unanswered: v.array(
    v.object({ name: v.string(), endpoints: v.array(v.string()), lastError: v.nullable(v.string()) }),
  ),
  problems: v.array(v.string()),
  drops: v.record(v.string(), count),
});

export const METHODS = {
  'daemon.version': {
    params: v.strictObject({}),
    result: v.object({ version: v.string() }),
  },
  /** Everything there is to see, of all networks or of one. */
  'daemon.status': {
    params: v.strictObject({ hash: v.optional(hash) }),
    result: v.object({
      version: v.string(),
      upMs: v.number(),
      log: v.picklist(fields.LEVELS),
      networks: v.array(networkSchema),
      relay: v.nullable(relayHostSchema),
      /** What's wrong with the daemon itself, in words. */
      problems: v.array(v.string()),
    }),
  },
  /** What somebody needs who looks for a fault; holds no secret. */
  'daemon.debug': {
    params: v.strictObject({}),
    result: v.object({
      version: v.string(),
      node: v.string(),
      platform: v.string(),
      upMs: v.number(),
      /** How long a timer of 0 ms took, in ms, and the share of its life that the event loop was busy. */
      loopLagMs: v.number(),
      loopBusy: v.number(),
      /** Resident memory, in bytes. */
      memory: v.number(),
      /** The DHT process, in words. */
      dht: v.string(),
      networks: v.array(networkDebugSchema),
      relay: v.nullable(relayHostSchema),
      problems: v.array(v.string()),
    }),
  },
  /** Whether and how others can reach this machine, and what stands in the way; holds no secret. */
  'daemon.netcheck': {
    params: v.strictObject({}),
    result: netcheckSchema,
  },
  /** Makes a network; answers when its device is up and the network is saved. */
  'network.start': {
    params: startParams,
    result: v.object({ network: networkSchema, warnings: v.array(v.string()) }),
  },
  /** Leaves a network and forgets it. */
  'network.stop': {
    params: v.strictObject({ hash }),
    result: v.object({}),
  },
  /** Whether the member with this overlay address is connected, in the network named or in any. */
  'network.check': {
    params: v.strictObject({ ip: text(fields.parseIp), hash: v.optional(hash) }),
    result: v.object({ connected: v.boolean() }),
  },
  /** As `network.check`, but answers when the member is connected, or after `ms`. */
  'network.wait': {
    params: v.strictObject({
      ip: text(fields.parseIp),
      hash,
      ms: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WAIT_MS)),
    }),
    result: v.object({ connected: v.boolean() }),
  },
  /** The identities that the networks know. */
  'network.peers': {
    params: v.strictObject({ hash: v.optional(hash) }),
    result: v.object({
      networks: v.array(v.object({ id: v.string(), hash: v.string(), peers: v.array(identitySchema) })),
    }),
  },
  /** This machine has nothing to do with that identity from now on: at once, and over restarts. Without a hash: in the network that knows it. */
  'peer.block': {
    params: v.strictObject({ id: text(fields.parsePeerId), hash: v.optional(hash) }),
    result: v.object({}),
  },
  'peer.unblock': {
    params: v.strictObject({ id: text(fields.parsePeerId), hash: v.optional(hash) }),
    result: v.object({}),
  },
  /** That this identity has another's overlay address is as it should be. */
  'peer.accept': {
    params: v.strictObject({ id: text(fields.parsePeerId), hash: v.optional(hash) }),
    result: v.object({}),
  },
  /** Appends to the key queue of a network, and saves it. All or nothing. */
  'network.add-keys': {
    params: v.strictObject({ hash, keys: v.pipe(keys, v.minLength(1, 'expected a key, got none')) }),
    result: v.object({ warnings: v.array(v.string()) }),
  },
  /** The key queue in its order. */
  'network.keys': {
    params: v.strictObject({ hash }),
    result: v.object({
      keys: v.array(
        v.object({
          /** 8 hex digits that tell it from others; the same on all members. */
          fingerprint: v.string(),
          /** When it ends, Unix time in seconds; null for never. */
          until: v.nullable(v.number()),
          state: v.picklist(['ended', 'in-use', 'later']),
        }),
      ),
    }),
  },
  /**
   * One sealed challenge to a member on the path in use. `who`: overlay address, name or peer id. `answer` is null if none came within `ms`, or if
   * it isn't connected: then `state`, `lastError` and `candidates` say why.
   */
  'member.ping': {
    params: v.strictObject({
      who: text(fields.parseWho),
      hash: v.optional(hash),
      ms: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PING_MS)),
    }),
    result: v.object({
      /** The network's public name and device. */
      network: v.string(),
      device: v.string(),
      peer: peerSchema,
      answer: v.nullable(v.object({ path: v.picklist(PATHS), endpoint: v.string(), rttMs: v.number() })),
      candidates: v.array(candidateSchema),
    }),
  },
  /** Without a hash: the daemon and all its networks. Lasts until the daemon ends. */
  'log.set': {
    params: v.strictObject({ level: text(fields.parseLevel), hash: v.optional(hash) }),
    result: v.object({}),
  },
  /** Through relays only, or not; without a hash, for all networks. It's kept. */
  'network.set': {
    params: v.strictObject({ hash: v.optional(hash), fwd: v.boolean() }),
    result: v.object({}),
  },
  /** Forgets the key that was pinned for a relay: the next one that it shows is pinned. */
  'relay.forget': {
    params: v.strictObject({ relay: text(fields.parseRelayText) }),
    result: v.object({ forgotten: v.boolean() }),
  },
  /** What of the system's help the devices of running networks use; without a hash, of all. It lasts until a device ends. */
  'device.set': {
    params: v.strictObject({
      hash: v.optional(hash),
      'tap-offload': v.optional(v.boolean()),
      'udp-gso': v.optional(v.boolean()),
      'udp-gro': v.optional(v.boolean()),
    }),
    result: v.object({}),
  },
} as const;

export type Method = keyof typeof METHODS;
/** Parameters as they travel. */
export type Params<M extends Method> = v.InferInput<(typeof METHODS)[M]['params']>;
/** Parameters after they were checked. */
export type Parsed<M extends Method> = v.InferOutput<(typeof METHODS)[M]['params']>;
export type Result<M extends Method> = v.InferOutput<(typeof METHODS)[M]['result']>;
export type StartParams = Parsed<'network.start'>;
export type NetworkInfo = v.InferOutput<typeof networkSchema>;
export type NetworkDebug = v.InferOutput<typeof networkDebugSchema>;
export type IdentityInfo = v.InferOutput<typeof identitySchema>;
export type RelayInfo = v.InferOutput<typeof relayHostSchema>;
export type RelayUse = v.InferOutput<typeof relaySchema>;
export type KeyParams = StartParams['keys'];
export type KeyInfo = Result<'network.keys'>['keys'][number];
export type PeerInfo = v.InferOutput<typeof peerSchema>;

/** Says what's wrong with a value, naming the field: the first issue is enough for a person. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '';
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown field ${path}`;
  if (issue.input === undefined) return `missing field ${path}`;
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

function text<T>(parse: (text: string) => T) {
  return v.pipe(v.string(wrongType), parsed<string, T>(parse));
}

function number<T>(parse: (value: number) => T) {
  return v.pipe(v.number(wrongType), parsed<number, T>(parse));
}

function parsed<I, T>(parse: (input: I) => T) {
  return v.rawTransform<I, T>(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value);
    } catch (error) {
      addIssue({ message: error instanceof Error ? error.message : String(error) });
      return NEVER;
    }
  });
}

function wrongType(issue: v.BaseIssue<unknown>): string {
  return `expected a ${issue.expected}, got ${issue.received}`;
}
