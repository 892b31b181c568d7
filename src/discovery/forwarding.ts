/** Whether this machine forwards packets of others (proc(5): /proc/sys/net). */
import { readFileSync } from 'node:fs';

const SETTING = {
  ipv4: '/proc/sys/net/ipv4/ip_forward',
  ipv6: '/proc/sys/net/ipv6/conf/all/forwarding',
} as const;

/** Null where the system doesn't say. */
export function forwards(family: 'ipv4' | 'ipv6'): boolean | null {
  try {
    return readFileSync(SETTING[family], 'latin1').trim() !== '0';
  } catch {
    return null;
  }
}
