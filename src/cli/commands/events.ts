import { Command } from 'commander';
import { isLost } from '../../rpc/streams.js';
import { printable } from '../../rpc/text.js';
import { hashFlag, interruption, jsonFlag, listenToDaemon } from '../context.js';
import { eventLine } from '../event-line.js';
import { Exit } from '../exit.js';
import { print, printJsonLine, tell } from '../output.js';

interface Flags {
  readonly hash?: string;
  readonly json?: boolean;
}

export function eventsCommand(): Command {
  return new Command('events')
    .description('print what happens, as it happens')
    .addOption(hashFlag('only in this network'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
A line each: a network is up, stopped or failed; a member is connected, disconnected or refused, or is reached another way; the
next key is in use; a relay is connected or lost; what's wrong has changed. With --json one object on a line.
It goes on until Ctrl-C, or until the daemon ends (exit code 3).

Examples:
  p2p events
  p2p events -hash myhash
  p2p events --json | jq -r 'select(.kind == "peer-connected") | .name'`,
    )
    .action(async ({ hash, json }: Flags, command: Command) => {
      const interrupted = interruption();
      const events = await listenToDaemon(command, 'events.subscribe', { hash }, interrupted);
      tell('p2p: listening; Ctrl-C ends it');
      for await (const event of events) {
        if (isLost(event)) tell(`p2p: ${event.lost} events were left out: what reads them is too slow`);
        else if (json) printJsonLine(event);
        else print(printable(eventLine(event)));
      }
      if (!interrupted.aborted) throw new Exit('not-running', 'the daemon has ended');
    });
}
