import { Command, Option } from 'commander';
import { callDaemon, hashFlag, need } from '../context.js';

export function setCommand(): Command {
  return new Command('set')
    .description('change a setting of the running daemon')
    .addOption(new Option('--log <level>', 'TRACE, DEBUG, INFO, WARNING or ERROR'))
    .addOption(hashFlag('only for this network'))
    .addHelpText(
      'after',
      `
Without -hash: for the daemon and all its networks. It lasts until the daemon ends.

Examples:
  p2p set -log DEBUG
  p2p set -log TRACE -hash myhash`,
    )
    .action(async (flags: { log?: string; hash?: string }, command: Command) => {
      const { log, hash } = need(command, flags, 'log');
      await callDaemon(command, 'log.set', { level: log, hash });
    });
}
