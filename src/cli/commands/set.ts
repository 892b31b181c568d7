import { Command, Option } from 'commander';
import { callDaemon, hashFlag, jsonFlag, list, need, wholeNumber } from '../context.js';
import { allAddresses } from '../format.js';
import { addKeyFlags, type KeyFlags, keysOf } from '../keys.js';
import { printJson, tell } from '../output.js';

interface Flags extends KeyFlags {
  readonly ip?: readonly string[];
  readonly log?: string;
  readonly tapOffload?: Switch;
  readonly udpGso?: Switch;
  readonly udpGro?: Switch;
  readonly fwd?: Switch;
  readonly name?: string;
  readonly mtu?: number;
  readonly route?: readonly string[];
  readonly acceptRoutes?: string;
  readonly forgetRelay?: string;
  readonly hash?: string;
  readonly json?: boolean;
}

type Switch = 'on' | 'off';

export function setCommand(): Command {
  const command = new Command('set')
    .description('change a setting of the running daemon')
    .addOption(
      new Option(
        '--ip <address>',
        'own address there in place of those that it has, or dhcp; may be given several times; kept',
      ).argParser(list),
    )
    .addOption(new Option('--log <level>', 'TRACE, DEBUG, INFO, WARNING or ERROR'))
    .addOption(onOff('--tap-offload', 'checksum and segmentation offload of the devices'))
    .addOption(onOff('--udp-gso', 'many datagrams to the system at once (UDP_SEGMENT)'))
    .addOption(onOff('--udp-gro', 'many datagrams from the system at once (UDP_GRO)'))
    .addOption(onOff('--fwd', 'everything through relays: no LAN, no direct paths; this is kept'))
    .addOption(new Option('--name <name>', 'what the others see this machine called; this is kept'))
    .addOption(new Option('--mtu <bytes>', 'MTU of the device; this is kept').argParser(wholeNumber))
    .addOption(
      new Option(
        '--route <subnet>',
        'subnets behind this machine, in place of those before; none: no more; this is kept',
      ).argParser(list),
    )
    .addOption(
      new Option(
        '--accept-routes <subnets>',
        'where routes of members are accepted: SUBNET[,SUBNET…], private or off; this is kept',
      ),
    )
    .addOption(new Option('--forget-relay <relay>', 'forget the key pinned for HOST[:PORT]: its next one is pinned'));
  return addKeyFlags(command)
    .addOption(hashFlag('only for this network; needed with keys and -ip'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Without -hash: for the daemon and all its networks. All but -ip, -fwd, -name, -mtu, -route, -accept-routes, -forget-relay and keys lasts until the daemon ends.
Keys are appended to the network's queue and kept. Each is used until its -ttl, then all members move on to the next; give it to all of them in time.

Examples:
  p2p set -ip 10.10.10.7 -hash myhash
  p2p set -ip dhcp -hash myhash
  p2p set -log DEBUG
  p2p set -log TRACE -hash myhash
  p2p set -udp-gso off
  p2p generate | p2p set -hash myhash -key - -ttl $(date -d '1 month' +%s)
  p2p set -hash myhash -keyfile keys.yaml
  p2p set -fwd on -hash myhash
  p2p set -accept-routes private -hash myhash
  p2p set -name workshop -mtu 1280 -hash myhash`,
    )
    .action(async (flags: Flags, command: Command) => {
      const warnings = await set(flags, command);
      for (const warning of warnings) tell(`p2p: warning: ${warning}`);
      if (flags.json) printJson({ warnings });
    });
}

function onOff(flag: string, description: string): Option {
  return new Option(`${flag} <on|off>`, description).choices(['on', 'off']);
}

/** Does what the flags say; what there is to warn of. */
async function set(flags: Flags, command: Command): Promise<string[]> {
  const { ip, log, tapOffload, udpGso, udpGro, fwd, name, mtu, route, acceptRoutes, forgetRelay, hash } = flags;
  const keys = await keysOf(flags);
  const given = { 'tap-offload': tapOffload, 'udp-gso': udpGso, 'udp-gro': udpGro };
  const help = Object.entries(given).filter(([, value]) => value !== undefined);
  const ofNetwork = defined({
    ...{ name, mtu, fwd: fwd === undefined ? undefined : fwd === 'on' },
    route: unless('none', route),
    'accept-routes': acceptRoutes === undefined ? undefined : unless('off', list(acceptRoutes, undefined)),
  });
  const isNothing = [ip, log, forgetRelay, ...Object.values(ofNetwork), ...help, ...keys].every(
    (value) => value === undefined,
  );
  if (isNothing)
    command.error(
      'error: --ip, --log, --fwd, --name, --mtu, --route, --accept-routes, --forget-relay, --key, --keyfile, --tap-offload, --udp-gso or --udp-gro must be given',
    );
  const warnings: string[] = [];
  if (ip !== undefined) {
    const params = { ...need(command, { hash }, 'hash'), ip: [...ip] };
    const changed = await callDaemon(command, 'network.set-addresses', params);
    warnings.push(...changed.warnings);
    tell(`${changed.network.device}: ${allAddresses(changed.network).join(', ')}`);
  }
  if (keys.length > 0) {
    const added = await callDaemon(command, 'network.add-keys', { ...need(command, { hash }, 'hash'), keys });
    warnings.push(...added.warnings);
  }
  if (log !== undefined) await callDaemon(command, 'log.set', { level: log, hash });
  if (Object.keys(ofNetwork).length > 0) await callDaemon(command, 'network.set', { ...ofNetwork, hash });
  if (forgetRelay !== undefined) await forget(command, forgetRelay);
  if (help.length === 0) return warnings;
  const switches = Object.fromEntries(help.map(([name, value]) => [name, value === 'on']));
  await callDaemon(command, 'device.set', { hash, ...switches });
  return warnings;
}

/** `nothing` by itself stands for an empty list. */
function unless(nothing: string, values: readonly string[] | undefined): string[] | undefined {
  return values?.length === 1 && values[0] === nothing ? [] : values?.slice();
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

async function forget(command: Command, relay: string): Promise<void> {
  const { forgotten } = await callDaemon(command, 'relay.forget', { relay });
  if (!forgotten) tell(`p2p: no key was pinned for ${relay}`);
}
