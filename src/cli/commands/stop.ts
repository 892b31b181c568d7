import { Command } from 'commander';
import { callDaemon, hashFlag, need } from '../context.js';

export function stopCommand(): Command {
  return new Command('stop')
    .description('leave a network, and forget it')
    .addOption(hashFlag('which network'))
    .addHelpText(
      'after',
      `
Its device goes, and it won't come back when the daemon starts again.

Example:
  p2p stop -hash myhash`,
    )
    .action(async (flags: { hash?: string }, command: Command) => {
      const { hash } = need(command, flags, 'hash');
      await callDaemon(command, 'network.stop', { hash });
    });
}
