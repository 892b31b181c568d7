/** What the kernel tells of a process in /proc. */
import { readFileSync } from 'node:fs';

/** The fields of /proc/PID/status. */
export function processStatus(pid: number): Map<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
  return new Map(lines.map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]));
}

/** The arguments that everybody may read, or nothing if it has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Ids of a daemon's DHT processes; a killed one that nobody has waited for yet has no command line any more. */
export function dhtChildren(daemon: number): number[] {
  const children = readFileSync(`/proc/${daemon}/task/${daemon}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return children.filter((pid) => commandLine(pid).includes('discovery/dht/child.js'));
}

export function dhtChild(daemon: number): number {
  const [pid] = dhtChildren(daemon);
  if (pid === undefined) throw new Error('the daemon has no DHT process');
  return pid;
}
