/** What methods take: values as people write them, each parsed once into its type; and the bounds that people meet. */
import * as v from 'valibot';
import * as addressFields from './address-fields.js';
import * as fields from './fields.js';
import * as relayFields from './relay-fields.js';

/** How many `-peer` a network may have. */
export const MAX_STATIC_PEERS = 64;

/** How many keys a network's queue holds. */
export const MAX_QUEUED_KEYS = 32;
/** How many relays a network may use, its own and the daemon's. */
export const MAX_RELAYS = 4;

/** How many subnets can be named in which routes are accepted. */
const MAX_ACCEPTED = 16;

export const hash = text(fields.parseHash);

/** Keys of a queue in their order; `ttl`: Unix time in seconds at which one ends. */
export const keys = v.pipe(
  v.array(v.strictObject({ key: text(fields.parseKey), ttl: v.optional(number(fields.parseUnixTime)) })),
  v.maxLength(MAX_QUEUED_KEYS, ({ received }) => `expected at most ${MAX_QUEUED_KEYS} keys, got ${received}`),
);

/** One or more addresses as people write them, `dhcp` among them or not. */
export const addressing = v.pipe(
  v.union([v.string(), v.array(v.string())], 'expected an address, or a list of addresses'),
  v.transform((texts) => (typeof texts === 'string' ? [texts] : texts)),
  parsed<string[], addressFields.Addressing>(addressFields.addressingOf),
);

/** How many subnets a member may offer; a member record has room for as many. */
export const MAX_ROUTES = 6;

export const routes = v.pipe(
  v.array(text(addressFields.parseRoute)),
  v.maxLength(MAX_ROUTES, ({ received }) => `expected at most ${MAX_ROUTES}, got ${received}`),
);

/** Subnets in which routes of others are accepted; none: no route is. */
export const acceptedRoutes = v.pipe(
  v.array(text(addressFields.parseAccepted)),
  v.maxLength(MAX_ACCEPTED, ({ received }) => `expected at most ${MAX_ACCEPTED}, got ${received}`),
);

export const startParams = v.strictObject({
  hash,
  ip: v.optional(addressing, addressFields.DHCP),
  'no-ula': v.optional(v.boolean(), false),
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
  bridge: v.optional(v.boolean()),
  'no-lan': v.optional(v.boolean(), false),
  dht: v.optional(text(fields.parseDht)),
  relay: v.optional(
    v.pipe(
      v.array(text(relayFields.parseRelayText)),
      v.maxLength(MAX_RELAYS, ({ received }) => `expected at most ${MAX_RELAYS}, got ${received}`),
    ),
    [],
  ),
  fwd: v.optional(v.boolean(), false),
  route: v.optional(routes, []),
  'accept-routes': v.optional(acceptedRoutes, []),
});

export function text<T>(parse: (text: string) => T) {
  return v.pipe(v.string(wrongType), parsed<string, T>(parse));
}

export function number<T>(parse: (value: number) => T) {
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
