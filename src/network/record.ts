/** Member records: what one member says of itself, signed; the only form in which anything about a member travels (docs/protocol.md section 9). */
import { ByteReader, concat, parsed, u8, u16, u32, u64, utf8 } from '../core/bytes.js';
import { decodeEndpoint, type Endpoint, encodeEndpoint } from '../core/endpoint.js';
import { type Cidr, decodeIp, encodeIp, inSubnet, isIpv6, networkOf } from '../core/ip.js';
import { isUnicastMac } from '../core/mac.js';
import { ulaOf } from './addresses/derived.js';
import { type Identity, type PeerId, peerIdOf, signedBy } from './identity.js';

export const MAX_RECORD_BYTES = 800;
export const MAX_ADDRESSES = 8;
export const MAX_ENDPOINTS = 16;
/** Subnets that a member can offer. */
export const MAX_ROUTES = 6;
const MAX_NAME_BYTES = 63;
const RECORD_VERSION = 1;
const SIGNATURE_BYTES = 64;
/** Overlay MTUs that a member may have: IPv4's least, and what an Ethernet frame's length field has room for. */
const MTU_RANGE = { least: 576, most: 65521 } as const;

/** The last moment of a `Date`, in ms since 1970 (ECMA-262 section 21.4.1.1). */
const MAX_MOMENT = 8_640_000_000_000_000n;

/** A relay that a member serves, at whichever of its addresses it's reached. */
export interface RelayOffer {
  readonly udpPort: number;
  /** TCP; null: none. */
  readonly tlsPort: number | null;
  /** The relay's static key, 32 bytes. */
  readonly key: Uint8Array;
}

/** Bits of a record's flags. */
export const RECORD_FLAG = {
  /** Its data plane takes super-frames, and frames whose checksum is to be completed. */
  offload: 0x01,
  /** It serves a relay, which members may use: the field after the endpoints says how. */
  relay: 0x02,
  /** It's reached through relays only, and wants to be tried nowhere else. */
  forwardOnly: 0x04,
  /** It has chosen its first address by itself: the field after the relay says when. */
  dynamic: 0x08,
  /** There are subnets behind it that it forwards to: the field after that says which. */
  routes: 0x10,
  /** It's a bridge: its frames may come from MACs that nobody has recorded. */
  bridge: 0x20,
} as const;

export interface MemberFields {
  /** `RECORD_FLAG` bits but for `relay`, `dynamic` and `routes`, which follow from the fields; unknown ones are ignored. */
  readonly flags: number;
  readonly mtu: number;
  readonly staticKey: Uint8Array;
  /** Boot counter in the upper 32 bits, change in the lower. */
  readonly sequence: bigint;
  /** 8 bytes, random per start of the daemon. */
  readonly instance: Uint8Array;
  readonly mac: Uint8Array;
  readonly name: string;
  readonly addresses: readonly Cidr[];
  readonly endpoints: readonly Endpoint[];
  /** Null: it offers none. */
  readonly relay: RelayOffer | null;
  /** When it chose its first address, in ms since 1970 by its own clock; null: all of its addresses were given to it. */
  readonly claimedAt: number | null;
  /** Subnets behind it that it offers, without host bits. */
  readonly routes: readonly Cidr[];
}

export interface MemberRecord extends MemberFields {
  readonly identity: Uint8Array;
  readonly peerId: PeerId;
  /** As signed and sent. */
  readonly bytes: Uint8Array;
}

/** Signs what a member says of itself. Throws if it doesn't fit; addresses, endpoints and routes over their limits are left out. */
export function signRecord(networkId: Uint8Array, identity: Identity, fields: MemberFields): MemberRecord {
  const name = utf8(fields.name);
  if (name.length > MAX_NAME_BYTES)
    throw new RangeError(`expected a name of at most ${MAX_NAME_BYTES} bytes, got ${fields.name}`);
  const addresses = fields.addresses.slice(0, MAX_ADDRESSES);
  const endpoints = fields.endpoints.slice(0, MAX_ENDPOINTS);
  const routes = fields.routes.slice(0, MAX_ROUTES);
  const body = concat(
    Uint8Array.of(RECORD_VERSION, flagsOf(fields)),
    u16(fields.mtu),
    identity.publicKey,
    fields.staticKey,
    u64(fields.sequence),
    fields.instance,
    fields.mac,
    u8(name.length),
    name,
    u8(addresses.length),
    ...addresses.map(encodeCidr),
    u8(endpoints.length),
    ...endpoints.map(encodeEndpoint),
    fields.relay === null ? new Uint8Array() : offered(fields.relay),
    fields.claimedAt === null ? new Uint8Array() : u64(BigInt(fields.claimedAt)),
    ...(routes.length === 0 ? [] : [u8(routes.length), ...routes.map(encodeCidr)]),
  );
  const bytes = concat(body, identity.sign(signed(networkId, body)));
  return { ...fields, addresses, endpoints, routes, identity: identity.publicKey, peerId: identity.peerId, bytes };
}

/** The record in `bytes`, or null if it's malformed, of another version, or not signed by the identity that it names. */
export function readRecord(networkId: Uint8Array, bytes: Uint8Array): MemberRecord | null {
  if (bytes.length > MAX_RECORD_BYTES || bytes.length <= SIGNATURE_BYTES) return null;
  const body = bytes.subarray(0, -SIGNATURE_BYTES);
  const fields = parsed(() => readFields(body));
  if (fields === null) return null;
  const signature = bytes.subarray(-SIGNATURE_BYTES);
  if (!signedBy(fields.identity, signed(networkId, body), signature)) return null;
  const addresses = withoutFalse(networkId, fields.identity, fields.addresses);
  return { ...fields, addresses, peerId: peerIdOf(fields.identity), bytes: bytes.slice() };
}

/** In the network's own IPv6 subnet each member has the address that follows from its identity, and no other. */
function withoutFalse(networkId: Uint8Array, identity: Uint8Array, addresses: readonly Cidr[]): readonly Cidr[] {
  const own = ulaOf(networkId, identity);
  return addresses.filter(({ ip }) => ip === own.ip || !inSubnet(ip, own));
}

function readFields(body: Uint8Array): (MemberFields & { identity: Uint8Array }) | null {
  const reader = new ByteReader(body);
  if (reader.u8() !== RECORD_VERSION) return null;
  const flags = reader.u8();
  const mtu = reader.u16();
  const identity = reader.bytes(32);
  const staticKey = reader.bytes(32);
  const sequence = reader.u64();
  const instance = reader.bytes(8);
  const mac = reader.bytes(6);
  const name = printable(reader.bytes(reader.u8()));
  const addresses = repeat(reader.u8(), () => readCidr(reader));
  const endpoints = repeat(reader.u8(), () => decodeEndpoint(reader.bytes(18)));
  const relay = (flags & RECORD_FLAG.relay) === 0 ? null : readOffer(reader);
  const claimedAt = (flags & RECORD_FLAG.dynamic) === 0 ? null : readMoment(reader);
  const routes = (flags & RECORD_FLAG.routes) === 0 ? [] : repeat(reader.u8(), () => readCidr(reader));
  if (name === null || !isUnicastMac(mac) || mtu < MTU_RANGE.least || mtu > MTU_RANGE.most) return null;
  if (addresses.length > MAX_ADDRESSES || endpoints.length > MAX_ENDPOINTS || routes.length > MAX_ROUTES) return null;
  if (addresses.includes(null) || endpoints.includes(null) || routes.includes(null)) return null;
  return {
    flags: flags & ~(RECORD_FLAG.relay | RECORD_FLAG.dynamic | RECORD_FLAG.routes),
    mtu,
    identity,
    staticKey,
    sequence,
    instance,
    mac,
    name,
    addresses: present(addresses),
    endpoints: present(endpoints),
    relay,
    claimedAt,
    routes: present(routes).map(networkOf),
  };
}

function flagsOf({ flags, relay, claimedAt, routes }: MemberFields): number {
  const dynamic = claimedAt === null ? 0 : RECORD_FLAG.dynamic;
  return flags | (relay === null ? 0 : RECORD_FLAG.relay) | dynamic | (routes.length === 0 ? 0 : RECORD_FLAG.routes);
}

function encodeCidr({ ip, prefix }: Cidr): Uint8Array {
  return concat(u8(prefix), encodeIp(ip));
}

function offered({ udpPort, tlsPort, key }: RelayOffer): Uint8Array {
  return concat(u16(udpPort), u16(tlsPort ?? 0), key);
}

/** Null: there's no such port, so nothing is offered. */
function readOffer(reader: ByteReader): RelayOffer | null {
  const udpPort = reader.u16();
  const tlsPort = reader.u16();
  const key = reader.bytes(32).slice();
  return udpPort === 0 ? null : { udpPort, tlsPort: tlsPort === 0 ? null : tlsPort, key };
}

/** ms since 1970; what no clock can show is the latest that one can. */
function readMoment(reader: ByteReader): number {
  const moment = reader.u64();
  return moment > MAX_MOMENT ? Number(MAX_MOMENT) : Number(moment);
}

function readCidr(reader: ByteReader): Cidr | null {
  const prefix = reader.u8();
  const ip = decodeIp(reader.bytes(16));
  return prefix > (isIpv6(ip) ? 128 : 32) ? null : { ip, prefix };
}

/** A member's name ends up on other people's terminals: no control characters, nothing that isn't UTF-8. */
function printable(bytes: Uint8Array): string | null {
  if (bytes.length > MAX_NAME_BYTES) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) ? null : text;
  } catch {
    return null;
  }
}

function repeat<T>(count: number, read: () => T): T[] {
  return Array.from({ length: count }, read);
}

function present<T>(list: readonly (T | null)[]): T[] {
  return list.filter((item) => item !== null) as T[];
}

function signed(networkId: Uint8Array, body: Uint8Array): Uint8Array {
  return concat(utf8('p2p/1 record'), networkId, body);
}

/** The sequence of the `change`th record since the daemon's start number `bootCounter`. */
export function sequenceOf(bootCounter: number, change: number): bigint {
  return new ByteReader(concat(u32(bootCounter), u32(change))).u64();
}
