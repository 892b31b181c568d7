/** What the daemon was told: flags and environment over the configuration file over defaults. Unknown becomes `Config` here, once. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { isCollection, isMap, isScalar, LineCounter, type Pair, parseDocument, type YAMLMap } from 'yaml';
import {
  type DhtChoice,
  type DhtListen,
  type HttpProxy,
  type Level,
  type PortRange,
  parseDht,
  parseDhtListen,
  parseLevel,
  parseMark,
  parseMtu,
  parseName,
  parsePort,
  parsePorts,
  parseProxy,
  parseRelayListen,
  parseRelayText,
  RELAY_PORT,
  RELAY_TLS_PORT,
  type RelayListen,
  wholeNumber,
} from '../rpc/fields.js';
import { MAX_RELAYS } from '../rpc/parameters.js';
import { quoted } from '../rpc/text.js';
import { DEFAULT_LIMITS, parseRelayLimits, type RelayLimits } from './relay-limits.js';
import { StartError } from './start-error.js';

export interface Config {
  /** Directories and files as absolute paths. */
  readonly state: string;
  readonly socket: string;
  readonly log: Level;
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
}

/** Flags of `p2p daemon`, on the command line or in the environment. */
export interface Given {
  readonly state?: string;
  readonly socket?: string;
  readonly config?: string;
  readonly noLan?: boolean;
  readonly noPortMapping?: boolean;
  readonly dht?: string;
  readonly dhtListen?: string;
  readonly log?: string;
  readonly useRelay?: readonly string[];
  /** True: at its usual port. */
  readonly relay?: string | true;
  /** False: no TLS. */
  readonly relayTls?: string | boolean;
  readonly proxy?: string;
  readonly relayOffer?: boolean;
}

const DEFAULT_FILE = '/etc/p2p/config.yaml';
/** A configuration file may have this many bytes. */
const MAX_FILE = 65_536;
/** Of the state directory and the socket, in bytes: sockets lie there, and the kernel has little room for their names. */
const MAX_PATH = 90;

/** Pairs of threads that a device can have (device.ts). */
const MAX_THREADS = 4;

function defaults(): Config {
  return {
    state: '/var/lib/p2p',
    socket: '/run/p2p/p2p.sock',
    log: 'INFO',
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
  };
}

/** Every key of the file: what its value is parsed by, and what an error says was expected. */
const KEYS: { readonly [K in keyof Config]: (value: unknown) => Config[K] } = {
  state: absolutePath,
  socket: absolutePath,
  log: (value) => parseLevel(string(value)),
  lan: boolean,
  portMapping: boolean,
  dht: (value) => (value === false ? 'off' : value === 'public' ? 'public' : parseDht(string(value))),
  dhtListen: (value) => parseDhtListen(typeof value === 'number' ? String(value) : string(value)),
  relays: (value) => relays(plain(value)),
  relayListen: (value) => parseRelayListen(typeof value === 'number' ? String(value) : string(value)),
  relayTls: (value) => (value === false ? null : parsePort(number(wholeNumber(String(value)) ?? value))),
  relayOffer: boolean,
  relayLimits: (value) => parseRelayLimits(plain(value)),
  proxy: (value) => (value === false ? null : parseProxy(string(value))),
  ports: (value) => parsePorts(typeof value === 'number' ? String(value) : string(value)),
  mtu: (value) => parseMtu(number(value)),
  mssClamp: boolean,
  bridge: boolean,
  tapOffload: boolean,
  udpGso: boolean,
  udpGro: boolean,
  threads: (value) => parseThreads(number(value)),
  fwmark: (value) => parseMark(number(value)),
  name: (value) => parseName(string(value)),
};

/** Rejects with a `StartError` that names the flag, or the file with line and key. */
export async function loadConfig(given: Given): Promise<Config> {
  const file = await readConfig(given.config);
  const config = { ...defaults(), ...file, ...flags(given) };
  if (config.relayOffer && config.relayListen === null)
    throw new StartError(
      'bad-config',
      'relayOffer: expected a relay to offer with it (relayListen, or --relay), got none',
    );
  return config;
}

/** Keys whose flags are spelt otherwise. */
const FLAG: Readonly<Record<string, string>> = {
  dhtListen: 'dht-listen',
  relayListen: 'relay',
  relayTls: 'relay-tls',
  relays: 'use-relay',
  proxy: 'proxy',
};

function flags(given: Given): Partial<Config> {
  const result: Partial<Record<keyof Config, unknown>> = {};
  const values: Partial<Record<keyof Config, unknown>> = {
    ...given,
    ...(given.useRelay === undefined ? {} : { relays: given.useRelay }),
    ...(given.relay === undefined ? {} : { relayListen: given.relay === true ? RELAY_PORT : given.relay }),
    relayTls: given.relayTls === true ? undefined : given.relayTls,
  };
  for (const key of [
    'state',
    'socket',
    'log',
    'dht',
    'dhtListen',
    'relays',
    'relayListen',
    'relayTls',
    'proxy',
  ] as const) {
    const value = values[key];
    if (value === undefined) continue;
    const isPath = key === 'state' || key === 'socket';
    try {
      result[key] = KEYS[key](isPath && typeof value === 'string' && value !== '' ? resolve(value) : value);
    } catch (error) {
      throw new StartError('bad-config', `--${FLAG[key] ?? key}: ${messageOf(error)}`);
    }
  }
  return {
    ...(result as Partial<Config>),
    ...(given.relayOffer ? { relayOffer: true } : {}),
    ...(given.noLan ? { lan: false } : {}),
    ...(given.noPortMapping ? { portMapping: false } : {}),
  };
}

/** `path`: a file that must exist; undefined: the default one, which needn't. */
async function readConfig(path: string | undefined): Promise<Partial<Config>> {
  const file = path ?? DEFAULT_FILE;
  try {
    const text = await readFile(file, 'utf8');
    return parseConfig(text, file);
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (path === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartError('bad-config', `the configuration can't be read: ${messageOf(error)}`);
  }
}

/** Parses the text of a configuration file; `file` is its name for messages. Throws a `StartError`. */
export function parseConfig(text: string, file: string): Partial<Config> {
  if (Buffer.byteLength(text) > MAX_FILE)
    throw new StartError('bad-config', `${file}: expected at most ${MAX_FILE} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const [problem] = document.errors;
  if (problem !== undefined) throw new StartError('bad-config', `${at(problem.pos[0])}: ${problem.message}`);
  if (document.contents === null) return {};
  if (!isMap(document.contents))
    throw new StartError('bad-config', `${at(0)}: expected keys with values, such as "lan: false"`);
  return entries(document.contents, at);
}

function entries(map: YAMLMap, at: (offset: number) => string): Partial<Config> {
  const result: Partial<Record<keyof Config, unknown>> = {};
  for (const pair of map.items as Pair[]) {
    const written = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
    const key = written === 'relay' ? 'relays' : written; // as on the command line
    const line = at(isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0);
    if (!isKey(key)) {
      const known = Object.keys(KEYS).join(', ');
      throw new StartError('bad-config', `${line}: unknown key ${quoted(written)}; expected one of ${known}`);
    }
    if (result[key] !== undefined)
      throw new StartError('bad-config', `${line}: ${written}: expected one of relay and relays, got both`);
    try {
      result[key] = KEYS[key](isScalar(pair.value) ? pair.value.value : pair.value);
    } catch (error) {
      throw new StartError('bad-config', `${line}: ${written}: ${messageOf(error)}`);
    }
  }
  return result as Partial<Config>;
}

function isKey(key: string): key is keyof Config {
  return Object.hasOwn(KEYS, key);
}

/** What a configuration's node holds, without what the parser knows of it. */
function plain(value: unknown): unknown {
  return isCollection(value) ? value.toJSON() : value;
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
