import { Command, Option } from 'commander';
import type { Params } from '../../rpc/schema.js';
import { callDaemon, hashFlag, need, seconds } from '../context.js';
import { Exit } from '../exit.js';

/** One call waits this long at most, in ms; below the daemon's own limit. */
const SLICE_MS = 20_000;

interface Flags {
  readonly hash?: string;
  readonly check?: string;
  readonly timeout?: number;
}

export function waitCommand(): Command {
  return new Command('wait')
    .description('wait until a member is connected')
    .addOption(hashFlag('which network'))
    .addOption(new Option('--check <ip|name|id>', 'overlay address, name or peer id of the member'))
    .addOption(new Option('--timeout <seconds>', 'give up then, with exit code 12 (default: never)').argParser(seconds))
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
      for (;;) {
        const ms = Math.max(0, Math.round(Math.min(SLICE_MS, ends - performance.now())));
        const params: Params<'network.wait'> = { hash, who: check, ms };
        const { connected } = await callDaemon(command, 'network.wait', params);
        if (connected) return;
        if (performance.now() >= ends) throw new Exit('not-connected', `${check} is not connected`);
      }
    });
}
