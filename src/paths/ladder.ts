/** The sizes at which a path is asked whether it takes them, in bytes of IP packet. */

/** What any path is taken to pass until measured: every one of IPv6 does (RFC 8200 section 5), and nearly every one of IPv4. */
export const BASE_MTU = 1_280;
/** MTUs that links and tunnels have: PPPoE, WireGuard, clouds, mobile networks, Ethernet, jumbo frames. */
const COMMON = [1_380, 1_400, 1_420, 1_440, 1_460, 1_480, 1_492, 1_500, 2_304, 4_352, 8_896, 9_000] as const;
/** Asked for even where less would do: it's what most paths have, and what people expect to read. */
const ETHERNET = 1_500;
/** Bytes of the IP and UDP headers; on the way to a relay the envelope's come on top (docs/protocol.md section 11). */
const HEADERS = { ipv4: 28, ipv6: 48, 'relay-ipv4': 44, 'relay-ipv6': 64 } as const;
/** A path on which a session could begin passes a handshake (docs/protocol.md section 4): UDP payload in bytes. */
const HANDSHAKE = 1_032;

/** UDP payload in bytes that every path of IPv6 takes. */
export const SURE_DATAGRAM = BASE_MTU - HEADERS.ipv6;

/** Bytes of UDP payload that frames ask for. */
export interface FrameNeeds {
  /** For a frame of the overlay's MTU to leave whole. */
  readonly whole: number;
  /** The most that is of use: with VLAN tags, through a relay. */
  readonly most: number;
}

export interface Ladder {
  /** Bytes of IP and UDP headers. */
  readonly headers: number;
  /** What's used where not even `BASE_MTU` passes. */
  readonly floor: number;
  /** Above `BASE_MTU`, ascending; at least one. */
  readonly rungs: readonly number[];
  readonly top: number;
}

export function ladderOf(family: keyof typeof HEADERS, needs: FrameNeeds): Ladder {
  const headers = HEADERS[family];
  const whole = needs.whole + headers;
  const most = Math.max(needs.most + headers, ETHERNET);
  // The first that's enough, and all below it.
  const common = COMMON.filter((_, index) => (COMMON[index - 1] ?? 0) < most);
  const rungs = [...common, whole];
  const ascending = [...new Set(rungs)].filter((mtu) => mtu > BASE_MTU).sort((a, b) => a - b);
  const floor = family.endsWith('ipv6') ? BASE_MTU : HANDSHAKE + headers;
  return { headers, floor, rungs: ascending, top: ascending.at(-1) ?? BASE_MTU };
}
