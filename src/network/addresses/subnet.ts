/** In which IPv4 subnet a member without an address looks for one. */
import { type Cidr, formatCidr, isIpv6, isLinkLocal, isPrivate, networkOf, overlap } from '../../core/ip.js';
import type { Claim } from './claims.js';

/** Prefix lengths of subnets that are learned: room for some hosts, and no more than one network needs. */
const PREFIX = { least: 16, most: 29 } as const;

/** Subnets in which members were given IPv4 addresses, those with the most first; the lower one of two with as many. */
export function givenSubnets(claims: readonly Claim[]): Cidr[] {
  return byCount(claims.filter(({ chosenAt }) => chosenAt === null));
}

/** The same of addresses that members chose by themselves. */
export function chosenSubnets(claims: readonly Claim[]): Cidr[] {
  return byCount(claims.filter(({ chosenAt }) => chosenAt !== null));
}

/**
 * Whether this machine may take a member's word that the network is there: a subnet for private use, of a sensible size, and none of those that
 * this machine is connected to: whoever has the hash could otherwise draw traffic for other networks into this one.
 */
export function isAcceptable(subnet: Cidr, local: readonly Cidr[]): boolean {
  const { ip, prefix } = subnet;
  return (
    prefix >= PREFIX.least &&
    prefix <= PREFIX.most &&
    isPrivate(ip) &&
    !isLinkLocal(ip) &&
    !local.some((other) => overlap(subnet, other))
  );
}

function byCount(claims: readonly Claim[]): Cidr[] {
  const subnets = new Map<string, { readonly subnet: Cidr; readonly members: Set<string> }>();
  for (const claim of claims) {
    if (isIpv6(claim.ip)) continue;
    const subnet = networkOf(claim);
    const entry = subnets.get(formatCidr(subnet)) ?? { subnet, members: new Set() };
    subnets.set(formatCidr(subnet), entry);
    entry.members.add(claim.by);
  }
  return [...subnets]
    .sort(([a, one], [b, other]) => other.members.size - one.members.size || (a < b ? -1 : 1))
    .map(([, { subnet }]) => subnet);
}
