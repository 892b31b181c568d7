/** Which addresses stand under which names in the hosts file. */
import { inSubnet, parseCidr } from '../../core/ip.js';
import type { NetworkInfo } from '../../rpc/network-info.js';
import { longestKnownFirst } from '../names/labels.js';
import { hostsLine } from './block.js';

/** Lines of a block at most: more make every program's look-ups slow. */
const MAX_LINES = 4_096;

/**
 * A line for each overlay address of each member. Only addresses of the network's own subnets: a member can't have a name lead elsewhere. One that two
 * members have stands under the name of whoever was there first.
 */
export function hostsLines(networks: readonly NetworkInfo[]): string[] {
  return networks
    .filter(({ state }) => state === 'running')
    .flatMap(linesOf)
    .slice(0, MAX_LINES);
}

function linesOf({ addresses, hostName, peers }: NetworkInfo): string[] {
  const subnets = addresses.flatMap((address) => parseCidr(address) ?? []);
  const holders = new Map<string, string>();
  const give = (name: string | null, list: readonly string[]) => {
    for (const address of list) {
      const ip = parseCidr(address)?.ip;
      if (name === null || ip === undefined || holders.has(ip)) continue;
      if (subnets.some((subnet) => inSubnet(ip, subnet))) holders.set(ip, name);
    }
  };
  give(hostName, addresses);
  for (const peer of [...peers].sort(longestKnownFirst))
    if (peer.state !== 'blocked') give(peer.hostName, peer.addresses);
  return [...holders].map(([ip, name]) => hostsLine(ip, name));
}
