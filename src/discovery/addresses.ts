/** This machine's own addresses on the underlay. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { encodeIp, inSubnet, isIpv6, isLinkLocal } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';

/** Addresses of all interfaces that are up, without loopback and without those that `exclude` names (the overlays). `flags`: as `lasting` has them; Linux's own, if none are given. */
export function localAddresses(
  exclude: (device: string) => boolean,
  flags: ReadonlyMap<string, number> = readFlags(),
): LocalAddress[] {
  const all = Object.entries(interfaces())
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
  return lasting(all, flags);
}

/** None if the system refuses to tell, as one without any network may. */
function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/** Flags of an IPv6 address (linux/if_addr.h, IFA_F_*). */
export const FLAG = { temporary: 0x01, dadFailed: 0x08, deprecated: 0x20, tentative: 0x40 } as const;
/** Of an address that a machine made by itself (RFC 4862); Windows says 128 of temporary ones. */
const SITE_BITS = 64;
const UNUSABLE = FLAG.dadFailed | FLAG.deprecated | FLAG.tentative;

/**
 * Addresses that others may be told of: no deprecated ones, none that's not ours for sure yet, and a temporary one (RFC 8981) only where its
 * subnet has none that lasts. `flags`: by `flagKey` of the address.
 */
export function lasting(all: readonly LocalAddress[], flags: ReadonlyMap<string, number>): LocalAddress[] {
  const flagsOf = ({ ip }: LocalAddress) => (isIpv6(ip) ? (flags.get(flagKey(ip)) ?? 0) : 0);
  const usable = all.filter((address) => (flagsOf(address) & UNUSABLE) === 0);
  const stable = usable.filter((address) => (flagsOf(address) & FLAG.temporary) === 0);
  const hasStable = ({ ip, prefix, device }: LocalAddress) =>
    stable.some((other) => other.device === device && inSubnet(other.ip, { ip, prefix: Math.min(prefix, SITE_BITS) }));
  return usable.filter((address) => (flagsOf(address) & FLAG.temporary) === 0 || !hasStable(address));
}

/** Lines of /proc/net/if_inet6: address, interface, prefix length, scope, flags (all hex), device. */
export function parseFlags(text: string): Map<string, number> {
  const lines = text.split('\n').map((line) => /^([0-9a-f]{32}) \S+ \S+ \S+ ([0-9a-f]+) /.exec(line));
  return new Map(lines.flatMap((match) => (match === null ? [] : [[match[1] ?? '', parseInt(match[2] ?? '', 16)]])));
}

/** Empty where there is no IPv6, or no such file. */
function readFlags(): Map<string, number> {
  try {
    return parseFlags(readFileSync('/proc/net/if_inet6', 'latin1'));
  } catch {
    return new Map();
  }
}

function prefixOf(cidr: string | null): number {
  return Number(cidr?.split('/')[1] ?? 0);
}

/** 32 hex digits. */
export function flagKey(ip: string): string {
  return Buffer.from(encodeIp(ip)).toString('hex');
}
