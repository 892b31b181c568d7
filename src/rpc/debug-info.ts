/** What a client is told who looks for a fault; holds no secret. */
import * as v from 'valibot';
import { portMappingSchema } from './netcheck.js';
import { unansweredSchema } from './network-info.js';
import { relaySchema } from './relay-info.js';

const count = v.number();

/** One way to a member, and what became of it. */
export const candidateSchema = v.object({
  endpoint: v.string(),
  kind: v.string(),
  /** How it came to be a candidate: `record`, `lan`, `static`, `remembered`, `handshake`, `strayed`, `relay`. */
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
  unanswered: v.array(unansweredSchema),
  problems: v.array(v.string()),
  drops: v.record(v.string(), count),
});

export type NetworkDebug = v.InferOutput<typeof networkDebugSchema>;
