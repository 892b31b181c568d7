/** IP addresses and prefixes as the protocol and its people write them; parsing by ipaddr.js. */
import ipaddr from 'ipaddr.js';
import { type Endpoint, endpointParts } from './endpoint.js';

/** An address with the length of its prefix, e.g. `10.10.10.1/24`. */
export interface Cidr {
  readonly ip: string;
  readonly prefix: number;
}

/** Parses `ADDRESS/PREFIX` into canonical form; null if it's none. */
export function parseCidr(text: string): Cidr | null {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const [, ip = '', bits = ''] = match ?? [];
  const address = parseAddress(ip);
  if (address === null) return null;
  const prefix = Number(bits);
  return prefix > (address.kind() === 'ipv4' ? 32 : 128) ? null : { ip: address.toString(), prefix };
}

/** Parses an address without a zone into canonical form; null if it's none. */
export function parseIp(text: string): string | null {
  return text.includes('%') ? null : (parseAddress(text)?.toString() ?? null);
}

/** IPv4 in four decimal parts, or IPv6. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const isKnown = ipaddr.isValid(text) && (text.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(text));
  return isKnown ? ipaddr.process(text) : null;
}

/** Whether `ip` lies in the subnet of `cidr`; false for another family. */
export function inSubnet(ip: string, cidr: Cidr): boolean {
  const address = ipaddr.parse(ip);
  const subnet = ipaddr.parse(cidr.ip);
  return address.kind() === subnet.kind() && address.match(subnet, cidr.prefix);
}

/** The subnet that an address with its prefix length is in: the same without host bits. */
export function networkOf({ ip, prefix }: Cidr): Cidr {
  const parser = isIpv6(ip) ? ipaddr.IPv6 : ipaddr.IPv4;
  return { ip: parser.networkAddressFromCIDR(`${ip}/${prefix}`).toString(), prefix };
}

export function formatCidr({ ip, prefix }: Cidr): string {
  return `${ip}/${prefix}`;
}

/** Whether two subnets have an address in common. */
export function overlap(a: Cidr, b: Cidr): boolean {
  return inSubnet(a.ip, { ip: b.ip, prefix: Math.min(a.prefix, b.prefix) });
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && inSubnet(inner.ip, outer);
}

/** The network that `ip` is in, as text, if networks have this many bits. */
export function prefixOf(ip: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const network = isIpv6(ip)
    ? ipaddr.IPv6.networkAddressFromCIDR(`${ip}/${bits.ipv6}`)
    : ipaddr.IPv4.networkAddressFromCIDR(`${ip}/${bits.ipv4}`);
  return `${network.toString()}/${isIpv6(ip) ? bits.ipv6 : bits.ipv4}`;
}

/** The IPv4 address that's so many after another. */
export function ipv4After(ip: string, offset: number): string {
  const number = ipaddr.IPv4.parse(ip)
    .toByteArray()
    .reduce((sum, byte) => sum * 256 + byte);
  return [24, 16, 8, 0].map((shift) => ((number + offset) >>> shift) & 0xff).join('.');
}

/** 16 bytes, IPv4 mapped. */
export function encodeIp(ip: string): Uint8Array {
  const address = ipaddr.parse(ip);
  const mapped = address.kind() === 'ipv4' ? (address as ipaddr.IPv4).toIPv4MappedAddress() : address;
  return Uint8Array.from(mapped.toByteArray());
}

export function decodeIp(bytes: Uint8Array): string {
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

export function isIpv6(ip: string): boolean {
  return ip.includes(':');
}

/** Whether it can be one host's: not unspecified, loopback, multicast, broadcast or of IPv4's reserved classes. */
export function isHosts(ip: string): boolean {
  const address = ipaddr.parse(ip);
  const [first = 0] = address.toByteArray();
  if (address.kind() === 'ipv4') return first !== 0 && first !== 127 && first < 224;
  return !['unspecified', 'loopback', 'multicast'].includes(address.range());
}

/** The link-local IPv6 address that an interface gives itself for its MAC of 6 bytes (RFC 4291 appendix A). */
export function linkLocalOf(mac: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
  return decodeIp(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f));
}

export function isLinkLocal(ip: string): boolean {
  return ipaddr.parse(ip).range() === 'linkLocal';
}

/** Whether it means something only within one site or one provider (RFC 1918, RFC 6598), so that nobody outside can reach it. */
export function isPrivate(ip: string): boolean {
  return ['private', 'carrierGradeNat', 'linkLocal', 'uniqueLocal'].includes(ipaddr.parse(ip).range());
}

/** Whether hosts with addresses in that subnet can be somewhere else: no loopback, no link-local, no multicast or reserved ones. */
export function isRoutable({ ip }: Cidr): boolean {
  const range = ipaddr.parse(ip).range();
  const never = ['unspecified', 'broadcast', 'multicast', 'loopback', 'linkLocal', 'reserved', 'ipv4Mapped'];
  return !never.includes(range) || isDocumentation(ip);
}

/** Whether a datagram may be sent there at all: one host, not this one, and a link-local one only with its zone. */
export function isUsable(endpoint: Endpoint): boolean {
  const { ip, zone } = endpointParts(endpoint);
  const range = ipaddr.parse(ip).range();
  if (range === 'linkLocal' && isIpv6(ip)) return zone !== null;
  return !['unspecified', 'broadcast', 'multicast', 'loopback', 'reserved'].includes(range) || isDocumentation(ip);
}

/** ipaddr.js calls the documentation ranges reserved; they're ordinary unicast to us. */
function isDocumentation(ip: string): boolean {
  return DOCUMENTATION.some((cidr) => inSubnet(ip, cidr));
}

const DOCUMENTATION: readonly Cidr[] = [
  { ip: '192.0.2.0', prefix: 24 },
  { ip: '198.51.100.0', prefix: 24 },
  { ip: '203.0.113.0', prefix: 24 },
  { ip: '2001:db8::', prefix: 32 },
];
