/** Which IP addresses a frame says are its sender's: the model for `native/src/frame/addresses.rs`. */
import { decodeIp } from '../../core/ip.js';

/** What can't be read as a host would read it. */
export const HIDDEN = 'address-hidden';

const TYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const VLAN: readonly number[] = [0x8100, 0x88a8];
const LEAST_TYPE = 0x0600;
const SNAP: readonly string[] = ['aaaa03000000', 'aaaa030000f8'];
const MAX_WRAPPINGS = 4;
/** Protocol type, lengths of hardware and protocol addresses. */
const ARP_LAYOUT = '08000604';
const HEADER = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, icmp6: 58, destination: 60 } as const;
const MAX_EXTENSIONS = 8;
const DISCOVERY = { first: 133, solicitation: 135, advertisement: 136, redirect: 137 } as const;
const UNSPECIFIED = '::';

/** The addresses in canonical form, or `HIDDEN`. */
export function claimedAddresses(frame: Uint8Array): readonly string[] | typeof HIDDEN {
  const inside = unwrap(frame);
  if (inside === null) return [];
  if (inside === HIDDEN) return HIDDEN;
  const { type, packet } = inside;
  if (type === TYPE.ipv4) return packet.length < 16 ? [] : [ipv4(packet, 12)];
  if (type === TYPE.arp) return packet.length < 28 || hexOf(packet, 2, 4) !== ARP_LAYOUT ? HIDDEN : [ipv4(packet, 14)];
  if (type !== TYPE.ipv6 || packet.length < 24) return [];
  const source = ipv6(packet, 8);
  if (packet.length < 40) return [source];
  const behind = behindIpv6(packet, source);
  return behind === HIDDEN ? HIDDEN : [source, ...behind];
}

function unwrap(frame: Uint8Array): { type: number; packet: Uint8Array } | typeof HIDDEN | null {
  let at = 12;
  for (let wrappings = 0; wrappings <= MAX_WRAPPINGS; wrappings++) {
    if (frame.length < at + 2) return null;
    const type = u16(frame, at);
    if (VLAN.includes(type)) at += 4;
    else if (type < LEAST_TYPE && SNAP.includes(hexOf(frame, at + 2, 6))) at += 8;
    else return { type, packet: frame.subarray(at + 2) };
  }
  return HIDDEN;
}

function behindIpv6(packet: Uint8Array, source: string): readonly string[] | typeof HIDDEN {
  let next = packet[6] ?? 0;
  let at = 40;
  let isFragment = false;
  for (let extensions = 0; extensions <= MAX_EXTENSIONS; extensions++) {
    if (next === HEADER.icmp6) return discovery(packet.subarray(at), source, isFragment);
    if (!isExtension(next)) return [];
    const length = packet[at + 1];
    if (length === undefined) return HIDDEN;
    if (next === HEADER.fragment) {
      if (packet.length < at + 4) return HIDDEN;
      if ((u16(packet, at + 2) & 0xfff8) !== 0) return [];
      isFragment = true;
    }
    const bytes = next === HEADER.fragment ? 8 : next === HEADER.authentication ? (length + 2) * 4 : (length + 1) * 8;
    next = packet[at] ?? 0;
    at += bytes;
  }
  return HIDDEN;
}

function isExtension(header: number): boolean {
  return header !== HEADER.icmp6 && (Object.values(HEADER) as number[]).includes(header);
}

function discovery(message: Uint8Array, source: string, isFragment: boolean): readonly string[] | typeof HIDDEN {
  const [kind] = message;
  if (kind === undefined) return HIDDEN;
  if (kind < DISCOVERY.first || kind > DISCOVERY.redirect) return [];
  const addresses = kind === DISCOVERY.redirect ? 2 : kind >= DISCOVERY.solicitation ? 1 : 0;
  if (isFragment || message.length < (addresses === 0 ? 1 : 8 + addresses * 16)) return HIDDEN;
  if (kind === DISCOVERY.solicitation && source !== UNSPECIFIED) return [];
  return Array.from({ length: addresses }, (_, index) => ipv6(message, 8 + index * 16));
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function hexOf(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.subarray(at, at + length)).toString('hex');
}

function ipv4(bytes: Uint8Array, at: number): string {
  return [...bytes.subarray(at, at + 4)].join('.');
}

/** IPv4 mapped ones become IPv4, as in records. */
function ipv6(bytes: Uint8Array, at: number): string {
  return decodeIp(bytes.subarray(at, at + 16));
}
