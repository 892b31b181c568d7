/** What the daemon can be told, and what holds if nobody says otherwise. */
import { availableParallelism, hostname } from 'node:os';
import {
  type DhtChoice,
  type DhtListen,
  type Level,
  type LogFormat,
  type MetricsListen,
  type PortRange,
  type ProfileKind,
  parseName,
} from '../rpc/fields.js';
import { type HttpProxy, RELAY_TLS_PORT, type RelayListen } from '../rpc/relay-fields.js';
import { SYSTEM } from '../system/this-system.js';
import type { Hook } from './hook.js';
import { DEFAULT_LIMITS, type RelayLimits } from './relay-limits.js';

export interface Config {
  /** Directories and files as absolute paths. */
  readonly state: string;
  readonly socket: string;
  readonly log: Level;
  /** How lines of the log look; null: as text on a terminal, else as JSON. */
  readonly logFormat: LogFormat | null;
  /** Whether the log goes to syslog as well. */
  readonly syslog: boolean;
  /** The file that the log goes to instead of stderr, or null. */
  readonly logFile: string | null;
  /** Where metrics are served, or null. */
  readonly metrics: MetricsListen | null;
  /** What's profiled, or null; and where profiles are written, null for the state directory. */
  readonly profile: ProfileKind | null;
  readonly profileDir: string | null;
  /** Where all networks are kept as well, in one file, or null. */
  readonly save: string | null;
  readonly lan: boolean;
  /** Whether the router is asked to let datagrams in (PCP, NAT-PMP, UPnP). */
  readonly portMapping: boolean;
  /** Where networks meet that don't say: nodes of a DHT, the public one, or none. */
  readonly dht: DhtChoice | 'public';
  /** Makes this machine a DHT of its own as well. */
  readonly dhtListen: DhtListen | null;
  /** Relays that all networks use, `[ID@]HOST[:PORT[/TLSPORT]]`. */
  readonly relays: readonly string[];
  /** Makes this machine a relay of others. */
  readonly relayListen: RelayListen | null;
  /** The relay's TCP port for TLS, or null for none. */
  readonly relayTls: number | null;
  readonly relayLimits: RelayLimits;
  /** Whether members are told that they may use this machine's relay. */
  readonly relayOffer: boolean;
  /** By which TLS connections to relays are made, or null. */
  readonly proxy: HttpProxy | null;
  /** Of which a network's UDP port is chosen. */
  readonly ports: PortRange;
  /** Overlay MTU of networks that don't say, in bytes. */
  readonly mtu: number;
  /** Whether networks that don't say lower the MSS of TCP connections to what fits the path. */
  readonly mssClamp: boolean;
  /** Whether the devices of networks that don't say are ports of a bridge. */
  readonly bridge: boolean;
  /** What of the system's help the devices of networks use (device.ts); for kernels and cards that get it wrong. */
  readonly tapOffload: boolean;
  readonly udpGso: boolean;
  readonly udpGro: boolean;
  /** Pairs of threads of each device, 1 to 4. */
  readonly threads: number;
  /** Mark of our UDP datagrams (SO_MARK), for the system's routing rules; 0: none. */
  readonly fwmark: number;
  /** What other members see this machine called, where a network doesn't say. */
  readonly name: string;
  /** The hosts file that has the members' names while the daemon runs, or null. */
  readonly hosts: string | null;
  /** Commands that run when a network is up, and before it goes down, or null. */
  readonly up: Hook | null;
  readonly down: Hook | null;
}

/** Pairs of threads that a device can have (device.ts). */
export const MAX_THREADS = 4;

export function configDefaults(): Config {
  return {
    state: SYSTEM.state,
    socket: SYSTEM.socket,
    log: 'INFO',
    logFormat: null,
    syslog: false,
    logFile: null,
    metrics: null,
    profile: null,
    profileDir: null,
    save: null,
    lan: true,
    portMapping: true,
    dht: 'public',
    dhtListen: null,
    relays: [],
    relayListen: null,
    relayTls: RELAY_TLS_PORT,
    relayLimits: DEFAULT_LIMITS,
    relayOffer: false,
    proxy: null,
    ports: { min: 49152, max: 65535 },
    mtu: 1360,
    mssClamp: false,
    bridge: false,
    tapOffload: SYSTEM.name === 'linux', // the devices of others have none
    udpGso: true,
    udpGro: true,
    threads: Math.min(Math.max(Math.floor(availableParallelism() / 2), 1), MAX_THREADS),
    fwmark: 0x1032,
    name: defaultName(),
    hosts: null,
    up: null,
    down: null,
  };
}

/** The host's name as far as it fits into a member record. */
function defaultName(): string {
  try {
    return parseName(hostname().split('.')[0] ?? '');
  } catch {
    return 'unnamed';
  }
}
