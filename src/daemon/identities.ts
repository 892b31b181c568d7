/** The identities that a network knows, whether they are members at this moment or not. */
import type { PeerSnapshot } from '../network/io.js';
import type { IdentityInfo } from '../rpc/network-info.js';
import type { SavedNetwork } from './saved.js';

/** Members first, then who had an address once, then who is only blocked. */
export function listIdentities(
  { acquaintances, blocked }: SavedNetwork,
  members: readonly PeerSnapshot[],
): IdentityInfo[] {
  const list = new Map<string, IdentityInfo>();
  for (const { id, name, addresses, state, knownSince } of members)
    list.set(id, { id, name, addresses: [...addresses], state, since: seconds(knownSince) });
  for (const { id, name, ip, since } of acquaintances) {
    const known = list.get(id);
    if (known === undefined) list.set(id, { id, name, addresses: [ip], state: away(id), since: seconds(since) });
    else if (known.state === 'away') known.addresses.push(ip);
  }
  for (const id of blocked)
    if (!list.has(id)) list.set(id, { id, name: '', addresses: [], state: 'blocked', since: null });
  return [...list.values()];

  function away(id: string): 'blocked' | 'away' {
    return blocked.includes(id) ? 'blocked' : 'away';
  }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.floor(ms / 1000);
}
