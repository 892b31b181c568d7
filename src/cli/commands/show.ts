import { Command, Option } from 'commander';
import { moment } from '../../core/moment.js';
import type { NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import type { KeyInfo } from '../../rpc/schema.js';
import { callDaemon, hashFlag, jsonFlag, need } from '../context.js';
import { Exit } from '../exit.js';
import { allAddresses, bareAddresses, field, milliseconds, NOTHING, table } from '../format.js';
import { jsonLine, print, printJson, tell } from '../output.js';
import { watch, watchFlag } from '../watch.js';

interface Flags {
  readonly hash?: string;
  readonly check?: string;
  readonly relays?: boolean;
  readonly keys?: boolean;
  readonly routes?: boolean;
  readonly interfaces?: boolean;
  readonly all?: boolean;
  readonly bind?: boolean;
  readonly mtu?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export function showCommand(): Command {
  return new Command('show')
    .description('show the networks, or the members of one')
    .addOption(hashFlag('show the members of this network'))
    .addOption(new Option('--check <ip|name|id>', 'only say by the exit code whether that member is connected'))
    .addOption(new Option('--relays', 'show the relays'))
    .addOption(new Option('--routes', 'show the subnets behind this machine and behind members'))
    .addOption(new Option('--keys', 'show the key queue of the network: fingerprints and times, never a key'))
    .addOption(new Option('--interfaces', 'show the devices of the networks that are up, a line each'))
    .addOption(new Option('--all', 'with -interfaces: also of those that are kept and not up'))
    .addOption(new Option('--bind', 'with -interfaces: lines of HASH|DEVICE'))
    .addOption(new Option('--mtu', 'show the MTU of each device; with -hash the number alone'))
    .addOption(watchFlag())
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Exit codes of -check: 0 connected, 12 not connected, 15 no such network. One's own address counts as connected.

Examples:
  p2p show
  p2p show -hash myhash
  p2p show -relays
  p2p show -hash myhash -keys
  p2p show -routes
  p2p show -interfaces -bind
  p2p show -mtu
  p2p show -hash myhash --watch
  p2p show -check 10.10.10.1 && echo there
  p2p show -check ben.p2p && echo there`,
    )
    .action(async (flags: Flags, command: Command) => {
      const { hash, check, keys, json } = flags;
      if ((flags.all || flags.bind) && !flags.interfaces) command.error('error: --all and --bind need --interfaces');
      if (keys) return showKeys(command, need(command, flags, 'hash').hash, json);
      if (check !== undefined) return checkMember(command, check, hash, json);
      if (flags.watch) return watch(title(flags), () => picture(flags, command));
      const { networks } = await callDaemon(command, 'daemon.status', { hash });
      const [network] = networks;
      if (hash !== undefined && network === undefined) throw new Exit('no-such-network', 'no network has this hash');
      if (json) return printJson({ networks });
      const text = textOf(networks, flags);
      if (text !== '') print(text);
      else if (network === undefined) tell(NO_NETWORKS);
    });
}

const NO_NETWORKS = 'No networks. Start one: p2p start -ip 10.10.10.1 -hash HASH';

function title({ hash, relays, routes, mtu, interfaces }: Flags): string {
  const what = relays ? ' -relays' : routes ? ' -routes' : interfaces ? ' -interfaces' : mtu ? ' -mtu' : '';
  return `p2p show${hash === undefined ? '' : ' -hash …'}${what}`;
}

async function picture(flags: Flags, command: Command): Promise<string> {
  const { networks } = await callDaemon(command, 'daemon.status', { hash: flags.hash });
  if (flags.json) return jsonLine({ networks });
  return textOf(networks, flags) || NO_NETWORKS;
}

function textOf(networks: readonly NetworkInfo[], { hash, relays, routes, interfaces, all, bind, mtu }: Flags): string {
  const [network] = networks;
  if (network === undefined) return '';
  if (relays) return relayTable(networks);
  if (routes) return routeTable(networks);
  if (interfaces) return interfaceLines(networks, all === true, bind === true).join('\n');
  if (mtu) return hash === undefined ? mtuTable(networks) : String(network.mtu);
  return hash === undefined ? networkTable(networks) : memberTable(network);
}

/** As the original printed them, for scripts. */
export function interfaceLines(networks: readonly NetworkInfo[], all: boolean, bind: boolean): string[] {
  const there = networks.filter(({ state }) => all || state !== 'failed');
  return there.map(({ hash, device }) => (bind ? `${field(hash)}|${device}` : device));
}

function mtuTable(networks: readonly NetworkInfo[]): string {
  return table(
    ['DEVICE', 'MTU', 'HASH'],
    networks.map(({ device, mtu, hash }) => [device, String(mtu), hash]),
  );
}

async function checkMember(command: Command, who: string, hash: string | undefined, json: boolean | undefined) {
  const { connected } = await callDaemon(command, 'network.check', { who, hash });
  if (json) printJson({ who, connected });
  if (!connected) throw new Exit('not-connected', `${who} is not connected`);
}

async function showKeys(command: Command, hash: string, json: boolean | undefined): Promise<void> {
  const { keys } = await callDaemon(command, 'network.keys', { hash });
  if (json) printJson({ keys });
  else if (keys.length === 0) tell('No keys: the hash alone makes a member.');
  else print(keyTable(keys));
}

function keyTable(keys: readonly KeyInfo[]): string {
  const rows = keys.map(({ fingerprint, until, state }) => [
    fingerprint,
    until === null ? 'for ever' : moment(until * 1000),
    state === 'in-use' ? 'in use' : state,
  ]);
  return table(['KEY', 'UNTIL', 'STATE'], rows);
}

export function networkTable(networks: readonly NetworkInfo[]): string {
  const rows = networks.map((network) => [
    network.device,
    network.seeking && network.addresses.length === 0 ? 'looking for one' : network.addresses.join(','),
    network.mac,
    network.hash,
    stateOf(network),
  ]);
  return table(['DEVICE', 'IP', 'MAC', 'HASH', 'STATE'], rows);
}

/** The relays of each network: whose key, how reached, who else is there. */
function relayTable(networks: readonly NetworkInfo[]): string {
  const rows = networks.flatMap(({ device, relays }) =>
    relays.map((relay) => [
      device,
      relay.name,
      relay.id ?? NOTHING,
      relay.transport ?? NOTHING,
      relay.lastError === null ? relay.state : `${relay.state}: ${relay.lastError}`,
      milliseconds(relay.rttMs),
      String(relay.others),
      relay.pinned === null ? NOTHING : new Date(relay.pinned * 1000).toISOString().slice(0, 10),
      relay.offeredBy === null ? NOTHING : `offered by ${relay.offeredBy}`,
    ]),
  );
  return table(['DEVICE', 'RELAY', 'ID', 'BY', 'STATE', 'RTT', 'MEMBERS', 'PINNED', 'FROM'], rows);
}

/** The subnets that are offered: by this machine, and by members, with what came of them. */
export function routeTable(networks: readonly NetworkInfo[]): string {
  const rows = networks.flatMap(({ device, name, routes, memberRoutes }) => [
    ...routes.map((subnet) => [device, subnet, name, NOTHING, 'offered by this machine']),
    ...memberRoutes.map(({ subnet, name, id, gateway, state, why }) => [
      device,
      subnet,
      `${name} (${id})`,
      gateway ?? NOTHING,
      why === null ? state : `${state}: ${why}`,
    ]),
  ]);
  return table(['DEVICE', 'SUBNET', 'BEHIND', 'GATEWAY', 'STATE'], rows);
}

function stateOf({ state, peers, error, mssClamp, bridge }: NetworkInfo): string {
  if (state === 'failed') return `failed: ${error ?? ''}`;
  if (state === 'key-expired') return 'stopped: its last key has ended';
  const connected = peers.filter((peer) => peer.state === 'connected').length;
  return `${connected} of ${peers.length} members connected${mssClamp ? ', MSS clamped' : ''}${bridge ? ', bridge' : ''}`;
}

function memberState({ state, lastError, bridge }: PeerInfo): string {
  const words = bridge ? `${state}, bridge` : state;
  return state === 'connected' || lastError === null ? words : `${words}: ${lastError}`;
}

/** The members, and then each `-peer` at which none was found yet. */
export function memberTable({ peers, unanswered }: NetworkInfo): string {
  const rows = peers.map((peer) => [
    peer.id,
    peer.name,
    bareAddresses(allAddresses(peer)),
    peer.endpoint ?? NOTHING,
    peer.mac,
    peer.path,
    milliseconds(peer.rttMs),
    peer.pathMtu === null ? NOTHING : String(peer.pathMtu),
    memberState(peer),
  ]);
  const missing = unanswered.map(({ name, lastError }) => [
    NOTHING,
    NOTHING,
    NOTHING,
    name,
    NOTHING,
    'none',
    NOTHING,
    NOTHING,
    lastError === null ? 'unanswered' : `unanswered: ${lastError}`,
  ]);
  return table(['ID', 'NAME', 'IP', 'ENDPOINT', 'MAC', 'PATH', 'RTT', 'MTU', 'STATE'], [...rows, ...missing]);
}
