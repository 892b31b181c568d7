import { Argument, Command } from 'commander';
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.js';
import { fitting } from '../completion/values.js';
import { wantedAt } from '../completion/wanted.js';
import { socketPath } from '../context.js';
import { print } from '../output.js';

export function completionCommand(): Command {
  return new Command('completion')
    .description('print what makes a shell complete commands, flags, hashes and members')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Hashes, members and devices come from the running daemon, for those who may use it: what p2p show prints as well.

Examples:
  eval "$(p2p completion bash)"                                       # in ~/.bashrc
  eval "$(p2p completion zsh)"                                        # in ~/.zshrc, after compinit
  p2p completion fish > ~/.config/fish/completions/p2p.fish
  p2p completion powershell | Out-String | Invoke-Expression          # in $PROFILE`,
    )
    .action((shell: Shell) => print(SCRIPTS[shell]));
}

/** What the scripts call. Whatever goes wrong, it says nothing. */
export function completeCommand(program: Command): Command {
  return new Command('__complete')
    .argument('[words...]', 'what stands behind p2p, up to the cursor')
    .helpOption(false)
    .action(async (words: readonly string[], _: unknown, command: Command) => {
      const wanted = wantedAt(words, program);
      if (wanted.source === 'files') return print(':files');
      for (const { value, text } of await fitting(wanted, wanted.socket ?? socketPath(command)))
        print(`${value}\t${text}`);
    });
}
