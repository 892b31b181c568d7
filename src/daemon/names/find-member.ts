/** Which member somebody means who says an overlay address, a name, a host name or a peer id. */
import { isIP } from 'node:net';
import { nearest } from '../../core/nearest.js';
import { parseIp } from '../../rpc/address-fields.js';
import { RpcError } from '../../rpc/errors.js';
import type { IdentityInfo, NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import { quoted } from '../../rpc/text.js';
import { DOMAIN } from './labels.js';

export interface FoundMember {
  readonly network: NetworkInfo;
  readonly peer: PeerInfo;
}

/** An identity, and the device of the network that it's of. */
export interface FoundIdentity {
  readonly device: string;
  readonly hash: string;
  readonly peer: Called;
}

/** All that somebody can be called by. */
type Called = Pick<IdentityInfo, 'id' | 'name' | 'addresses' | 'state'> & {
  readonly hostName?: string | null;
  readonly ula?: string | null;
  /** Of its addresses, those that it holds. */
  readonly held?: readonly string[];
};

/** Members named in an error that asks which one is meant. */
const MAX_NAMED = 5;

/**
 * The one member of these networks that `who` stands for: a peer id (16 hex digits), an overlay address, a name, or a host name (`NAME.p2p`); a name in
 * other letter case only if nobody has it as it stands. Throws an `RpcError`: `no-such-member` (with the nearest name, if one is near), `ambiguous-member`.
 */
export function findMember(networks: readonly NetworkInfo[], who: string): FoundMember {
  const all = networks.flatMap((network) => network.peers.map((peer) => ({ network, peer })));
  const found = matches(all, who);
  return only(
    found.map((member) => ({ ...member, device: member.network.device })),
    who,
    () => unknown(networks, all, who),
  );
}

/**
 * Whether the one member that `who` stands for is connected; oneself always is. An address that several claim is its holder's. Throws an
 * `RpcError`, `ambiguous-member`.
 */
export function isConnected(networks: readonly NetworkInfo[], who: string): boolean {
  if (networks.some((network) => isSelf(network, who))) return true;
  const all = networks.flatMap(({ device, peers }) => peers.map((peer) => ({ device, peer })));
  const found = matches(all, who);
  if (found.length > 1 && isIP(who) === 0) throw ambiguous(found, who);
  return found.some(({ peer }) => peer.state === 'connected');
}

/** As `findMember`, among all identities that are known; one that is a member now before those that were. */
export function findIdentity(all: readonly FoundIdentity[], who: string): FoundIdentity {
  const found = matches(all, who);
  const here = found.filter(({ peer }) => peer.state !== 'away');
  return only(
    here.length > 0 ? here : found,
    who,
    () => `no peer is or was known by ${quoted(who)}; p2p peers lists them`,
  );
}

function only<T extends { readonly device: string; readonly peer: Called }>(
  found: readonly T[],
  who: string,
  missing: () => string,
): T {
  const [first, ...more] = found;
  if (first === undefined) throw new RpcError('no-such-member', missing());
  if (more.length > 0) throw ambiguous(found, who);
  return first;
}

function matches<T extends { readonly peer: Called }>(all: readonly T[], who: string): T[] {
  if (isIP(who) !== 0) {
    const ip = parseIp(who);
    const holders = all.filter(({ peer }) => peer.held?.includes(ip));
    return holders.length > 0 ? holders : all.filter(({ peer }) => bare(peer).includes(ip));
  }
  const byId = /^[0-9a-f]{16}$/i.test(who) ? all.filter(({ peer }) => peer.id === who.toLowerCase()) : [];
  if (byId.length > 0) return byId;
  const byHostName = all.filter(({ peer }) => isHostName(peer.hostName, who));
  const exact = all.filter(({ peer }) => peer.name === who);
  const alike = all.filter(({ peer }) => peer.name.toLowerCase() === who.toLowerCase());
  return [byHostName, exact, alike].find((found) => found.length > 0) ?? [];
}

function isSelf({ addresses, ula, name, peerId, hostName }: NetworkInfo, who: string): boolean {
  if (isIP(who) !== 0) return bare({ addresses, ula }).includes(parseIp(who));
  return [name, peerId].includes(who) || isHostName(hostName, who);
}

function isHostName(hostName: string | null | undefined, who: string): boolean {
  return typeof hostName === 'string' && [hostName, `${hostName}.`].includes(who.toLowerCase());
}

/** All addresses without prefix lengths. */
function bare({ addresses, ula = null }: Pick<Called, 'addresses' | 'ula'>): string[] {
  return [...addresses, ...(ula === null ? [] : [ula])].map((address) => address.split('/')[0] ?? '');
}

function unknown(networks: readonly NetworkInfo[], all: readonly FoundMember[], who: string): string {
  if (networks.some((network) => isSelf(network, who)))
    return `expected another member, got ${quoted(who)}: that's this machine itself`;
  const names = all.flatMap(({ peer }) => [peer.name, ...bare(peer)]);
  const meant = nearest(who.replace(new RegExp(`\\.${DOMAIN}\\.?$`, 'i'), ''), names);
  const hint = meant === null ? `p2p show -hash HASH lists them` : `did you mean ${quoted(meant)}?`;
  return `no member has the address, name or id ${quoted(who)}; ${hint}`;
}

function ambiguous(found: readonly { readonly device: string; readonly peer: Called }[], who: string): RpcError {
  const named = found.slice(0, MAX_NAMED).map(({ device, peer }) => `${peer.id} on ${device}`);
  const rest = found.length > MAX_NAMED ? ' …' : '';
  return new RpcError(
    'ambiguous-member',
    `${quoted(who)} may be ${found.length} members: ${named.join(', ')}${rest}; say which by its id, or by -hash in which network`,
  );
}
