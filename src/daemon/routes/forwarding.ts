/** What's missing where subnets are offered that nobody would be forwarded to: it's the machine's owner who decides about that. */
import { isIpv6 } from '../../core/ip.js';
import { SYSTEM } from '../../system/this-system.js';
import type { Host } from '../host.js';

export function forwardingProblems(routes: readonly string[], host: Pick<Host, 'forwards'>): string[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const offered = routes.filter((route) => isIpv6(route) === (family === 'ipv6'));
    if (offered.length === 0 || host.forwards(family) !== false) return [];
    return [
      `${offered.join(', ')} can't be reached through this machine, which forwards nothing; try: ${SYSTEM.advice.forwarding[family]}`,
    ];
  });
}
