/** Which member somebody means who says an overlay address, a name or a peer id. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { nearest } from '../core/nearest.js';
import { RpcError } from '../rpc/errors.js';
import type { NetworkInfo, PeerInfo } from '../rpc/network-info.js';
import { quoted } from '../rpc/text.js';

export interface FoundMember {
  readonly network: NetworkInfo;
  readonly peer: PeerInfo;
}

/** Members named in an error that asks which one is meant. */
const MAX_NAMED = 5;

/**
 * The one member of these networks that `who` stands for: a peer id (16 hex digits), an overlay address, or a name; a name in other letter case
 * only if nobody has it as it stands. Throws an `RpcError`: `no-such-member` (with the nearest name, if one is near), `ambiguous-member`.
 */
export function findMember(networks: readonly NetworkInfo[], who: string): FoundMember {
  const all = networks.flatMap((network) => network.peers.map((peer) => ({ network, peer })));
  const [found, ...more] = matches(all, who);
  if (found === undefined) throw new RpcError('no-such-member', unknown(networks, all, who));
  if (more.length > 0) throw new RpcError('ambiguous-member', ambiguous([found, ...more], who));
  return found;
}

function matches(all: readonly FoundMember[], who: string): FoundMember[] {
  if (isIP(who) !== 0) {
    const ip = ipaddr.parse(who).toString();
    const holders = all.filter(({ peer }) => peer.held.includes(ip));
    if (holders.length > 0) return holders; // an address that several claim is the holder's
    return all.filter(({ peer }) => peer.addresses.some((address) => address.split('/')[0] === ip));
  }
  const byId = /^[0-9a-f]{16}$/i.test(who) ? all.filter(({ peer }) => peer.id === who.toLowerCase()) : [];
  if (byId.length > 0) return byId;
  const exact = all.filter(({ peer }) => peer.name === who);
  return exact.length > 0 ? exact : all.filter(({ peer }) => peer.name.toLowerCase() === who.toLowerCase());
}

function unknown(networks: readonly NetworkInfo[], all: readonly FoundMember[], who: string): string {
  const own = networks.find(({ addresses, name, peerId }) =>
    [...addresses.map((address) => address.split('/')[0]), name, peerId].includes(who),
  );
  if (own !== undefined) return `expected another member, got ${quoted(who)}: that's this machine itself`;
  const names = all.flatMap(({ peer }) => [peer.name, ...peer.addresses.map((address) => address.split('/')[0] ?? '')]);
  const meant = nearest(who, names);
  const hint = meant === null ? `p2p show -hash HASH lists them` : `did you mean ${quoted(meant)}?`;
  return `no member has the address, name or id ${quoted(who)}; ${hint}`;
}

function ambiguous(found: readonly FoundMember[], who: string): string {
  const named = found.slice(0, MAX_NAMED).map(({ network, peer }) => `${peer.id} on ${network.device}`);
  const rest = found.length > MAX_NAMED ? ' …' : '';
  return `${quoted(who)} may be ${found.length} members: ${named.join(', ')}${rest}; say which by its id, or by -hash in which network`;
}
