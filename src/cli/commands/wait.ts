import { Command, Option } from 'commander';
import type { PeerInfo } from '../../rpc/network-info.js';
import { callDaemon, hashFlag, jsonFlag, need, seconds } from '../context.js';
import { Exit } from '../exit.js';
import { printJson } from '../output.js';
import { Progress } from '../progress.js';

/** One call waits this long at most, in ms; below the daemon's own limit. */
const SLICE_MS = 20_000;
/** Where somebody looks on, it's told anew this often, in ms. */
const SHOWN_SLICE_MS = 1_000;

interface Flags {
  readonly hash?: string;
  readonly check?: string;
  readonly timeout?: number;
  readonly json?: boolean;
}

export function waitCommand(): Command {
  return new Command('wait')
    .description('wait until a member is connected')
    .addOption(hashFlag('which network'))
    .addOption(new Option('--check <ip|name|id>', 'overlay address, name or peer id of the member'))
    .addOption(new Option('--timeout <seconds>', 'give up then, with exit code 12 (default: never)').argParser(seconds))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Exit codes: 0 connected, 12 not connected in time, 15 no such network.

Example:
  p2p wait -hash myhash -check 10.10.10.2 --timeout 30 && ssh 10.10.10.2`,
    )
    .action(async (flags: Flags, command: Command) => {
      const { hash, check, timeout } = need(command, flags, 'hash', 'check');
      const ends = performance.now() + (timeout ?? Number.POSITIVE_INFINITY) * 1000;
      const connected = await Progress.during(`waiting for ${check}`, (say) => wait(command, hash, check, ends, say));
      if (flags.json) printJson({ who: check, connected });
      if (!connected) throw new Exit('not-connected', `${check} is not connected`);
    });
}

/** Whether the member got connected before `ends` (by the monotonic clock, ms); `say` is told how it goes. */
async function wait(
  command: Command,
  hash: string,
  who: string,
  ends: number,
  say: (text: string) => void,
): Promise<boolean> {
  const slice = process.stderr.isTTY ? SHOWN_SLICE_MS : SLICE_MS;
  for (;;) {
    const ms = Math.max(0, Math.round(Math.min(slice, ends - performance.now())));
    const { connected } = await callDaemon(command, 'network.wait', { hash, who, ms });
    if (connected || performance.now() >= ends) return connected;
    say(await situation(command, hash, who));
  }
}

function isCalled({ id, name, hostName, addresses }: PeerInfo, who: string): boolean {
  const names = [id, name, hostName ?? '', ...addresses.map((address) => address.split('/')[0] ?? '')];
  return names.some((each) => each.toLowerCase() === who.toLowerCase());
}

/** How far it is, in a line. */
async function situation(command: Command, hash: string, who: string): Promise<string> {
  const { networks } = await callDaemon(command, 'daemon.status', { hash });
  const [network] = networks;
  if (network === undefined) return `waiting for ${who}`;
  const member = network.peers.find((peer) => isCalled(peer, who));
  const state = member === undefined ? 'no such member is known yet' : `${member.name} is ${member.state}`;
  const others = network.peers.filter((peer) => peer.state === 'connected').length;
  return `waiting for ${who}: ${state}; ${others} of ${network.peers.length} members connected; DHT: ${network.dht}`;
}
