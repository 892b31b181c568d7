/**
 * Every key of the configuration: what its value is parsed by, and what people are told of it. The parser, p2p-config(5) and the table in
 * docs/commands.md are all made from this.
 */
import { availableParallelism, hostname } from 'node:os';
import { isAbsolute } from 'node:path';
import { wholeNumber } from '../rpc/bounds.js';
import {
  type DhtChoice,
  type DhtListen,
  type Level,
  type LogFormat,
  type MetricsListen,
  type PortRange,
  type ProfileKind,
  parseDht,
  parseDhtListen,
  parseLevel,
  parseLogFormat,
  parseMark,
  parseMetricsListen,
  parseMtu,
  parseName,
  parsePort,
  parsePorts,
  parseProfile,
} from '../rpc/fields.js';
import { MAX_RELAYS } from '../rpc/parameters.js';
import {
  type HttpProxy,
  parseProxy,
  parseRelayListen,
  parseRelayText,
  RELAY_TLS_PORT,
  type RelayListen,
} from '../rpc/relay-fields.js';
import { quoted } from '../rpc/text.js';
import { SYSTEM } from '../system/this-system.js';
import { type Hook, parseHook } from './hook.js';
import { DEFAULT_LIMITS, parseRelayLimits, type RelayLimits } from './relay-limits.js';

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

/** Of the state directory and the socket, in bytes: sockets lie there, and the kernel has little room for their names. */
const MAX_PATH = 90;
/** Pairs of threads that a device can have (device.ts). */
const MAX_THREADS = 4;

interface Key<T> {
  /** What may stand there, e.g. `MIN-MAX`. */
  readonly value: string;
  readonly means: string;
  /** The default in words, where the value itself doesn't say it to people; empty for none. */
  readonly fallback?: string;
  /** Throws a `RangeError` that says what was expected. */
  parse(value: unknown): T;
}

/** A key as the manual has it. */
export interface ConfigKey {
  readonly name: string;
  readonly value: string;
  readonly means: string;
  /** What holds without it; empty for nothing. */
  readonly fallback: string;
}

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
    tapOffload: true,
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

export const KEYS: { readonly [K in keyof Config]: Key<Config[K]> } = {
  state: {
    value: 'DIR',
    means: "what's kept: networks, identity; readable for the daemon alone",
    parse: shortPath,
  },
  socket: { value: 'PATH', means: 'the unix socket that commands use', parse: shortPath },
  log: {
    value: 'LEVEL',
    means: '`TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`',
    parse: (value) => parseLevel(string(value)),
  },
  logFormat: {
    value: 'text|json',
    means: 'how the log is written: lines for people, or objects for programs',
    fallback: '`text` on a terminal, else `json`',
    parse: (value) => parseLogFormat(string(value)),
  },
  syslog: {
    value: 'true|false',
    means: '`true`: the log goes to syslog (`/dev/log`) as well as to stderr',
    parse: boolean,
  },
  logFile: {
    value: 'FILE',
    means: 'the log goes to this file instead of stderr. At 10 MiB it becomes FILE.1, and is begun anew',
    fallback: '',
    parse: absolutePath,
  },
  metrics: {
    value: '[HOST:]PORT',
    means:
      'figures for Prometheus, at `http://HOST:PORT/metrics`. HOST is an address of this machine; without it only this machine gets them. Nobody is asked who they are',
    fallback: '',
    parse: (value) => parseMetricsListen(typeof value === 'number' ? String(value) : string(value)),
  },
  profile: {
    value: 'cpu|memory',
    means: 'measures where time goes, or memory, and writes it to a file at the end and at each SIGUSR2',
    fallback: '',
    parse: (value) => parseProfile(string(value)),
  },
  profileDir: {
    value: 'DIR',
    means: 'where those files go',
    fallback: 'the state directory',
    parse: absolutePath,
  },
  save: {
    value: 'FILE',
    means:
      'all networks, with their secrets, are written to this file whenever they change; those in it that the state directory lacks are brought back at the start',
    fallback: '',
    parse: absolutePath,
  },
  lan: {
    value: 'true|false',
    means: '`false`: find no members on the LAN, and be found by none there',
    parse: boolean,
  },
  portMapping: {
    value: 'true|false',
    means: "`false`: don't ask the router to let datagrams in (PCP, NAT-PMP, UPnP)",
    parse: boolean,
  },
  dht: {
    value: 'HOST:PORT[,…]|public|false',
    means: 'nodes of the DHT in which members meet; `public`: the one that everybody can use; `false`: none',
    parse: (value) => (value === false ? 'off' : value === 'public' ? 'public' : parseDht(string(value))),
  },
  dhtListen: {
    value: '[HOST:]PORT',
    means:
      'makes this machine a DHT of its own, with four nodes from that port on; others reach it at HOST, an IPv4 address. Its own networks meet there unless `dht` says otherwise',
    fallback: '',
    parse: (value) => parseDhtListen(typeof value === 'number' ? String(value) : string(value)),
  },
  relays: {
    value: 'RELAY or a list',
    means:
      'also `relay`: relays that all networks use, `[ID@]HOST[:PORT[/TLSPORT]]` or `members`; four at most with those of a network',
    fallback: '',
    parse: relays,
  },
  relayListen: {
    value: '[HOST:]PORT',
    means: 'makes this machine a relay',
    fallback: '',
    parse: (value) => parseRelayListen(typeof value === 'number' ? String(value) : string(value)),
  },
  relayTls: {
    value: 'PORT|false',
    means: 'TCP port of that relay for TLS; `false`: none',
    parse: (value) => (value === false ? null : parsePort(number(wholeNumber(String(value)) ?? value))),
  },
  relayLimits: {
    value: 'names with numbers',
    means: 'what that relay gives away; guide.md has the names',
    fallback: '',
    parse: parseRelayLimits,
  },
  relayOffer: {
    value: 'true|false',
    means: "`true`: members of this daemon's networks are told that they may use its relay",
    parse: boolean,
  },
  proxy: {
    value: 'http://[USER:PASSWORD@]HOST[:PORT]|false',
    means: 'TLS to relays goes through it by CONNECT',
    fallback: 'https_proxy of the environment',
    parse: (value) => (value === false ? null : parseProxy(string(value))),
  },
  ports: {
    value: 'MIN-MAX',
    means: 'of which UDP ports are chosen',
    fallback: '49152-65535',
    parse: (value) => parsePorts(typeof value === 'number' ? String(value) : string(value)),
  },
  mtu: {
    value: 'BYTES',
    means: "MTU of network devices that don't say, 576 to 9000",
    parse: (value) => parseMtu(number(value)),
  },
  mssClamp: {
    value: 'true|false',
    means: "`true`: networks that don't say lower the MSS of TCP connections to what fits the path",
    parse: boolean,
  },
  bridge: {
    value: 'true|false',
    means:
      "`true`: the devices of networks that don't say are ports of a bridge: frames of others behind them are carried",
    parse: boolean,
  },
  tapOffload: {
    value: 'true|false',
    means:
      '`false`: do without checksum and segmentation offload of the device. It makes it fast; a few kernels and cards get it wrong. What the system refuses goes off by itself, with a line in the log',
    parse: boolean,
  },
  udpGso: { value: 'true|false', means: '`false`: do without UDP_SEGMENT, likewise', parse: boolean },
  udpGro: { value: 'true|false', means: '`false`: do without UDP_GRO, likewise', parse: boolean },
  threads: {
    value: '1 to 4',
    means:
      "pairs of threads that carry each network's frames. One flow stays with one of them; more help where there are several flows or peers, and cores that have nothing else to do",
    fallback: 'half the cores',
    parse: (value) => parseThreads(number(value)),
  },
  fwmark: {
    value: 'NUMBER',
    means: "mark of the daemon's UDP datagrams (SO_MARK, 32 bits) for the system's routing rules; 0: none",
    fallback: '0x1032',
    parse: (value) => parseMark(number(value)),
  },
  name: {
    value: 'TEXT',
    means: 'what other members see this machine called',
    fallback: 'the host name up to its first dot',
    parse: (value) => parseName(string(value)),
  },
  hosts: {
    value: 'true|false|FILE',
    means:
      '`true`: names of members (`NAME.p2p`) stand in /etc/hosts, or in FILE, as long as the daemon runs; see guide.md for the rights that this takes',
    fallback: '`false`',
    parse: (value) => (value === true ? SYSTEM.hosts : value === false ? null : absolutePath(value)),
  },
  up: {
    value: 'LINE or a list of words',
    means:
      "what runs when a network is up: a line for /bin/sh, or a program and its arguments; facts are in the environment, see guide.md. The file has to be root's or the daemon's, and writable for nobody else",
    fallback: '',
    parse: parseHook,
  },
  down: {
    value: 'LINE or a list of words',
    means: 'what runs before a network goes down, likewise',
    fallback: '',
    parse: parseHook,
  },
};

/** Keys that have a second name, as on the command line. */
export const OTHER_KEYS: ReadonlyMap<string, keyof Config> = new Map([['relay', 'relays']]);

/** Keys of the original that need nothing any more, and why: they're told of, and don't stop anybody. */
export const OBSOLETE_KEYS: ReadonlyMap<string, string> = new Map([
  ['iptool', 'addresses are set without a program'],
  ['taptool', 'devices are made without a program'],
  ['inf_file', 'no driver is installed by the daemon'],
  ['pmtu', 'the path MTU is always measured'],
]);

export function isKey(key: string): key is keyof Config {
  return Object.hasOwn(KEYS, key);
}

/** All keys in their order, as the manual has them. */
export function configKeys(): ConfigKey[] {
  const defaults: Readonly<Record<string, unknown>> = { ...configDefaults() };
  return Object.entries(KEYS).map(([name, key]: [string, Key<unknown>]) => ({
    name,
    value: key.value,
    means: key.means,
    fallback: key.fallback ?? String(defaults[name]),
  }));
}

function relays(value: unknown): readonly string[] {
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list)) throw new RangeError(`expected a relay or a list of relays, got ${quoted(value)}`);
  const names = list.map((relay) => parseRelayText(string(relay)));
  if (names.length > MAX_RELAYS) throw new RangeError(`expected at most ${MAX_RELAYS}, got ${names.length}`);
  return names;
}

function absolutePath(value: unknown): string {
  const path = string(value);
  if (!isAbsolute(path) || path.includes('\0')) throw new RangeError(`expected an absolute path, got ${quoted(path)}`);
  return path;
}

/** Of what has a socket in it. */
function shortPath(value: unknown): string {
  const path = absolutePath(value);
  if (Buffer.byteLength(path) > MAX_PATH)
    throw new RangeError(`expected a path of at most ${MAX_PATH} bytes, got ${Buffer.byteLength(path)} bytes`);
  return path;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError(`expected text, got ${quoted(value)}`);
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new RangeError(`expected a number, got ${quoted(value)}`);
  return value;
}

function parseThreads(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_THREADS) return value;
  throw new RangeError(`expected a whole number from 1 to ${MAX_THREADS}, got ${value}`);
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new RangeError(`expected true or false, got ${quoted(value)}`);
  return value;
}

/** The host's name as far as it fits into a member record. */
function defaultName(): string {
  try {
    return parseName(hostname().split('.')[0] ?? '');
  } catch {
    return 'unnamed';
  }
}
