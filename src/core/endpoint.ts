/** UDP endpoints as text: the one form in which addresses travel through the control plane. */
import ipaddr from 'ipaddr.js';

/**
 * `192.0.2.1:4900`, `[2001:db8::1]:4900`, or `[fe80::1%3]:4900` with the number of an interface. Always canonical
 * (lower case, shortest form, IPv4-mapped IPv6 written as IPv4), so two are equal exactly if their strings are.
 */
export type Endpoint = string & { readonly __brand: 'Endpoint' };

export interface EndpointParts {
  /** Without brackets or zone. */
  readonly ip: string;
  /** Interface number of a link-local IPv6 address, or null. */
  readonly zone: string | null;
  readonly port: number;
}

/** An interface, by its number or its name. */
const ZONE = /^[\w.-]+$/;

export function makeEndpoint(ip: string, port: number): Endpoint {
  const endpoint = tryEndpoint(ip, port);
  if (endpoint === null)
    throw new RangeError(`expected an IP address and a port from 1 to 65535, got ${ip} and ${port}`);
  return endpoint;
}

/** The endpoint of an IP address (IPv6 with or without `%zone`) and a port, or null if either is no such thing. */
export function tryEndpoint(ip: string, port: number): Endpoint | null {
  if (!Number.isInteger(port) || port < 1 || port > 65535) return null;
  const [bare = '', zone] = ip.split('%', 2);
  if (zone !== undefined && !ZONE.test(zone)) return null;
  if (!ipaddr.isValid(bare) || (ipaddr.IPv4.isValid(bare) && !ipaddr.IPv4.isValidFourPartDecimal(bare))) return null;
  const address = ipaddr.process(bare);
  if (address.kind() === 'ipv4') return `${address.toString()}:${port}` as Endpoint;
  return `[${address.toString()}${zone === undefined ? '' : `%${zone}`}]:${port}` as Endpoint;
}

/** Parses `IPv4:PORT` or `[IPv6]:PORT`; null if it's neither. */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const ip = match?.[1] ?? match?.[2];
  return ip === undefined ? null : tryEndpoint(ip, Number(match?.[3]));
}

export function endpointParts(endpoint: Endpoint): EndpointParts {
  const match = /^\[?([^%\]]+?)(?:%([^\]]+))?\]?:(\d+)$/.exec(endpoint);
  if (match === null) throw new RangeError(`not an endpoint: ${endpoint}`);
  return { ip: match[1] ?? '', zone: match[2] ?? null, port: Number(match[3]) };
}

/** 18 bytes: IP (16, IPv4 mapped), port (2). The zone isn't carried: it means nothing elsewhere. */
export function encodeEndpoint(endpoint: Endpoint): Uint8Array {
  const { ip, port } = endpointParts(endpoint);
  const address = ipaddr.parse(ip);
  const mapped = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : address;
  return Uint8Array.from([...mapped.toByteArray(), port >> 8, port & 0xff]);
}

/** Reads what `encodeEndpoint` wrote; null for port 0 or a wrong length. */
export function decodeEndpoint(bytes: Uint8Array): Endpoint | null {
  if (bytes.length !== 18) return null;
  const port = ((bytes[16] ?? 0) << 8) | (bytes[17] ?? 0);
  return tryEndpoint(ipaddr.fromByteArray([...bytes.subarray(0, 16)]).toString(), port);
}
