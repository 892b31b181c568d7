/**
 * The values that people hand in, parsed once into types. Client, daemon and configuration share these, so a bad value
 * is refused with the same words everywhere. All throw a `RangeError` that says what was expected and what came.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { formatMac, isUnicastMac, parseMac as macBytes } from '../core/mac.js';
import { parseIp } from './address-fields.js';
import { between, HOST_NAME, limited, PEER_BYTES } from './bounds.js';
import { quoted, unprintable } from './text.js';

/** A network's secret name in Unicode's NFC form: 1 to 128 bytes, printable. */
export type Hash = string & { readonly __brand: 'Hash' };

/** A unicast MAC in lower case with colons. */
export type Mac = string & { readonly __brand: 'Mac' };

export interface PortRange {
  readonly min: number;
  readonly max: number;
}

/** Nodes that a DHT is entered by; `off`: no DHT. */
export type DhtChoice = readonly string[] | 'off';

export interface DhtListen {
  /** null: the address of this machine's that others reach it by is found out. */
  readonly host: string | null;
  /** The first of four in a row. */
  readonly port: number;
}

export const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;

export type Level = (typeof LEVELS)[number];

const SECRET_BYTES = 128;

const NAME_BYTES = 63;

const DEVICE_BYTES = 15;

const DHT_NODES = 16;

const MTU = { min: 576, max: 9000 };

export const parseHash = (text: string): Hash => secret('a hash', text) as Hash;

export const parseKey = (text: string): string => secret('a key', text);

/** How a member is called: 1 to 63 bytes, printable. */
export function parseName(text: string): string {
  return limited('a name', text, NAME_BYTES);
}

/** What's nearly an IP address is meant to be one. */
const LIKE_IP = /^\d+(\.\d+)+(\/\d+)?$|^[0-9a-f]*:[0-9a-f:.]*(\/\d+)?$/i;

/** A member as people call it: overlay address (made canonical), name, host name or peer id; at most 67 bytes, printable. */
export function parseWho(text: string): string {
  if (LIKE_IP.test(text)) return parseIp(text);
  return limited('an address, a name or a peer id', text, NAME_BYTES + '.p2p'.length);
}

/** 16 hex digits, in lower case. */
export function parsePeerId(text: string): string {
  if (/^[0-9a-f]{16}$/i.test(text)) return text.toLowerCase();
  throw new RangeError(`expected a peer id of 16 hex digits, got ${quoted(text)}`);
}

export function parseMac(text: string): Mac {
  const mac = macBytes(text);
  if (mac === null) throw new RangeError(`expected a MAC such as 02:12:34:56:78:9a, got ${quoted(text)}`);
  if (!isUnicastMac(mac))
    throw new RangeError(`expected a unicast MAC, got ${quoted(text)}: it's a multicast one, or all zeros`);
  return formatMac(mac) as Mac;
}

/** A network interface's name: at most 15 bytes; no character that the kernel or a shell reads in its own way. */
export function parseDevice(text: string): string {
  const problem = /^[A-Za-z0-9_.-]+$/.test(text) && text !== '.' && text !== '..' && !text.startsWith('-');
  if (!problem || text.length > DEVICE_BYTES)
    throw new RangeError(
      `expected a device name of 1 to ${DEVICE_BYTES} letters, digits, '.', '_' or '-', got ${quoted(text)}`,
    );
  return text;
}

export function parsePort(port: number): number {
  return between('a port', port, { min: 1, max: 65535 });
}

/** `MIN-MAX`, or one port. */
export function parsePorts(text: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const min = Number(match?.[1]);
  const max = Number(match?.[2] ?? match?.[1]);
  if (match !== null && min >= 1 && min <= max && max <= 65535) return { min, max };
  throw new RangeError(`expected ports as MIN-MAX, each from 1 to 65535, got ${quoted(text)}`);
}

/** Overlay MTU in bytes, without the Ethernet header. */
export function parseMtu(mtu: number): number {
  return between('an MTU', mtu, MTU);
}

/** A mark for the system's routing rules (SO_MARK), 32 bits; 0 is none. */
export function parseMark(mark: number): number {
  return between('a mark', mark, { min: 0, max: 2 ** 32 - 1 });
}

/** `[ID@]HOST:PORT`: where a member is, and optionally which one it must be (16 hex digits). */
export function parsePeer(text: string): string {
  const match = /^(?:([^@]*)@)?(?:\[([^\]]+)\]|([^:@[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  const v6 = match?.[2]?.split('%')[0];
  if (match === null || text.length > PEER_BYTES || unprintable(text) !== null || (v6 !== undefined && !isIPv6(v6)))
    throw new RangeError(`expected [ID@]HOST:PORT, such as 192.0.2.1:4900, got ${quoted(text)}`);
  if (match[1] !== undefined && !/^[0-9a-f]{16}$/i.test(match[1]))
    throw new RangeError(`expected a peer id of 16 hex digits before the @, got ${quoted(text)}`);
  if (port < 1 || port > 65535) throw new RangeError(`expected a port from 1 to 65535, got ${quoted(text)}`);
  const host = match[3];
  if (host !== undefined && !isIPv4(host) && !HOST_NAME.test(host))
    throw new RangeError(`expected a host name or an address before the port, got ${quoted(text)}`);
  return text;
}

/** `HOST:PORT[,HOST:PORT…]`: nodes of a DHT, or the word `off`. */
export function parseDht(text: string): DhtChoice {
  if (text === 'off') return 'off';
  const nodes = text.split(',').map((node) => node.trim());
  if (nodes.length > DHT_NODES) throw new RangeError(`expected at most ${DHT_NODES} DHT nodes, got ${nodes.length}`);
  return nodes.map(parseDhtNode);
}

/** `[HOST:]PORT`: where a DHT of this machine's own is to be reached; it has no IPv6. */
export function parseDhtListen(text: string): DhtListen {
  const match = /^(?:([^:]+):)?(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? null;
  const port = Number(match?.[2]);
  if (match === null || (host !== null && !isIPv4(host)))
    throw new RangeError(`expected [HOST:]PORT with an IPv4 address, such as 192.0.2.1:49737, got ${quoted(text)}`);
  return { host, port: between('a port with three more above it', port, { min: 1024, max: 65532 }) };
}

/** Unix time in seconds; up to the year 9999; whether it's still to come is the daemon's to say. */
export function parseUnixTime(seconds: number): number {
  return between('a Unix time in seconds', seconds, { min: 1, max: 253_402_300_799 });
}

export function parseLevel(text: string): Level {
  const level = LEVELS.find((name) => name === text.toUpperCase());
  if (level === undefined) throw new RangeError(`expected one of ${LEVELS.join(', ')}, got ${quoted(text)}`);
  return level;
}

export const LOG_FORMATS = ['text', 'json'] as const;

/** How a line of the log looks: for people, or for programs. */
export type LogFormat = (typeof LOG_FORMATS)[number];

export function parseLogFormat(text: string): LogFormat {
  const format = LOG_FORMATS.find((name) => name === text.toLowerCase());
  if (format === undefined) throw new RangeError(`expected one of ${LOG_FORMATS.join(', ')}, got ${quoted(text)}`);
  return format;
}

export interface MetricsListen {
  /** An IP address of this machine. */
  readonly host: string;
  readonly port: number;
}

/** `[HOST:]PORT`: where metrics are served; on loopback if no host is named. */
export function parseMetricsListen(text: string): MetricsListen {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const named = match?.[1] ?? match?.[2] ?? 'localhost';
  const host = named === 'localhost' ? '127.0.0.1' : named;
  if (match === null || (!isIPv4(host) && !isIPv6(host)))
    throw new RangeError(
      `expected [HOST:]PORT with an IP address, such as 9469 or 192.0.2.1:9469, got ${quoted(text)}`,
    );
  return { host, port: between('a port', Number(match[3]), { min: 1, max: 65535 }) };
}

/** Of the lines that the daemon remembers of its log, as many can be asked for. */
export const MAX_LOG_LINES = 1_000;

export function parseLogLines(lines: number): number {
  return between('a number of lines', lines, { min: 0, max: MAX_LOG_LINES });
}

export const PROFILES = ['cpu', 'memory'] as const;

/** What is profiled. */
export type ProfileKind = (typeof PROFILES)[number];

export function parseProfile(text: string): ProfileKind {
  const kind = PROFILES.find((name) => name === text.toLowerCase());
  if (kind === undefined) throw new RangeError(`expected one of ${PROFILES.join(', ')}, got ${quoted(text)}`);
  return kind;
}

function parseDhtNode(node: string): string {
  const match = /^([^:@/\s[\]]+):(\d{1,5})$/.exec(node);
  const port = Number(match?.[2]);
  const [, host = ''] = match ?? [];
  if (match === null || unprintable(node) !== null || node.length > PEER_BYTES)
    throw new RangeError(
      `expected a DHT node as HOST:PORT (a name or an IPv4 address: the DHT has no IPv6), got ${quoted(node)}`,
    );
  if (port < 1 || port > 65535) throw new RangeError(`expected a port from 1 to 65535, got ${quoted(node)}`);
  if (!isIPv4(host) && !HOST_NAME.test(host))
    throw new RangeError(`expected a host name or an IPv4 address before the port, got ${quoted(node)}`);
  return node;
}

/** Never quotes the value: it's a secret, and the message may be kept somewhere. */
function secret(what: string, text: string): string {
  return limited(what, text.normalize('NFC'), SECRET_BYTES);
}
