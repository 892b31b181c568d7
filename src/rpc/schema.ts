/**
 * The contract between the daemon and its clients: every method with its parameters and its result. Both ends check
 * against it. Parameters are strict: what isn't listed is an error that names it; results may grow.
 */
import * as v from 'valibot';
import { candidateSchema, networkDebugSchema } from './debug-info.js';
import * as fields from './fields.js';
import { netcheckSchema } from './netcheck.js';
import { identitySchema, networkSchema, PATHS, peerSchema } from './network-info.js';
import { acceptedRoutes, addressing, hash, keys, number, routes, startParams, text } from './parameters.js';
import * as relayFields from './relay-fields.js';
import { relayHostSchema } from './relay-info.js';

/** The longest that one `network.wait` lasts, in ms; a client that wants more calls again. */
export const MAX_WAIT_MS = 60_000;
/** The longest that one `member.ping` waits for its answer, in ms. */
export const MAX_PING_MS = 10_000;
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
  /** Makes a network; answers when its device is up, the network is saved, and an address is chosen if one is to be (half a minute at most). */
  'network.start': {
    params: startParams,
    result: v.object({ network: networkSchema, warnings: v.array(v.string()) }),
  },
  /** Leaves a network and forgets it, with the name of its device: the one with that hash, the one on that device, or all. */
  'network.stop': {
    params: v.pipe(
      v.strictObject({
        hash: v.optional(hash),
        dev: v.optional(text(fields.parseDevice)),
        all: v.optional(v.literal(true)),
      }),
      v.check(
        ({ hash, dev, all }) => [hash, dev, all].filter((given) => given !== undefined).length === 1,
        'expected one of hash, dev and all',
      ),
    ),
    result: v.object({ stopped: v.array(v.object({ id: v.string(), device: v.string() })) }),
  },
  /** Whether that member is connected, in the network named or in any. `who`: overlay address, name, host name or peer id. */
  'network.check': {
    params: v.strictObject({ who: text(fields.parseWho), hash: v.optional(hash) }),
    result: v.object({ connected: v.boolean() }),
  },
  /** As `network.check`, but answers when the member is connected, or after `ms`. */
  'network.wait': {
    params: v.strictObject({
      who: text(fields.parseWho),
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
  /**
   * This machine has nothing to do with that identity from now on: at once, and over restarts. Without a hash: in the network that knows it.
   * `who`: peer id, name, host name or overlay address; the answer says whose id that is.
   */
  'peer.block': {
    params: v.strictObject({ who: text(fields.parseWho), hash: v.optional(hash) }),
    result: v.object({ id: v.string() }),
  },
  'peer.unblock': {
    params: v.strictObject({ who: text(fields.parseWho), hash: v.optional(hash) }),
    result: v.object({ id: v.string() }),
  },
  /** That this identity has another's overlay address is as it should be. */
  'peer.accept': {
    params: v.strictObject({ who: text(fields.parseWho), hash: v.optional(hash) }),
    result: v.object({ id: v.string() }),
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
  /**
   * Through relays only, or not; what this machine is called; the MTU of the device; the subnets that are offered behind this machine, and those in which
   * others' are accepted, in place of the ones before. Without a hash, for all networks. It's kept. A device that refuses
   * its MTU keeps the one that it had, and the call fails.
   */
  'network.set': {
    params: v.strictObject({
      hash: v.optional(hash),
      fwd: v.optional(v.boolean()),
      name: v.optional(text(fields.parseName)),
      mtu: v.optional(number(fields.parseMtu)),
      route: v.optional(routes),
      'accept-routes': v.optional(acceptedRoutes),
    }),
    result: v.object({}),
  },
  /** The addresses of a network are these from now on, and no others; it's kept. Waits for one that's chosen as `network.start` does. All or nothing. */
  'network.set-addresses': {
    params: v.strictObject({ hash, ip: addressing }),
    result: v.object({ network: networkSchema, warnings: v.array(v.string()) }),
  },
  /** Forgets the key that was pinned for a relay: the next one that it shows is pinned. */
  'relay.forget': {
    params: v.strictObject({ relay: text(relayFields.parseRelayText) }),
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
export type KeyParams = StartParams['keys'];
export type KeyInfo = Result<'network.keys'>['keys'][number];

/** Says what's wrong with a value, naming the field: the first issue is enough for a person. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '';
  if (issue.type === 'strict_object' && issue.expected === 'never') return `unknown field ${path}`;
  if (issue.input === undefined) return `missing field ${path}`;
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
