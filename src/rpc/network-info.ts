/** What a client is told of a network and its members. */
import * as v from 'valibot';
import { LEVELS } from './fields.js';
import { portMappingSchema } from './netcheck.js';
import { relaySchema } from './relay-info.js';

export const PATHS = ['lan', 'direct', 'relay', 'none'] as const;
const PEER_STATES = ['connected', 'connecting', 'unreachable', 'refused', 'blocked'] as const;

const count = v.number();

export const peerSchema = v.object({
  /** 16 hex digits. */
  id: v.string(),
  name: v.string(),
  /** `LABEL.p2p`, which no other member has at this machine; null for one that has too many namesakes. */
  hostName: v.nullable(v.string()),
  addresses: v.array(v.string()),
  /** Its IPv6 address that follows from its identity; null if it has none. */
  ula: v.nullable(v.string()),
  /** Those that it holds, without prefix lengths: an address that several claim is one's only. */
  held: v.array(v.string()),
  mac: v.string(),
  /** Whether it's a bridge: there are others behind it. */
  bridge: v.boolean(),
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
  /** When a session with it was there first, in ms since 1970; null if never. */
  knownSince: v.nullable(v.number()),
  lastError: v.nullable(v.string()),
  /** Subnets that it offers. */
  routes: v.array(v.string()),
});

/** A subnet that a member offers to those who accept it. */
export const memberRouteSchema = v.object({
  /** E.g. `192.168.7.0/24`. */
  subnet: v.string(),
  /** The member's peer id and name, and its overlay address by which the route leads; null: it has none that would do. */
  id: v.string(),
  name: v.string(),
  gateway: v.nullable(v.string()),
  /** `standby`: it may take the place of another when that one goes. */
  state: v.picklist(['installed', 'standby', 'refused']),
  /** Why it isn't installed, in words. */
  why: v.nullable(v.string()),
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

/** A `-peer` at which no member was found yet. */
export const unansweredSchema = v.object({
  name: v.string(),
  endpoints: v.array(v.string()),
  lastError: v.nullable(v.string()),
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
  /** With prefix lengths, all but `ula`. */
  addresses: v.array(v.string()),
  /** This machine's IPv6 address that follows from its identity; null if it has none. */
  ula: v.nullable(v.string()),
  /** Whether one of the addresses is chosen (`-ip dhcp`), and whether it's still being looked for. */
  dynamic: v.boolean(),
  seeking: v.boolean(),
  mac: v.string(),
  name: v.string(),
  /** Its host name, `LABEL.p2p`. */
  hostName: v.nullable(v.string()),
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
  /** Subnets that this machine offers; those in which others' are accepted (`private` for all such); and what came of the ones that others offer. */
  routes: v.array(v.string()),
  acceptRoutes: v.array(v.string()),
  memberRoutes: v.array(memberRouteSchema),
  /** Everything goes through relays. */
  forwardOnly: v.boolean(),
  /** Whether its device is a port of a bridge. */
  bridge: v.boolean(),
  log: v.picklist(LEVELS),
  /** When its last key ends, Unix time in seconds; null for never, or for a network without keys. */
  keyEnds: v.nullable(v.number()),
  peers: v.array(peerSchema),
  unanswered: v.array(unansweredSchema),
  problems: v.array(v.string()),
  /** Datagrams and frames that weren't carried, by reason. */
  drops: v.record(v.string(), count),
});

export type PeerInfo = v.InferOutput<typeof peerSchema>;
export type IdentityInfo = v.InferOutput<typeof identitySchema>;
export type MemberRoute = v.InferOutput<typeof memberRouteSchema>;
export type NetworkInfo = v.InferOutput<typeof networkSchema>;
