/** A network's overlay addresses as they're saved, checked and told of. */
import { type Cidr, isIpv6, overlap, parseCidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import { ulaSubnet } from '../network/addresses/derived.js';
import type { Addressing } from '../rpc/address-fields.js';
import { RpcError } from '../rpc/errors.js';
import type { SavedNetwork } from './saved.js';

/** IPv6 needs it (RFC 8200 section 5). */
export const MIN_IPV6_MTU = 1280;

/** All but the one that follows from the identity: the chosen one first, as in the member record. */
export function ownAddresses({ addresses, chosen }: Pick<SavedNetwork, 'addresses' | 'chosen'>): string[] {
  return [...(chosen === null ? [] : [chosen.address]), ...addresses];
}

/** The subnets of a network, in which nothing of the underlay is. */
export function subnetsOf(saved: SavedNetwork): Cidr[] {
  const ula = ulaSubnet(new Uint8Array(Buffer.from(saved.id, 'hex')));
  return [...ownAddresses(saved).map(cidr), ...(saved.ula ? [ula] : [])];
}

/** Throws an `RpcError` for addresses that each are good, but not here. `own`: this machine's, overlays left out. */
export function checkAddresses({ addresses }: Addressing, mtu: number, own: readonly LocalAddress[]): void {
  checkMtu(mtu, addresses);
  for (const address of addresses) {
    const { ip } = cidr(address);
    const holder = own.find((local) => local.ip === ip);
    if (holder !== undefined)
      throw new RpcError('address-refused', `ip: ${ip} is already an address of this machine, on ${holder.device}`);
  }
}

/** Throws an `RpcError` if a device with these addresses can't have that MTU. */
export function checkMtu(mtu: number, addresses: readonly string[]): void {
  if (mtu >= MIN_IPV6_MTU || !addresses.some(isIpv6)) return;
  throw new RpcError('invalid-params', `mtu: expected at least ${MIN_IPV6_MTU} for an IPv6 address, got ${mtu}`);
}

/** What the person who chose, or got, these addresses should know. */
export function addressWarnings(addresses: readonly string[], own: readonly LocalAddress[]): string[] {
  return addresses.flatMap((address) => {
    const shared = own.find((local) => overlap(cidr(address), local));
    return shared === undefined
      ? []
      : [
          `${address} shares a subnet with ${shared.ip}/${shared.prefix} on ${shared.device}: this machine may reach only one of the two`,
        ];
  });
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === null) throw new RangeError(`expected ADDRESS/PREFIX, got ${text}`);
  return parsed;
}
