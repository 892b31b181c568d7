/**
 * The values that people hand in, parsed once into types. Client, daemon and configuration share these, so a bad value
 * is refused with the same words everywhere. All throw a `RangeError` that says what was expected and what came.
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Cidr, formatCidr, isRoutable, networkOf, parseCidr } from '../core/ip.js';
import { formatMac, isUnicastMac, parseMac as macBytes } from '../core/mac.js';
import { quoted, unprintable } from './text.js';

/** A network's secret name in Unicode's NFC form: 1 to 128 bytes, printable. */
export type Hash = string & { readonly __brand: 'Hash' };
/** An overlay address with its prefix length in canonical form, e.g. `10.10.10.1/24`. */
export type OverlayAddress = string & { readonly __brand: 'OverlayAddress' };
/** A unicast MAC in lower case with colons. */
export type Mac = string & { readonly __brand: 'Mac' };

/** A network's addresses as people want them. */
export interface Addressing {
  readonly addresses: readonly OverlayAddress[];
  /** One more is chosen, where nobody has it. */
  readonly dynamic: boolean;
}

/** In the place of an address: one that's chosen. */
export const DHCP = 'dhcp';
/** Addresses that a member may be given or choose; a record holds one more, for the one that follows from its identity. */
export const MAX_ADDRESSES = 7;

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

const HOST_NAME = /^(?=.*[a-z])[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i;
/** Ports of a relay that names none. */
export const RELAY_PORT = 4910;
export const RELAY_TLS_PORT = 443;
const SECRET_BYTES = 128;
const NAME_BYTES = 63;
const DEVICE_BYTES = 15;
const PEER_BYTES = 300;
const DHT_NODES = 16;
const MTU = { min: 576, max: 9000 };

export const parseHash = (text: string): Hash => secret('a hash', text) as Hash;
export const parseKey = (text: string): string => secret('a key', text);

/** How a member is called: 1 to 63 bytes, printable. */
export function parseName(text: string): string {
  return limited('a name', text, NAME_BYTES);
}

/** `ADDRESS[/PREFIX]`; without a prefix length /24 for IPv4, /64 for IPv6. */
export function parseOverlayAddress(text: string): OverlayAddress {
  const expected = 'expected an address such as 10.10.10.1 or 10.10.10.1/24, or dhcp';
  const [ip = '', prefixText, ...rest] = text.split('/');
  const bits = isIPv4(ip) ? 32 : isIPv6(ip) && !ip.includes('%') ? 128 : null;
  if (bits === null || rest.length > 0) throw new RangeError(`${expected}, got ${quoted(text)}`);
  const prefix = prefixText === undefined ? (bits === 32 ? 24 : 64) : wholeNumber(prefixText);
  if (prefix === null || prefix < 1 || prefix > bits)
    throw new RangeError(`expected a prefix length from 1 to ${bits}, got ${quoted(text)}`);
  const problem = unusable(ip, prefix);
  if (problem !== null)
    throw new RangeError(`expected an address that a host can have, got ${quoted(text)}: ${problem}`);
  return `${ipaddr.parse(ip).toString()}/${prefix}` as OverlayAddress;
}

/** Addresses as `parseOverlayAddress` reads them, and the word `dhcp` once or not at all. */
export function addressingOf(texts: readonly string[]): Addressing {
  if (texts.length === 0) throw new RangeError('expected an address or dhcp, got none');
  if (texts.length > MAX_ADDRESSES)
    throw new RangeError(`expected at most ${MAX_ADDRESSES} addresses, got ${texts.length}`);
  const addresses = texts.filter((text) => text !== DHCP).map(parseOverlayAddress);
  const bare = addresses.map((address) => address.split('/')[0]);
  const twice = addresses.find((_, i) => bare.indexOf(bare[i]) !== i);
  if (twice !== undefined) throw new RangeError(`expected each address once, got ${quoted(twice)} besides`);
  if (texts.length - addresses.length > 1) throw new RangeError(`expected ${DHCP} once, got it several times`);
  return { addresses, dynamic: addresses.length < texts.length };
}

/** Prefix lengths of routes: what's shorter is half the internet, or all of it. */
const SHORTEST_ROUTE = { ipv4: 8, ipv6: 16 } as const;

/** A subnet behind a member, in canonical form, e.g. `192.168.7.0/24`. */
export function parseRoute(text: string): string {
  const route = parseSubnet(text);
  const shortest = isIPv6(route.ip) ? SHORTEST_ROUTE.ipv6 : SHORTEST_ROUTE.ipv4;
  if (route.prefix < shortest)
    throw new RangeError(
      `expected a prefix length from ${shortest} on, got ${quoted(text)}: what carries the mesh itself would go there; a default route needs rules of its own (Routing by mark in the manual)`,
    );
  if (!isRoutable(route)) throw new RangeError(`expected a subnet that can be behind a member, got ${quoted(text)}`);
  return formatCidr(route);
}

/** In the place of a subnet: all that are private (RFC 1918, RFC 6598, RFC 4193). */
export const PRIVATE = 'private';

/** A subnet in which routes of others are accepted, or `private`. */
export function parseAccepted(text: string): string {
  return text === PRIVATE ? text : formatCidr(parseSubnet(text));
}

function parseSubnet(text: string): Cidr {
  const cidr = isIPv4(text.split('/')[0] ?? '') || isIPv6(text.split('/')[0] ?? '') ? parseCidr(text) : null;
  if (cidr === null) throw new RangeError(`expected a subnet such as 192.168.7.0/24, got ${quoted(text)}`);
  const subnet = networkOf(cidr);
  if (subnet.ip !== cidr.ip)
    throw new RangeError(`expected a subnet, got ${quoted(text)}: the subnet of that host is ${formatCidr(subnet)}`);
  return subnet;
}

/** One IP address without a prefix length, in canonical form. */
export function parseIp(text: string): string {
  if (isIPv4(text) || (isIPv6(text) && !text.includes('%'))) return ipaddr.parse(text).toString();
  throw new RangeError(`expected an IP address such as 10.10.10.1, got ${quoted(text)}`);
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

/** A relay as `parseRelay` reads it. */
export interface RelayText {
  /** Its key, 64 hex digits; null: whichever it shows first is pinned. */
  readonly id: string | null;
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
  readonly tlsPort: number;
}

/** `[ID@]HOST[:PORT[/TLSPORT]]`: a relay, its UDP port (4910) and its TCP port for TLS (443). */
export function parseRelay(text: string): RelayText {
  const match = /^(?:([^@]*)@)?(?:(\[[^\]]+\])|([^:@/[\]\s]+))(?::(\d{1,5})(?:\/(\d{1,5}))?)?$/.exec(text);
  const expected = 'expected a relay as [ID@]HOST[:PORT], such as relay.example or 192.0.2.1:4910';
  if (match === null || text.length > PEER_BYTES || unprintable(text) !== null)
    throw new RangeError(`${expected}, got ${quoted(text)}`);
  const [, id, v6, name, port = `${RELAY_PORT}`, tlsPort = `${RELAY_TLS_PORT}`] = match;
  if (id !== undefined && !/^[0-9a-f]{64}$/i.test(id))
    throw new RangeError(`expected a relay's id of 64 hex digits before the @, got ${quoted(text)}`);
  if (v6 !== undefined && !isIPv6(v6.slice(1, -1))) throw new RangeError(`${expected}, got ${quoted(text)}`);
  if (name !== undefined && !isIPv4(name) && !HOST_NAME.test(name))
    throw new RangeError(`expected a host name or an address, got ${quoted(text)}`);
  const ports = [port, tlsPort].map((digits) => between('a port', Number(digits), { min: 1, max: 65535 }));
  const [udp = RELAY_PORT, tls = RELAY_TLS_PORT] = ports;
  return { id: id?.toLowerCase() ?? null, host: v6 ?? name ?? '', port: udp, tlsPort: tls };
}

/** `HOST:PORT`: how a relay is called in what's shown, and what its key is pinned under. */
export function relayName(text: string): string {
  const { host, port } = parseRelay(text);
  return `${host}:${port}`;
}

/** In the place of a relay: those that members offer. A host of that name is `members:4910`. */
export const MEMBERS = 'members';

/** A relay, or `members`; checked, as it was written. */
export function parseRelayText(text: string): string {
  if (text !== MEMBERS) parseRelay(text);
  return text;
}

export interface RelayListen {
  /** An IP address; null: all of this machine. */
  readonly host: string | null;
  readonly port: number;
}

/** `[HOST:]PORT`: where this machine is a relay. */
export function parseRelayListen(text: string): RelayListen {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? null;
  if (match === null || (host !== null && !isIPv4(host) && !isIPv6(host)))
    throw new RangeError(
      `expected [HOST:]PORT with an IP address, such as 4910 or 192.0.2.1:4910, got ${quoted(text)}`,
    );
  return { host, port: between('a port', Number(match[3]), { min: 1, max: 65535 }) };
}

/** A proxy by which TLS connections to relays are made. */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`, or null. */
  readonly authorization: string | null;
}

/** `[http://][USER:PASSWORD@]HOST[:PORT]`, as `https_proxy` has it. Never quotes the value: it may hold a password. */
export function parseProxy(text: string): HttpProxy {
  const expected = 'expected a proxy as http://[USER:PASSWORD@]HOST[:PORT]';
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  if (url === null || url.hostname === '') throw new RangeError(expected);
  if (url.protocol !== 'http:') throw new RangeError(`${expected}, got one of ${url.protocol}//`);
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (user === null || password === null)
    throw new RangeError(`${expected}, got a user or password in which a % isn't followed by two hex digits of UTF-8`);
  const credentials = `${user}:${password}`;
  const authorization = credentials === ':' ? null : `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { host: url.hostname, port: url.port === '' ? 80 : Number(url.port), authorization };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
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

/** The number that decimal digits stand for, or null. */
export function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
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

function between(what: string, value: number, { min, max }: { min: number; max: number }): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`expected ${what} from ${min} to ${max}, got ${quoted(value)}`);
}

/** Never quotes the value: it's a secret, and the message may be kept somewhere. */
function secret(what: string, text: string): string {
  return limited(what, text.normalize('NFC'), SECRET_BYTES);
}

function limited(what: string, text: string, most: number): string {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > most) throw new RangeError(`expected ${what} of 1 to ${most} bytes, got ${bytes} bytes`);
  const bad = unprintable(text);
  if (bad !== null) throw new RangeError(`expected ${what} of printable characters, got ${bad}`);
  return text;
}

/** Why no host can have this address in a subnet of that prefix length, or null. */
function unusable(ip: string, prefix: number): string | null {
  const address = ipaddr.parse(ip);
  const range = address.range();
  if (range === 'multicast') return "it's a multicast address";
  if (range === 'loopback') return "it's a loopback address";
  if (range === 'unspecified') return "it's the unspecified address";
  if (range === 'ipv4Mapped') return "it's an IPv4 address in IPv6 form";
  const bytes = address.toByteArray();
  if (bytes.length === 4 && (bytes[0] ?? 0) >= 240) return "it's a reserved or broadcast address";
  const hostBits = bytes.length * 8 - prefix;
  if (hostBits < 2) return null; // RFC 3021, RFC 6164: on such links every address is a host's
  const host = BigInt(`0x${Buffer.from(bytes).toString('hex')}`) & ((1n << BigInt(hostBits)) - 1n);
  if (host === 0n) return `it's the network's own address under /${prefix}`;
  if (bytes.length === 4 && host === (1n << BigInt(hostBits)) - 1n)
    return `it's the broadcast address under /${prefix}`;
  return null;
}
