import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { printable } from '../../rpc/text.js';
import { callDaemon, hashFlag, jsonFlag, positive, seconds } from '../context.js';
import { Exit } from '../exit.js';
import { print, printJson } from '../output.js';
import { PingStory } from '../ping-story.js';

interface Flags {
  readonly hash?: string;
  readonly c?: number;
  readonly timeout: number;
  readonly json?: boolean;
}

/** From one ping to the next, in ms. */
const INTERVAL = 1_000;

export function pingCommand(): Command {
  return new Command('ping')
    .description('ping a member through the mesh, and say on which path')
    .argument('<ip|name|id>', 'overlay address, name (also NAME.p2p) or peer id of the member')
    .addOption(new Option('-c <count>', 'stop after so many (default: when interrupted)').argParser(positive))
    .addOption(new Option('--timeout <seconds>', 'wait so long for each answer').argParser(seconds).default(1))
    .addOption(hashFlag('in which network, if members of several are called so'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
It asks the member's daemon on the path that frames take, and says when that becomes another one. Not asked: whether the
member's system answers ping(8).

Exit codes: 0 answered at least once, 12 not connected or no answer, 15 no such network, 16 no such member.

Examples:
  p2p ping 10.10.10.2
  p2p ping ben -c 3
  p2p ping ben -c 1 --json`,
    )
    .action(async (who: string, { hash, c: count, timeout, json }: Flags, command: Command) => {
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      const story = new PingStory();
      const ms = Math.max(1, Math.round(timeout * 1000));
      for (let sent = 1; !interrupted.signal.aborted; sent++) {
        const began = performance.now();
        const lines = story.add(await callDaemon(command, 'member.ping', { who, hash, ms }));
        if (!json) for (const line of lines) print(printable(line));
        if (sent === count) break;
        const rest = INTERVAL - (performance.now() - began);
        await pause(Math.max(0, rest), undefined, { signal: interrupted.signal }).catch(() => undefined);
      }
      if (json) printJson({ who, ...story.data() });
      else for (const line of story.summary()) print(printable(line));
      const failure = story.failure();
      if (failure !== null) throw new Exit('not-connected', failure);
    });
}
