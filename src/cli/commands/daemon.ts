import { Command } from 'commander';
import type { DaemonFlags, Hooks } from '../context.js';

interface Flags {
  readonly state?: string;
  readonly socket?: string;
  readonly config?: string;
  readonly log?: string;
  readonly lan: boolean;
}

export function daemonCommand(hooks: Hooks, ended: (code: number) => void): Command {
  return new Command('daemon')
    .description('run the daemon, which holds the networks of this machine')
    .option('--state <dir>', 'where networks are kept (default: /var/lib/p2p)')
    .option('--config <file>', 'configuration (default: /etc/p2p/config.yaml, if it exists)')
    .option('--no-lan', 'find no members on the LAN, and be found by none there')
    .option('--log <level>', 'TRACE, DEBUG, INFO, WARNING or ERROR (default: INFO)')
    .addHelpText(
      'after',
      `
It needs root or CAP_NET_ADMIN, stays in the foreground, logs to stderr, and ends on SIGTERM or Ctrl-C.
Networks that were started come back when it starts again.

Examples:
  sudo p2p daemon
  sudo p2p daemon --log DEBUG --state /srv/p2p --socket /run/other.sock`,
    )
    .action(async (_: unknown, command: Command) => {
      const { lan, ...flags } = command.optsWithGlobals<Flags>();
      const given: DaemonFlags = lan ? flags : { ...flags, noLan: true };
      ended(await hooks.runDaemon(given));
    });
}
