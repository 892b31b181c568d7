/** This machine's own addresses on the underlay. */
import { networkInterfaces } from 'node:os';
import { isLinkLocal } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';

/** Addresses of all interfaces that are up, without loopback and without those that `exclude` names (the overlays). */
export function localAddresses(exclude: (device: string) => boolean): LocalAddress[] {
  return Object.entries(networkInterfaces())
    .filter(([device]) => !exclude(device))
    .flatMap(([device, addresses = []]) =>
      addresses
        .filter(({ internal, family, address }) => !internal && !(family === 'IPv4' && isLinkLocal(address)))
        .map((address) => ({
          device,
          zone: address.family === 'IPv6' ? String(address.scopeid) : '0',
          ip: address.address,
          prefix: prefixOf(address.cidr),
        })),
    );
}

function prefixOf(cidr: string | null): number {
  return Number(cidr?.split('/')[1] ?? 0);
}
