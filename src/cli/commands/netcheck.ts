import { Command } from 'commander';
import type { Netcheck, NetcheckNetwork } from '../../rpc/netcheck.js';
import { printable } from '../../rpc/text.js';
import { callDaemon, jsonFlag } from '../context.js';
import { print, printJson } from '../output.js';
import { NAT_WORDS, portMappingWords } from '../reachability.js';

export function netcheckCommand(): Command {
  return new Command('netcheck')
    .description('tell whether others can connect directly to this machine, and what to do if not')
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
It asks nobody anything new: it tells what the networks of this machine have found out. Networks are called by their
id, so that this can be shown to others.

Examples:
  p2p netcheck
  p2p netcheck --json`,
    )
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const netcheck = await callDaemon(command, 'daemon.netcheck', {});
      const { version, ...rest } = netcheck;
      if (json) return printJson({ daemon: version, ...rest });
      print(netcheckText(netcheck));
    });
}

function netcheckText(netcheck: Netcheck): string {
  const networks = netcheck.networks.map((network) => networkPart(network, netcheck.portMapping));
  return [machinePart(netcheck), ...(networks.length === 0 ? [NO_NETWORK] : networks)].join('\n\n');
}

const NO_NETWORK = `No network runs here, and it's their ports that are looked at. Start one, and look again:
  p2p start -ip 10.10.10.1 -hash "$(p2p generate)"`;

function machinePart({ addresses, routes, dht }: Netcheck): string {
  return part('this machine', [
    ['IPv4', familyWords(addresses, routes.ipv4, false)],
    ['IPv6', familyWords(addresses, routes.ipv6, true)],
    ['DHT process', dht],
  ]);
}

const SCOPES: Readonly<Record<Netcheck['addresses'][number]['scope'], string>> = {
  global: '',
  private: ', private',
  link: ', for its link only',
};

function familyWords(all: Netcheck['addresses'], route: Netcheck['routes']['ipv4'], isIpv6: boolean): string {
  const own = all.filter(({ ip }) => ip.includes(':') === isIpv6);
  if (own.length === 0) return 'no address';
  const addresses = own.map(({ ip, device, scope }) => `${ip} (${device}${SCOPES[scope]})`).join(', ');
  return `${addresses}; ${route === null ? 'no default route' : `default route by ${route.gateway}`}`;
}

const UDP_WORDS: Readonly<Record<NetcheckNetwork['udp'], string>> = {
  works: 'gets out, and answers come in',
  'no-answer': 'no answer from outside: blocked, or this machine is offline',
  unknown: 'not known: nobody outside was heard yet',
};

function networkPart(network: NetcheckNetwork, portMapping: boolean): string {
  const { id, device, state, port, lan, udp, nat, outside, connected, members } = network;
  const mapping = portMapping ? portMappingWords(network.portMapping) : 'switched off (--no-port-mapping)';
  const facts = part(`network ${id}`, [
    ['device', `${device}, UDP port ${port}, ${state}`],
    [
      'members',
      `${members} known; connected: ${connected.lan} on the LAN, ${connected.direct} direct, ${connected.relay} by relay`,
    ],
    ['LAN discovery', lan],
    ['DHT', dhtWords(network)],
    ['UDP', UDP_WORDS[udp]],
    ['NAT', NAT_WORDS[nat] ?? nat],
    ['seen at', outside.seen.join(' ') || 'not known'],
    ['port mapping', mapping],
  ]);
  return `${facts}\n\n${conclusion(network)
    .map((line) => `  ${printable(line)}`)
    .join('\n')}`;
}

function dhtWords({ dht, outside }: NetcheckNetwork): string {
  if (dht.where === 'off') return 'off';
  const which = dht.where === 'public' ? 'public' : `nodes of your own, ${dht.where}`;
  return `${which}: ${dht.state}; ${outside.answered} of ${outside.asked} asked nodes say where they see us`;
}

/** What it comes to, and what to do. */
export function conclusion(network: NetcheckNetwork): string[] {
  return [...reachWords(network), ...openWords(network)];
}

function reachWords({ reach, portMapping, port, dht }: NetcheckNetwork): string[] {
  switch (reach) {
    case 'mapped':
      return [`Direct connections work from anywhere: the router lets them in at ${portMapping.external}.`];
    case 'public':
      return [
        'Direct connections work from anywhere: no NAT is before this machine.',
        `If a firewall is, let UDP port ${port} in.`,
      ];
    case 'most':
      return [
        'Direct connections work with most: with all but members behind a NAT that takes a port per destination.',
      ];
    case 'reachable':
      return ['Direct connections work only with members that can be reached: open ones, or with a port mapping.'];
    case 'no-route':
      return ['This machine has no way out: only members on its LAN are found.'];
    case 'no-udp':
      return [
        `Nothing outside answers: only members on the LAN are found. Does this machine have internet? Then a firewall`,
        `is in the way: let UDP out from port ${port}, and its answers in.`,
      ];
    case 'not-running':
      return ["This network isn't running; `p2p status` says why."];
    case 'unknown':
      return dht.where === 'off'
        ? [
            "Not known: with the DHT off there's nobody to ask. Members are found on the LAN, by -peer, and through each other.",
          ]
        : ['Not known yet: too few DHT nodes have answered. Look again in a few seconds.'];
  }
}

function openWords({ open, reach, portMapping }: NetcheckNetwork): string[] {
  if (open !== null)
    return [
      `To let in everybody: open UDP port ${open.port} on your router, ${open.router}, towards this machine, ${open.to}.`,
    ];
  const isBehindTwo = portMapping.attempts.some(({ reason }) => reason === 'private');
  const helps = reach === 'most' || reach === 'reachable';
  return helps && isBehindTwo
    ? ["The router is behind another NAT, often the provider's: opening a port on it alone lets nobody in."]
    : [];
}

function part(title: string, lines: readonly (readonly [string, string])[]): string {
  return [title, ...lines.map(([name, value]) => `  ${`${name}:`.padEnd(15)}${printable(value)}`)].join('\n');
}
