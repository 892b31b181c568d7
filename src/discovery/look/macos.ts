/** macOS: netstat(1), sysctl(8) and ifconfig(8). */
import { parseIp } from '../../core/ip.js';
import { FLAG, flagKey } from '../addresses.js';
import type { Found, FoundRoute, Look } from './found.js';

export const MACOS_LOOK: Look = {
  calls: [
    ['/usr/sbin/netstat', '-rn', '-f', 'inet'],
    ['/usr/sbin/netstat', '-rn', '-f', 'inet6'],
    ['/sbin/ifconfig', '-a', 'inet6'],
    ['/usr/sbin/sysctl', '-n', 'net.inet.ip.forwarding', 'net.inet6.ip6.forwarding'],
  ],
  parse: ([ipv4 = '', ipv6 = '', interfaces = '', forwarding = '']): Found => {
    const [forwards4, forwards6] = forwarding.trim().split('\n').map(isOn);
    return {
      routes: [...defaultRoutes(ipv4), ...defaultRoutes(ipv6)],
      flags: addressFlags(interfaces),
      forwards: { ipv4: forwards4 ?? null, ipv6: forwards6 ?? null },
    };
  },
};

/** Which columns there are depends on the version; the head of the table names them. Routes that hold for one interface only (flag I) come last. */
function defaultRoutes(table: string): FoundRoute[] {
  let columns: string[] = [];
  const found: (FoundRoute & { readonly isScoped: boolean })[] = [];
  for (const line of table.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (words.includes('Destination') && words.includes('Netif')) columns = words;
    if (words[0] !== 'default') continue;
    const flags = words[columns.indexOf('Flags')] ?? '';
    const device = words[columns.indexOf('Netif')] ?? '';
    const gateway = parseIp((words[columns.indexOf('Gateway')] ?? '').replace(/%.*/, ''));
    if (gateway === null || device === '' || !flags.includes('U') || !flags.includes('G')) continue;
    found.push({ gateway, device, isScoped: flags.includes('I') });
  }
  found.sort((a, b) => Number(a.isScoped) - Number(b.isScoped));
  return found.map(({ gateway, device }) => ({ gateway, device }));
}

const WORDS: ReadonlyMap<string, number> = new Map([
  ['temporary', FLAG.temporary],
  ['deprecated', FLAG.deprecated],
  ['tentative', FLAG.tentative],
  ['duplicated', FLAG.dadFailed],
]);

/** Lines such as `inet6 2001:db8::1 prefixlen 64 deprecated autoconf temporary`. */
function addressFlags(text: string): Map<string, number> {
  const flags = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [kind, address = '', ...words] = line.trim().split(/\s+/);
    const ip = kind === 'inet6' ? parseIp(address.replace(/%.*/, '')) : null;
    if (ip === null) continue;
    flags.set(
      flagKey(ip),
      words.reduce((all, word) => all | (WORDS.get(word) ?? 0), 0),
    );
  }
  return flags;
}

function isOn(text: string): boolean | null {
  if (!/^\d+$/.test(text.trim())) return null;
  return text.trim() !== '0';
}
