/** What stands between this machine and others, in words that several commands use. */
import type { PortMappingInfo } from '../rpc/netcheck.js';
import { duration } from './format.js';

const PROTOCOL_NAMES = { pcp: 'PCP', 'nat-pmp': 'NAT-PMP', upnp: 'UPnP' } as const;

/** e.g. `203.0.113.7:50123 by PCP from 192.168.1.1, for another 29m 3s`. */
export function portMappingWords(mapping: PortMappingInfo): string {
  const { state, protocol, external, expiresMs, gateway, attempts } = mapping;
  if (state === 'off') return 'off';
  if (state === 'no-router') return 'none: there is no default route, so no router to ask';
  if (state === 'asking') return `asking ${gateway}`;
  if (protocol !== null && external !== null && expiresMs !== null)
    return `${external} by ${PROTOCOL_NAMES[protocol]} from ${gateway}, for another ${duration(expiresMs)}`;
  return `none from ${gateway}: ${attemptWords(attempts)}`;
}

/** Protocols with the same fate are named together: `PCP, NAT-PMP, UPnP: no answer`. */
function attemptWords(attempts: PortMappingInfo['attempts']): string {
  const byError = new Map<string, string[]>();
  for (const { protocol, error } of attempts)
    byError.set(error, [...(byError.get(error) ?? []), PROTOCOL_NAMES[protocol]]);
  return [...byError].map(([error, protocols]) => `${protocols.join(', ')}: ${error}`).join('; ');
}

export const NAT_WORDS: Readonly<Record<string, string>> = {
  unknown: 'not known: no two DHT nodes have answered',
  none: 'none',
  'endpoint-independent': 'one port for all destinations: hole punching works',
  dependent: 'a port per destination: reaches only those that can be reached',
};
