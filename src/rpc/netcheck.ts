/** Part of the contract (schema.ts): what there is to know of how others can reach this machine. */
import * as v from 'valibot';

const count = v.number();

/** Whether the router lets datagrams in to this network's port, or why it doesn't. */
export const portMappingSchema = v.object({
  /** `off`: switched off, or the network isn't up; `none`: the router gave none. */
  state: v.picklist(['off', 'no-router', 'asking', 'mapped', 'none']),
  /** The router's address. */
  gateway: v.nullable(v.string()),
  protocol: v.nullable(v.picklist(['pcp', 'nat-pmp', 'upnp'])),
  /** Where others reach this machine by it. */
  external: v.nullable(v.string()),
  /** How long the router keeps it if it isn't renewed, in ms. */
  expiresMs: v.nullable(v.number()),
  /** What was tried in vain. `private`: the router's own address can't be reached from outside. */
  attempts: v.array(
    v.object({
      protocol: v.picklist(['pcp', 'nat-pmp', 'upnp']),
      reason: v.picklist(['no-answer', 'refused', 'failed', 'private']),
      error: v.string(),
    }),
  ),
});

const wayOut = v.nullable(v.object({ gateway: v.string(), device: v.string() }));

/** What of one network bears on whether others can reach it; the id stands for the hash. */
const netcheckNetworkSchema = v.object({
  id: v.string(),
  device: v.string(),
  state: v.string(),
  /** UDP port. */
  port: v.number(),
  lan: v.string(),
  /** Which DHT its members meet in: `public`, `off`, or the nodes of one's own; and how that goes, in words. */
  dht: v.object({ where: v.string(), state: v.string(), nodes: count }),
  /** Nodes that are asked where they see us, how many answer, and what they see. */
  outside: v.object({ asked: count, answered: count, seen: v.array(v.string()) }),
  /** Whether UDP gets out and back: `unknown` while too little has been tried. */
  udp: v.picklist(['works', 'no-answer', 'unknown']),
  nat: v.picklist(['unknown', 'none', 'endpoint-independent', 'dependent']),
  portMapping: portMappingSchema,
  /** Connected members by path. */
  connected: v.object({ lan: count, direct: count, relay: count }),
  members: count,
  /**
   * Who can connect directly. Anyone: `mapped`, by the port mapping; `public`, by an address of its own, if no firewall is before it. `most`: all
   * but those behind a NAT with a port per destination. `reachable`: those that can be reached themselves. The LAN: `no-route`, `no-udp`.
   */
  reach: v.picklist(['mapped', 'public', 'most', 'reachable', 'no-route', 'no-udp', 'unknown', 'not-running']),
  /** What to open by hand so that anyone can connect, or null if there's nothing to open: UDP `port` on `router`, towards `to`. */
  open: v.nullable(v.object({ port: v.number(), router: v.string(), to: v.string() })),
});

export const netcheckSchema = v.object({
  version: v.string(),
  /** Of this machine's interfaces, the overlays' left out. `scope`: who can reach it by that address, were there no firewall. */
  addresses: v.array(
    v.object({ device: v.string(), ip: v.string(), scope: v.picklist(['global', 'private', 'link']) }),
  ),
  routes: v.object({ ipv4: wayOut, ipv6: wayOut }),
  /** Whether routers are asked for port mappings. */
  portMapping: v.boolean(),
  /** The DHT process, in words. */
  dht: v.string(),
  networks: v.array(netcheckNetworkSchema),
});

export type Netcheck = v.InferOutput<typeof netcheckSchema>;
export type PortMappingInfo = v.InferOutput<typeof portMappingSchema>;
export type NetcheckNetwork = v.InferOutput<typeof netcheckNetworkSchema>;
