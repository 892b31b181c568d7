/** ARP for IPv4 over Ethernet (RFC 826), as the device in memory sends and understands it. */
import { concat, u16 } from '../../core/bytes.js';
import { decodeIp, encodeIp } from '../../core/ip.js';

export const NO_IP = '0.0.0.0';
const BROADCAST = new Uint8Array(6).fill(0xff);
const ARP_FRAME = 42;
/** EtherType; then hardware Ethernet, protocol IPv4, lengths 6 and 4. */
const HEADER = Uint8Array.of(0x08, 0x06, 0, 1, 0x08, 0, 6, 4);
const REQUEST = 1;

/** Asks everybody who has `target`; `sender`: the IPv4 address to answer to, `NO_IP` for a probe, `target` for an announcement. */
export function arpRequest(mac: Uint8Array, sender: string, target: string): Uint8Array {
  return concat(BROADCAST, mac, HEADER, u16(REQUEST), mac, ipv4(sender), new Uint8Array(6), ipv4(target));
}

/** Whose addresses an ARP frame, question or answer, is about; null if it's none. */
export function readArp(frame: Uint8Array): { mac: Uint8Array; sender: string; target: string } | null {
  if (frame.length < ARP_FRAME || !HEADER.every((byte, i) => frame[12 + i] === byte)) return null;
  return { mac: frame.slice(22, 28), sender: text(frame.subarray(28, 32)), target: text(frame.subarray(38, 42)) };
}

function ipv4(ip: string): Uint8Array {
  return encodeIp(ip).subarray(12);
}

function text(bytes: Uint8Array): string {
  return decodeIp(bytes);
}
