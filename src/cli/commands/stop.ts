import { Command, Option } from 'commander';
import { callDaemon, hashFlag, jsonFlag } from '../context.js';
import { printJson } from '../output.js';

interface Flags {
  readonly hash?: string;
  readonly dev?: string;
  readonly all?: true;
  readonly json?: boolean;
}

export function stopCommand(): Command {
  return new Command('stop')
    .description('leave a network, and forget it')
    .addOption(hashFlag('the network with this hash'))
    .addOption(new Option('--dev <name>', 'the network on this device; the name is free again'))
    .addOption(new Option('--all', 'all networks'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Its device goes, and neither it nor the device's name come back when the daemon starts again.

Examples:
  p2p stop -hash myhash
  p2p stop -dev p2p0
  p2p stop --all`,
    )
    .action(async ({ hash, dev, all, json }: Flags, command: Command) => {
      if ([hash, dev, all].filter((given) => given !== undefined).length !== 1)
        command.error('error: one of --hash, --dev and --all must be given');
      const { stopped } = await callDaemon(command, 'network.stop', { hash, dev, all });
      if (json) printJson({ stopped });
    });
}
