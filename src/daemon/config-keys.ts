/**
 * Every key of the configuration: what its value is parsed by, and what people are told of it. The parser, p2p-config(5) and the table in
 * docs/commands.md are all made from this.
 */
import { wholeNumber } from '../rpc/bounds.js';
import {
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
import { parseProxy, parseRelayListen } from '../rpc/relay-fields.js';
import { SYSTEM } from '../system/this-system.js';
import { type Config, configDefaults } from './config.js';
import { absolutePath, boolean, number, parseThreads, relays, shortPath, string } from './config-values.js';
import { parseHook } from './hook.js';
import { parseRelayLimits } from './relay-limits.js';

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
