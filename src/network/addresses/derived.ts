/** Addresses that follow from the network and the member alone (docs/protocol.md section 12): nobody hands them out. */
import { createHash, hkdfSync } from 'node:crypto';
import { ByteReader, concat, utf8 } from '../../core/bytes.js';
import { type Cidr, decodeIp, ipv4After } from '../../core/ip.js';

const EMPTY = new Uint8Array();

/** The network's IPv6 subnet, a /64 of a unique local prefix (RFC 4193). `networkId`: 16 bytes. */
export function ulaSubnet(networkId: Uint8Array): Cidr {
  return { ip: decodeIp(concat(Uint8Array.of(0xfd), derive(networkId, 'ula', 5), new Uint8Array(10))), prefix: 64 };
}

/** The IPv6 address that a member always has. `identity`: its 32 bytes. */
export function ulaOf(networkId: Uint8Array, identity: Uint8Array): Cidr {
  const host = sha256('p2p/1 ula', networkId, identity).subarray(0, 8);
  const bytes = concat(Uint8Array.of(0xfd), derive(networkId, 'ula', 5), new Uint8Array(2), host);
  return { ip: decodeIp(bytes), prefix: 64 };
}

/** The IPv4 subnet of a network in which nobody was given an address: 10.x.y.0/24, x from 64 on, as low ones are in many homes. */
export function defaultSubnet(networkId: Uint8Array): Cidr {
  const [x = 0, y = 0] = derive(networkId, 'subnet', 2);
  return { ip: `10.${64 + (x % 192)}.${y}.0`, prefix: 24 };
}

/**
 * The hosts' addresses of an IPv4 subnet (prefix length at most 30) in the order in which a member tries them: from a place that's its own,
 * and in steps of its own, so that two rarely want the same one and don't run after each other, and each always begins at the same.
 */
export function* inOwnOrder(subnet: Cidr, networkId: Uint8Array, identity: Uint8Array): Generator<string> {
  const hosts = 2 ** (32 - subnet.prefix) - 2;
  const hash = new ByteReader(sha256('p2p/1 address', networkId, identity));
  const first = hash.u32() % hosts;
  let step = 1 + (hash.u32() % (hosts - 1));
  while (divisor(step, hosts) !== 1) step++; // all of them are visited before one comes again
  for (let i = 0; i < hosts; i++) yield ipv4After(subnet.ip, 1 + ((first + i * step) % hosts));
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function derive(networkId: Uint8Array, label: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', networkId, EMPTY, `p2p/1 ${label}`, bytes));
}

function sha256(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(concat(utf8(label), ...parts))
      .digest(),
  );
}
