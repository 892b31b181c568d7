/** What a client is told of relays: those that a network uses, and this machine as one. */
import * as v from 'valibot';

const count = v.number();

/** A relay that a network uses. */
export const relaySchema = v.object({
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

export type RelayUse = v.InferOutput<typeof relaySchema>;
export type RelayInfo = v.InferOutput<typeof relayHostSchema>;
