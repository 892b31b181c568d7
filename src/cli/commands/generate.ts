import { Command } from 'commander';
import { type Hooks, jsonFlag } from '../context.js';
import { print, printJson } from '../output.js';

export function generateCommand(hooks: Hooks): Command {
  return new Command('generate')
    .description('make a hash that nobody can guess')
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Examples:
  p2p generate
  hash=$(p2p generate) && p2p start -ip 10.10.10.1 -hash "$hash"`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const hash = await hooks.newHash();
      if (json) printJson({ hash });
      else print(hash);
    });
}
