/** Relays and proxies as people write them, parsed once into types. All throw a `RangeError` that says what was expected and what came. */
import { isIPv4, isIPv6 } from 'node:net';
import { between, HOST_NAME, PEER_BYTES } from './bounds.js';
import { quoted, unprintable } from './text.js';

/** Ports of a relay that names none. */
export const RELAY_PORT = 4910;

export const RELAY_TLS_PORT = 443;

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
