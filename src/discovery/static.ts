/** `-peer [ID@]HOST:PORT`: what it says, and which addresses it stands for now. */
import { lookup } from 'node:dns/promises';
import { type Endpoint, parseEndpoint, tryEndpoint } from '../core/endpoint.js';

export interface StaticPeerText {
  /** The peer id that the member there must have (16 hex digits), or null for any. */
  readonly id: string | null;
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Throws a RangeError that names the value. */
function parseStaticPeer(text: string): StaticPeerText {
  const match = /^(?:([^@]*)@)?(?:\[([^\]]+)\]|([^:@[\]]+)):(\d{1,5})$/.exec(text);
  const [, id, bracketed, bare, digits] = match ?? [];
  const host = bracketed ?? bare;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) {
    throw new RangeError(`expected a peer as [ID@]HOST:PORT with a port from 1 to 65535, got ${text}`);
  }
  if (id !== undefined && !/^[0-9a-f]{16}$/i.test(id)) {
    throw new RangeError(`expected a peer id of 16 hex digits before the @, got ${id} in ${text}`);
  }
  if (bracketed !== undefined && tryEndpoint(bracketed, port) === null) {
    throw new RangeError(`expected an IPv6 address in the brackets, got ${bracketed} in ${text}`);
  }
  return { id: id?.toLowerCase() ?? null, host, port };
}

/** All addresses that HOST:PORT stands for now; empty if the name has none. Rejects only on a failure of the resolver itself. */
export async function resolvePeer(text: string): Promise<Endpoint[]> {
  const { host, port } = parseStaticPeer(text);
  const literal = parseEndpoint(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
  if (literal !== null) return [literal];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.flatMap(({ address }) => tryEndpoint(address, port) ?? []);
}
