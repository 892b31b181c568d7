/**
 * The PING of dht-rpc (6.27), raw, from our own data socket: a node of the DHT tells us where it saw us. All it has in common with the rest
 * of the wire is the socket. Integers are little-endian.
 *
 *     request, 11 bytes: 03 04 | tid (2) | destination IPv4 (4), port (2) | 00
 *     reply:             13 flags | tid (2) | our IPv4 (4), our port (2) | …
 */
import { type Endpoint, endpointParts, tryEndpoint } from '../core/endpoint.js';
import { encodeIp, isIpv6 } from '../core/ip.js';

export const DHT_REPLY = 0x13;
const REQUEST = [0x03, 0x04] as const;
const REPLY_BYTES = 10;

/** Null for an IPv6 node: the DHT has none. `tid`: 16 random bits. */
export function writePing(tid: number, node: Endpoint): Uint8Array | null {
  const { ip, port } = endpointParts(node);
  if (isIpv6(ip)) return null;
  return Uint8Array.from([...REQUEST, tid & 0xff, tid >> 8, ...encodeIp(ip).subarray(12), port & 0xff, port >> 8, 0]);
}

export interface Pong {
  readonly tid: number;
  /** Where the node saw the request come from. */
  readonly observed: Endpoint;
}

export function readPong(datagram: Uint8Array): Pong | null {
  if (datagram.length < REPLY_BYTES || datagram[0] !== DHT_REPLY) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const observed = tryEndpoint([...datagram.subarray(4, 8)].join('.'), view.getUint16(8, true));
  return observed === null ? null : { tid: view.getUint16(2, true), observed };
}
