/** This machine's default route, from the kernel's main table (proc(5): /proc/net/route). */
import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { type Cidr, decodeIp, inSubnet } from '../../core/ip.js';
import type { LocalAddress } from '../../core/local-address.js';
import type { DefaultRoute } from '../../core/port-mapping.js';

const TABLE = '/proc/net/route';
const TABLE6 = '/proc/net/ipv6_route';
/** Bytes of the table that are read: default routes come first, and a router with the whole internet's has many after them. */
const MAX_TABLE = 65_536;
/** RTF_UP and RTF_GATEWAY of <linux/route.h>. */
const UP_BY_GATEWAY = 0x3;

/** The default route with the lowest metric over one of `addresses`' devices, so never one through an overlay. */
export function defaultRoute(addresses: readonly LocalAddress[]): DefaultRoute | null {
  return parseDefaultRoute(readTable(TABLE), addresses, endianness() === 'LE');
}

/** As `defaultRoute`, for IPv6 (/proc/net/ipv6_route); the gateway as it stands there, usually a link-local address. */
export function defaultRoute6(addresses: readonly LocalAddress[]): Pick<DefaultRoute, 'gateway' | 'device'> | null {
  return parseDefaultRoute6(readTable(TABLE6), addresses);
}

/** `text`: as in /proc/net/ipv6_route, whose addresses are in the network's order. */
export function parseDefaultRoute6(
  text: string,
  addresses: readonly LocalAddress[],
): Pick<DefaultRoute, 'gateway' | 'device'> | null {
  const devices = new Set(addresses.map(({ device }) => device));
  const routes = text.split('\n').flatMap((line) => {
    const [destination = '', prefix, , , gateway = '', metric = '', , , flags = '', device = ''] = line
      .trim()
      .split(/ +/);
    const isDefault = /^0{32}$/.test(destination) && prefix === '00';
    if (!isDefault || (Number.parseInt(flags, 16) & UP_BY_GATEWAY) !== UP_BY_GATEWAY || !devices.has(device)) return [];
    if (!/^[0-9a-f]{32}$/.test(gateway)) return [];
    return [{ metric: Number.parseInt(metric, 16), route: { gateway: decodeIp(Buffer.from(gateway, 'hex')), device } }];
  });
  routes.sort((a, b) => a.metric - b.metric);
  return routes[0]?.route ?? null;
}

/** `text`: as in /proc/net/route. `isLittleEndian`: of the machine that wrote it; addresses stand there as its numbers. */
export function parseDefaultRoute(
  text: string,
  addresses: readonly LocalAddress[],
  isLittleEndian: boolean,
): DefaultRoute | null {
  const routes = text
    .split('\n')
    .slice(1)
    .flatMap((line) => parseLine(line, addresses, isLittleEndian));
  routes.sort((a, b) => a.metric - b.metric);
  return routes[0]?.route ?? null;
}

function parseLine(line: string, addresses: readonly LocalAddress[], isLittleEndian: boolean) {
  const [device = '', destination, gateway = '', flags = '', , , metric = '', mask] = line.split('\t');
  const isDefault = destination === '00000000' && mask === '00000000';
  if (!isDefault || (Number.parseInt(flags, 16) & UP_BY_GATEWAY) !== UP_BY_GATEWAY) return [];
  if (!/^[0-9A-F]{8}$/.test(gateway)) return [];
  const ip = dotted(gateway, isLittleEndian);
  const own = addresses.filter((address) => address.device === device && !address.ip.includes(':'));
  const local = own.find((address) => inSubnet(ip, address satisfies Cidr)) ?? own[0];
  return local === undefined ? [] : [{ metric: Number(metric), route: { gateway: ip, device, local: local.ip } }];
}

function dotted(hex: string, isLittleEndian: boolean): string {
  const bytes = [...Buffer.from(hex, 'hex')];
  return (isLittleEndian ? bytes.reverse() : bytes).join('.');
}

function readTable(path: string): string {
  let file: number | null = null;
  try {
    file = openSync(path, 'r');
    const buffer = Buffer.alloc(MAX_TABLE);
    let length = 0;
    for (let read = -1; read !== 0 && length < MAX_TABLE; length += read)
      read = readSync(file, buffer, length, MAX_TABLE - length, null);
    return buffer.toString('latin1', 0, length);
  } catch {
    return ''; // no such table: another system, or /proc hidden
  } finally {
    if (file !== null) closeSync(file);
  }
}
