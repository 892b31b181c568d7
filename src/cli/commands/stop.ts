import { Command } from 'commander';
import { callDaemon, hashFlag, jsonFlag, need } from '../context.js';
import { printJson } from '../output.js';

export function stopCommand(): Command {
  return new Command('stop')
    .description('leave a network, and forget it')
    .addOption(hashFlag('which network'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Its device goes, and it won't come back when the daemon starts again.

Example:
  p2p stop -hash myhash`,
    )
    .action(async (flags: { hash?: string; json?: boolean }, command: Command) => {
      const { hash } = need(command, flags, 'hash');
      await callDaemon(command, 'network.stop', { hash });
      if (flags.json) printJson({ stopped: [hash] });
    });
}
