import { Command, Option } from 'commander';
import { logText } from '../../rpc/log-line.js';
import { isLost } from '../../rpc/streams.js';
import { interruption, jsonFlag, listenToDaemon, wholeNumber } from '../context.js';
import { Exit } from '../exit.js';
import { print, printJsonLine, tell } from '../output.js';

interface Flags {
  readonly f?: boolean;
  readonly n: number;
  readonly json?: boolean;
}

export function logsCommand(): Command {
  return new Command('logs')
    .description("print the end of the daemon's log")
    .addOption(new Option('-f', 'go on: print what comes, until Ctrl-C'))
    .addOption(new Option('-n <lines>', 'how many of the last lines, up to 1000').argParser(wholeNumber).default(100))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
The daemon itself remembers its last lines, whoever else keeps them. How much it logs: p2p set -log LEVEL. Times are UTC.

Examples:
  p2p logs
  p2p logs -n 20
  p2p set -log DEBUG && p2p logs -f`,
    )
    .action(async ({ f, n, json }: Flags, command: Command) => {
      const interrupted = interruption();
      const lines = await listenToDaemon(command, 'log.subscribe', { lines: n, follow: f ?? false }, interrupted);
      for await (const line of lines) {
        if (isLost(line)) tell(`p2p: ${line.lost} lines were left out: what reads them is too slow`);
        else if (json) printJsonLine(line);
        else print(logText(line));
      }
      if (f && !interrupted.aborted) throw new Exit('not-running', 'the daemon has ended');
    });
}
