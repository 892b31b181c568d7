import { Command } from 'commander';
import { SYSTEM } from '../../system/this-system.js';
import { type Hooks, jsonFlag } from '../context.js';
import { print, printJson, tell } from '../output.js';

export function checkConfigCommand(hooks: Hooks): Command {
  return new Command('check-config')
    .description('look at a configuration file without starting anything')
    .argument('[file]', `the file (default: ${SYSTEM.config})`)
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Exit codes: 0 if a daemon would take it, 11 with what's wrong and in which line. What's obsolete in it is told and does no harm.

Examples:
  p2p check-config
  p2p check-config ./config.yaml && sudo systemctl restart p2p`,
    )
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const checked = await hooks.checkConfig(file);
      for (const warning of checked.warnings) tell(`p2p: warning: ${warning}`);
      if (json) printJson(checked);
      else print(`${checked.file} is right`);
    });
}
