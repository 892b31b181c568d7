import { Command } from 'commander';
import { MAX_LOG_LINES } from '../../rpc/fields.js';
import { logWords } from '../../rpc/log-line.js';
import { isLost } from '../../rpc/streams.js';
import { SYSTEM } from '../../system/this-system.js';
import { callDaemon, jsonFlag, listenToDaemon } from '../context.js';
import { print, printJson } from '../output.js';
import { collect, writeArchive } from '../report.js';

interface Flags {
  readonly output?: string;
  readonly config: string;
  readonly json?: boolean;
}

export function bugreportCommand(): Command {
  return new Command('bugreport')
    .description('write an archive with what somebody needs who looks for a fault; holds no secret')
    .option('--output <file>', 'the archive (default: p2p-bugreport-TIME.tar.gz here)')
    .option('--config <file>', 'configuration whose keys are named in it', SYSTEM.config)
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
It asks nothing and sends nothing. In it: versions, debug, netcheck, this machine's addresses and routes, which keys the configuration has, and the
log as far as the daemon and systemd have it. Networks are called by their id; hashes, keys and passwords are left out. Addresses of this machine and of
members are in it. It works without a daemon as well. Look at it before you give it away: tar -tzf FILE.

Examples:
  p2p bugreport
  p2p bugreport --output report.tar.gz`,
    )
    .action(async ({ output, config, json }: Flags, command: Command) => {
      const log = () => daemonLog(command);
      const report = await collect((method) => callDaemon(command, method, {}), log, config);
      const file = output ?? `p2p-bugreport-${stamp(new Date())}.tar.gz`;
      const contents = await writeArchive(file, report);
      if (json) return printJson({ file, contents });
      print(`${file}:`);
      for (const { name, bytes, means } of contents)
        print(`  ${name.padEnd(14)}${`${bytes}`.padStart(9)} bytes  ${means}`);
    });
}

/** The lines that the daemon remembers. */
async function daemonLog(command: Command): Promise<string> {
  const params = { lines: MAX_LOG_LINES, follow: false };
  const lines: string[] = [];
  for await (const line of await listenToDaemon(command, 'log.subscribe', params, new AbortController().signal))
    if (!isLost(line)) lines.push(`${line.time} ${logWords(line)}`);
  return lines.join('\n');
}

/** `20261121-080000`, UTC. */
function stamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
}
