/** Overlay addresses and subnets as people write them, parsed once into types. All throw a `RangeError` that says what was expected and what came. */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type Cidr, formatCidr, isRoutable, networkOf, parseCidr } from '../core/ip.js';
import { wholeNumber } from './bounds.js';
import { quoted } from './text.js';

/** An overlay address with its prefix length in canonical form, e.g. `10.10.10.1/24`. */
export type OverlayAddress = string & { readonly __brand: 'OverlayAddress' };

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
