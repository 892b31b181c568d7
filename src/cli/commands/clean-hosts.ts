import { Command } from 'commander';
import { SYSTEM } from '../../system/this-system.js';
import { type Hooks, jsonFlag } from '../context.js';
import { printJson, tell } from '../output.js';

export function cleanHostsCommand(hooks: Hooks): Command {
  return new Command('clean-hosts')
    .description('remove the names that a killed daemon left in the hosts file')
    .argument('[file]', `the file (default: ${SYSTEM.hosts})`)
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
A daemon removes them itself when it ends, or else when it starts again. One that runs puts its own back within seconds.

Example:
  sudo p2p clean-hosts`,
    )
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const cleaned = await hooks.cleanHosts(file);
      if (json) printJson({ cleaned });
      else if (!cleaned) tell('Nothing was left there.');
    });
}
