import { Command, Option } from 'commander';
import type { DaemonFlags } from '../../core/daemon-flags.js';
import { SYSTEM } from '../../system/this-system.js';
import { type Hooks, list } from '../context.js';

interface Flags extends Omit<DaemonFlags, 'noLan' | 'noPortMapping' | 'dht'> {
  readonly lan: boolean;
  readonly portMapping: boolean;
  /** `--no-dht` makes it false. */
  readonly dht?: string | false;
}

export function daemonCommand(hooks: Hooks, ended: (code: number) => void): Command {
  return new Command('daemon')
    .description('run the daemon, which holds the networks of this machine')
    .option('--state <dir>', `where networks are kept (default: ${SYSTEM.state})`)
    .option('--config <file>', `configuration (default: ${SYSTEM.config}, if it exists)`)
    .option('--no-lan', 'find no members on the LAN, and be found by none there')
    .option('--no-port-mapping', "don't ask the router to let datagrams in")
    .option('--dht <nodes>', 'DHT to meet members in: HOST:PORT[,HOST:PORT…] (default: the public one)')
    .option('--no-dht', 'meet members in no DHT')
    .option('--dht-listen <address>', 'make this machine a DHT of its own: [HOST:]PORT and the three ports after it')
    .addOption(
      new Option(
        '--use-relay <relay>',
        'relay for all networks: [ID@]HOST[:PORT], or members: those that members offer; also -relay; several times',
      ).argParser(list),
    )
    .option('--relay [address]', 'make this machine a relay: [HOST:]PORT (UDP 4910)')
    .option('--relay-tls <port>', 'TCP port of the relay for TLS (443)')
    .option('--no-relay-tls', 'be a relay without TLS')
    .option('--relay-offer', 'tell the members of its networks that they may use this relay')
    .option('--proxy <url>', 'HTTP proxy for TLS to relays (default: https_proxy)')
    .option('--hosts [file]', `keep the names of members (NAME.p2p) in ${SYSTEM.hosts}, or in that file, while it runs`)
    .option('--log <level>', 'TRACE, DEBUG, INFO, WARNING or ERROR (default: INFO)')
    .option('--log-format <format>', 'text or json (default: text on a terminal, else json)')
    .option('--log-file <file>', 'log to this file instead of stderr')
    .addOption(new Option('--as-service', 'the service control manager of Windows has started it').hideHelp())
    .option('--syslog', 'log to syslog as well')
    .option('--metrics <address>', 'serve metrics for Prometheus at [HOST:]PORT (only to this machine, without a HOST)')
    .option('--profile <what>', 'cpu or memory: write where it goes to a file at the end and at each SIGUSR2')
    .option('--save <file>', 'keep all networks in this file too, and bring back those that only it has')
    .option('--profile-dir <dir>', 'where those files go (default: the state directory)')
    .addHelpText(
      'after',
      `
It needs root or CAP_NET_ADMIN, stays in the foreground, logs to stderr, and ends on SIGTERM or Ctrl-C.
Networks that were started come back when it starts again.

Examples:
  sudo p2p daemon
  sudo p2p daemon --dht-listen 192.0.2.1:49737        # a site without internet: others use -dht 192.0.2.1:49737
  sudo p2p daemon --hosts                             # ping ben.p2p
  sudo p2p daemon --relay                             # others use -relay THISHOST
  sudo p2p daemon --metrics 9469                      # curl http://localhost:9469/metrics
  sudo p2p daemon --profile cpu --profile-dir /tmp
  sudo p2p daemon --log DEBUG --state /srv/p2p --socket /run/other.sock`,
    )
    .action(async (_: unknown, command: Command) => {
      const { lan, portMapping, dht, ...flags } = command.optsWithGlobals<Flags>();
      const where = dht === undefined ? {} : { dht: dht === false ? 'off' : dht };
      const given: DaemonFlags = {
        ...flags,
        ...where,
        ...(lan ? {} : { noLan: true }),
        ...(portMapping ? {} : { noPortMapping: true }),
      };
      ended(await hooks.runDaemon(given));
    });
}
