/** What people know from the original p2p and from other programs: answered with what to use here. */
import { nearest } from '../core/nearest.js';
import { Exit } from './exit.js';

const DHT = 'members meet in a DHT that needs no server: leave it out, or name its nodes with --dht HOST:PORT';

/** Flags that were, and what takes their place. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['--rpc-port', 'commands reach the daemon at a unix socket: use --socket PATH, or leave it out'],
  ['--srv', DHT],
  ['--target', DHT],
  ['--mtu', 'the MTU is a network’s own: use p2p start -mtu BYTES, or mtu: BYTES in the configuration'],
  ['--pmtu', 'the path MTU is always measured: leave it out'],
]);

/** Refuses a flag (in its two-dash form) of the original that this command doesn't have. */
export function refuseObsolete(flag: string, known: readonly string[]): void {
  const [name = ''] = flag.split('=');
  const instead = known.includes(name) ? undefined : FLAGS.get(name);
  if (instead !== undefined) throw new Exit('usage', `${name} is a flag of the original p2p: ${instead}`);
}

/** Refuses a command written as a flag, `p2p -set`; `known`: flags that may stand there. */
export function refuseDashedCommand(first: string, commands: readonly string[], known: readonly string[]): void {
  const name = /^--?([a-z][a-z-]+)$/.exec(first)?.[1];
  if (name === undefined || known.includes(`--${name}`)) return;
  const meant = commands.includes(name) ? name : nearest(name, commands);
  if (meant === null) return;
  throw new Exit('usage', `${first} is no flag, and commands have no dash; did you mean: p2p ${meant}`);
}
