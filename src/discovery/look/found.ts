/** What a system's own programs say of this machine's network, where there are no files to read it from. */
import { type Cidr, inSubnet, isIpv6 } from '../../core/ip.js';
import type { LocalAddress } from '../../core/local-address.js';
import type { DefaultRoute } from '../../core/port-mapping.js';
import type { ProgramCall } from '../../system/system.js';

export interface Found {
  /** Default routes by a gateway, of both families, the one that's used first in front. */
  readonly routes: readonly FoundRoute[];
  /** Flags of IPv6 addresses as addresses.ts has them, by 32 hex digits of the address. */
  readonly flags: ReadonlyMap<string, number>;
  /** Whether packets of others are forwarded; null: the system doesn't say. */
  readonly forwards: { readonly ipv4: boolean | null; readonly ipv6: boolean | null };
}

export interface FoundRoute {
  /** Without a zone. */
  readonly gateway: string;
  readonly device: string;
}

/** How a system is asked. */
export interface Look {
  readonly calls: readonly ProgramCall[];
  /** Total. `texts`: what each of the calls wrote; empty for one that failed. */
  parse(texts: readonly string[]): Found;
}

export const NOTHING: Found = { routes: [], flags: new Map(), forwards: { ipv4: null, ipv6: null } };

/** The first default route over one of `addresses`' devices that has an IPv4 address. */
export function routeOf({ routes }: Found, addresses: readonly LocalAddress[]): DefaultRoute | null {
  for (const { gateway, device } of routes) {
    if (isIpv6(gateway)) continue;
    const own = addresses.filter((address) => address.device === device && !isIpv6(address.ip));
    const local = own.find((address) => inSubnet(gateway, address satisfies Cidr)) ?? own[0];
    if (local !== undefined) return { gateway, device, local: local.ip };
  }
  return null;
}

/** As `routeOf`, for IPv6. */
export function routeOf6(
  { routes }: Found,
  addresses: readonly LocalAddress[],
): Pick<DefaultRoute, 'gateway' | 'device'> | null {
  const devices = new Set(addresses.map(({ device }) => device));
  return routes.find(({ gateway, device }) => isIpv6(gateway) && devices.has(device)) ?? null;
}
