import { Command, Option } from 'commander';
import type { Params } from '../../rpc/schema.js';
import { callDaemon, hashFlag, jsonFlag, list, need, wholeNumber } from '../context.js';
import { allAddresses } from '../format.js';
import { addKeyFlags, type KeyFlags, keysOf } from '../keys.js';
import { print, printJson, tell } from '../output.js';

interface Flags
  extends Omit<Partial<Params<'network.start'>>, 'no-lan' | 'no-ula' | 'mss-clamp' | 'dht' | 'keys' | 'accept-routes'>,
    KeyFlags {
  /** True: those that are private. */
  readonly acceptRoutes?: string | true;
  readonly lan: boolean;
  readonly ula: boolean;
  readonly mssClamp?: true;
  /** `--no-dht` makes it false. */
  readonly dht?: string | false;
  readonly json?: boolean;
}

export function startCommand(): Command {
  const command = new Command('start')
    .description('make this machine a member of a network; returns when its device is up and has an address')
    .addOption(hashFlag('secret name of the network: who knows it is a member'))
    .addOption(
      new Option(
        '--ip <address>',
        'own address there: A[/PREFIX] (/24, of IPv6 /64), or dhcp: one is chosen that nobody has (default); may be given several times',
      ).argParser(list),
    )
    .option('--no-ula', 'do without the IPv6 address that every member has by itself')
    .option(
      '--dev <name>',
      'name of the network device (default: the first free of p2p0, p2p1, …; on macOS feth10000, …, and only such names)',
    )
    .option('--mac <mac>', 'its MAC (default: made from this machine’s identity)')
    .option('--name <name>', 'what the others see this machine called (default: the host name)')
    .addOption(new Option('--port <n>', 'UDP port (default: a random one, kept)').argParser(wholeNumber))
    .addOption(new Option('--ports <min-max>', 'take a UDP port of these'))
    .addOption(
      new Option('--peer <peer>', 'where a member is: [ID@]HOST:PORT; may be given several times').argParser(list),
    );
  return addKeyFlags(command)
    .addOption(new Option('--mtu <bytes>', 'MTU of the device (default: 1360)').argParser(wholeNumber))
    .option('--mss-clamp', 'lower the MSS of TCP connections to what fits the path')
    .option('--bridge', 'the device is a port of a bridge: carry frames of the others there')
    .option('--no-lan', 'find no members on the LAN, and be found by none there')
    .option('--dht <nodes>', 'DHT to meet members in: HOST:PORT[,HOST:PORT…] (default: the daemon’s)')
    .option('--no-dht', 'meet members in no DHT')
    .addOption(
      new Option('--relay <relay>', 'relay to use: [ID@]HOST[:PORT], or members; may be given several times').argParser(
        list,
      ),
    )
    .option('--fwd', 'everything through relays: no LAN, no direct paths')
    .addOption(
      new Option(
        '--route <subnet>',
        'a subnet behind this machine, offered to the members; may be given several times',
      ).argParser(list),
    )
    .option('--accept-routes [subnets]', 'reach private subnets that members offer, or those in SUBNET[,SUBNET…]')
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
The network is kept: it comes back with the daemon until \`p2p stop\`.
The hash and the keys are secrets. Others can read them in the process list for a moment; P2P_HASH, P2P_KEY, -key - and -keyfile are safer.
-ip dhcp chooses an address in the subnet of the other members, or one that follows from the hash, and keeps it; should somebody turn out to have it
with more right, it moves to another. An address that you give never moves.
Several keys: -key A -ttl T1 -key B -ttl T2 -key C. Each is used until its time; without the last -ttl the last one stays for ever.

Examples:
  p2p start -ip 10.10.10.1 -hash myhash
  p2p start -hash myhash
  p2p start -ip dhcp -ip 2001:db8:10::1/64 -hash myhash
  p2p start -ip 10.10.10.2/16 -hash myhash -peer 192.0.2.7:4900 -name workshop
  p2p start -ip 10.10.10.4 -hash myhash -relay relay.example -fwd
  p2p start -ip 10.10.10.5 -hash myhash -dev mesh -bridge && ip link set mesh master br0
  p2p start -ip 10.10.10.5 -hash myhash -route 192.168.7.0/24     # others: -accept-routes
  P2P_HASH=myhash P2P_KEY=secret p2p start -ip 10.10.10.3`,
    )
    .action(async (flags: Flags, command: Command) => {
      const { lan, ula, dht, json, mssClamp, acceptRoutes, key, ttl, keyfile, ...given } = need(command, flags, 'hash');
      const keys = await keysOf({ key, ttl, keyfile });
      const where = dht === undefined ? {} : { dht: dht === false ? 'off' : dht };
      const without = { 'no-lan': !lan, 'no-ula': !ula };
      const params = { ...given, ...where, ...without, keys, 'mss-clamp': mssClamp, ...accepted(acceptRoutes) };
      const { network, warnings } = await callDaemon(command, 'network.start', params);
      for (const warning of warnings) tell(`p2p: warning: ${warning}`);
      if (json) printJson({ network, warnings });
      else print(`${network.device} is up: ${allAddresses(network).join(', ')}, UDP port ${network.port}`);
    });
}

function accepted(subnets: string | true | undefined): Pick<Params<'network.start'>, 'accept-routes'> {
  if (subnets === undefined) return {};
  return { 'accept-routes': subnets === true ? ['private'] : list(subnets, undefined) };
}
