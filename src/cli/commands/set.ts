import { Command, Option } from 'commander';
import { callDaemon, hashFlag } from '../context.js';

interface Flags {
  readonly log?: string;
  readonly tapOffload?: Switch;
  readonly udpGso?: Switch;
  readonly udpGro?: Switch;
  readonly hash?: string;
}

type Switch = 'on' | 'off';

export function setCommand(): Command {
  return new Command('set')
    .description('change a setting of the running daemon')
    .addOption(new Option('--log <level>', 'TRACE, DEBUG, INFO, WARNING or ERROR'))
    .addOption(onOff('--tap-offload', 'checksum and segmentation offload of the devices'))
    .addOption(onOff('--udp-gso', 'many datagrams to the system at once (UDP_SEGMENT)'))
    .addOption(onOff('--udp-gro', 'many datagrams from the system at once (UDP_GRO)'))
    .addOption(hashFlag('only for this network'))
    .addHelpText(
      'after',
      `
Without -hash: for the daemon and all its networks. It lasts until the daemon ends.

Examples:
  p2p set -log DEBUG
  p2p set -log TRACE -hash myhash
  p2p set -udp-gso off`,
    )
    .action(set);
}

function onOff(flag: string, description: string): Option {
  return new Option(`${flag} <on|off>`, description).choices(['on', 'off']);
}

async function set({ log, tapOffload, udpGso, udpGro, hash }: Flags, command: Command): Promise<void> {
  const given = { 'tap-offload': tapOffload, 'udp-gso': udpGso, 'udp-gro': udpGro };
  const help = Object.entries(given).filter(([, value]) => value !== undefined);
  if (log === undefined && help.length === 0)
    command.error('error: --log, --tap-offload, --udp-gso or --udp-gro must be given');
  if (log !== undefined) await callDaemon(command, 'log.set', { level: log, hash });
  if (help.length === 0) return;
  const switches = Object.fromEntries(help.map(([name, value]) => [name, value === 'on']));
  await callDaemon(command, 'device.set', { hash, ...switches });
}
