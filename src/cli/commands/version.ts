import { Command } from 'commander';
import { callDaemon, jsonFlag } from '../context.js';
import { print, printJson } from '../output.js';
import { ownVersion } from '../own-version.js';

export function versionCommand(): Command {
  return new Command('version')
    .description('print the version of this command, and of the daemon if it runs')
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Example:
  p2p version`,
    )
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const client = await ownVersion();
      const daemon = await callDaemon(command, 'daemon.version', {}, 2_000).then(
        (answer) => answer.version,
        () => null,
      );
      if (json) return printJson({ client, daemon });
      print(`p2p ${client}`);
      if (daemon !== null) print(`daemon ${daemon}`);
    });
}
