/** Where a datagram goes to or came from: straight to an endpoint, or through a relay to whoever has a pseudonym there. */
import { hex } from './bytes.js';
import { type Endpoint, endpointParts, parseEndpoint } from './endpoint.js';

export type RelayTransport = 'udp' | 'tls';

/** Bytes of a pseudonym at a relay. */
export const PSEUDONYM_BYTES = 8;

/**
 * `udp/203.0.113.9:4910/1a2b3c4d5e6f7081`: the transport to the relay, the relay's endpoint, the pseudonym in hex. Canonical like an
 * `Endpoint`, and never equal to one.
 */
export type RelayWay = string & { readonly __brand: 'RelayWay' };

export type Way = Endpoint | RelayWay;

export interface RelayWayParts {
  readonly transport: RelayTransport;
  readonly relay: Endpoint;
  /** 16 hex digits. */
  readonly pseudonym: string;
}

export function relayWay(transport: RelayTransport, relay: Endpoint, pseudonym: Uint8Array): RelayWay {
  if (pseudonym.length !== PSEUDONYM_BYTES)
    throw new RangeError(`expected a pseudonym of ${PSEUDONYM_BYTES} bytes, got ${pseudonym.length}`);
  return `${transport}/${relay}/${hex(pseudonym)}` as RelayWay;
}

export function isRelayWay(way: Way): way is RelayWay {
  return way.startsWith('udp/') || way.startsWith('tls/');
}

export function isEndpoint(way: Way): way is Endpoint {
  return !isRelayWay(way);
}

export function relayWayParts(way: RelayWay): RelayWayParts {
  const [transport = '', relay = '', pseudonym = ''] = way.split('/');
  return { transport: transport as RelayTransport, relay: relay as Endpoint, pseudonym };
}

/**
 * Whether what came from one can be the answer to what went to the other. A NAT may answer from another port than it was asked at, but not from
 * another address; and of several ways to a peer through relays it takes the one that's best for itself.
 */
export function canAnswer(from: Way, to: Way): boolean {
  if (isRelayWay(from) || isRelayWay(to)) return isRelayWay(from) && isRelayWay(to);
  return endpointParts(from).ip === endpointParts(to).ip;
}

/** Parses either kind; null if it's neither. */
export function parseWay(text: string): Way | null {
  const match = /^(udp|tls)\/([^/]+)\/([0-9a-f]{16})$/.exec(text);
  if (match === null) return parseEndpoint(text);
  const relay = parseEndpoint(match[2] ?? '');
  return relay === null ? null : (`${match[1]}/${relay}/${match[3]}` as RelayWay);
}
