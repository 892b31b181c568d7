import { Command, Option } from 'commander';
import type { NetworkInfo } from '../../rpc/network-info.js';
import type { RelayInfo } from '../../rpc/relay-info.js';
import type { Result } from '../../rpc/schema.js';
import { printable } from '../../rpc/text.js';
import { callDaemon, hashFlag, jsonFlag } from '../context.js';
import { Exit } from '../exit.js';
import { bareAddresses, field, milliseconds, NOTHING } from '../format.js';
import { jsonLine, print, printJson, tell } from '../output.js';
import { portMappingWords } from '../reachability.js';
import { watch, watchFlag } from '../watch.js';

interface Flags {
  readonly hash?: string;
  readonly check?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export function statusCommand(): Command {
  return new Command('status')
    .description('print the state of networks and members for programs')
    .addOption(hashFlag('only this network'))
    .addOption(new Option('--check', 'exit with 9 if something is unhealthy'))
    .addOption(watchFlag())
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
A line per network and below it a line per member:
  HASH|IP
  ID|IP|State:STATE|PATH|ENDPOINT|RTT|IN/OUT|LAST ERROR
STATE: connected, connecting, unreachable, refused; PATH: lan, direct, relay, none; IN/OUT in bytes; - for nothing.
A -peer that didn't answer yet has the ID - and State:unanswered. What is wrong goes to stderr.

Examples:
  p2p status
  p2p status -hash myhash | grep -c 'State:connected'
  p2p status --check || echo something is wrong`,
    )
    .action(async ({ hash, check, json, watch: isWatched }: Flags, command: Command) => {
      if (isWatched && check) command.error('error: expected either --watch or --check, got both');
      if (isWatched) return watch('p2p status', () => picture(command, hash, json === true));
      const status = await callDaemon(command, 'daemon.status', { hash });
      if (json) printJson(jsonOf(status));
      else for (const line of status.networks.flatMap(statusLines)) print(line);
      if (hash !== undefined && status.networks.length === 0) noSuchNetwork(check);
      const problems = [...status.problems, ...status.networks.flatMap(networkProblems)];
      if (!json) for (const line of [...status.networks.map(discoveryLine), ...relayLines(status.relay)]) tell(line);
      for (const problem of problems) tell(`p2p: ${printable(problem)}`);
      if (!check) return;
      const unhealthy = [...problems, ...status.networks.flatMap(memberProblems)];
      for (const problem of unhealthy.slice(problems.length)) tell(`p2p: ${printable(problem)}`);
      if (unhealthy.length > 0) throw new Exit('unhealthy', `${unhealthy.length} unhealthy`);
    });
}

/** What --watch shows: the same, with what goes to stderr else. */
async function picture(command: Command, hash: string | undefined, json: boolean): Promise<string> {
  const status = await callDaemon(command, 'daemon.status', { hash });
  if (json) return jsonLine(jsonOf(status));
  const words = [...status.problems, ...status.networks.flatMap(networkProblems)].map(
    (text) => `p2p: ${printable(text)}`,
  );
  const about = [...status.networks.map(discoveryLine), ...relayLines(status.relay), ...words];
  return [...status.networks.flatMap(statusLines), '', ...about].join('\n').trim();
}

/** Without --check the daemon's answer is all that counts: exit 0. */
function noSuchNetwork(check: boolean | undefined): void {
  if (check) throw new Exit('no-such-network', 'no network has this hash');
  tell('p2p: no network has this hash');
}

function jsonOf({ version, ...rest }: Result<'daemon.status'>): object {
  return { daemon: version, ...rest };
}

/** The lines of one network: docs/guide.md is their definition. */
export function statusLines({ hash, addresses, peers, unanswered }: NetworkInfo): string[] {
  const members = peers.map((peer) =>
    [
      peer.id,
      bareAddresses(peer.addresses),
      `State:${peer.state}`,
      peer.path,
      peer.endpoint ?? NOTHING,
      milliseconds(peer.rttMs),
      `${peer.bytesIn}/${peer.bytesOut}`,
      field(peer.lastError ?? ''),
    ].join('|'),
  );
  const missing = unanswered.map(({ name, lastError }) =>
    [NOTHING, NOTHING, 'State:unanswered', 'none', field(name), NOTHING, '0/0', field(lastError ?? '')].join('|'),
  );
  return [`${field(hash)}|${bareAddresses(addresses)}`, ...members, ...missing];
}

/** How members are found, and which subnets lead where, in words: for the person who looks, not for the program that reads the lines. */
export function discoveryLine(network: NetworkInfo): string {
  const { hash, lan, dht, portMapping, relays, forwardOnly } = network;
  const through = relays.map(
    ({ name, state, transport }) => `${name} ${state}${transport === null ? '' : ` (${transport})`}`,
  );
  const relay = through.length === 0 ? '' : `; relay: ${forwardOnly ? 'for everything: ' : ''}${through.join(', ')}`;
  return `p2p: ${printable(hash)}: LAN: ${lan}; DHT: ${dht}; port mapping: ${portMappingWords(portMapping)}${relay}${addressWords(network)}${subnets(network)}`;
}

function addressWords({ ula, seeking }: NetworkInfo): string {
  return `${seeking ? '; looking for an address' : ''}${ula === null ? '' : `; IPv6 of its own: ${ula}`}`;
}

function subnets({ routes, memberRoutes }: NetworkInfo): string {
  const reached = memberRoutes.filter(({ state }) => state === 'installed');
  const words = [
    ...routes.map((subnet) => `${subnet} behind this machine`),
    ...reached.map(({ subnet, name }) => `${subnet} behind ${printable(name)}`),
  ];
  return words.length === 0 ? '' : `; subnets: ${words.join(', ')}`;
}

/** What this machine does as a relay. */
function relayLines(relay: RelayInfo | null): string[] {
  if (relay === null) return [];
  const { clients, bytesPerSecond, bytesForwarded, drops, error } = relay;
  if (error !== null) return [`p2p: relay here: gone: ${error}`];
  const dropped = Object.values(drops).reduce((sum, times) => sum + times, 0);
  const state = `${clients.length} clients, ${bytesPerSecond} B/s, ${bytesForwarded} bytes forwarded, ${dropped} datagrams dropped`;
  return [`p2p: relay here: ${state}; id ${relay.id}`];
}

/** What's wrong with a network itself. */
export function networkProblems({ hash, state, error, retryMs, problems }: NetworkInfo): string[] {
  const retry = retryMs === null ? '' : `; next attempt in ${Math.ceil(retryMs / 1000)} s`;
  if (state === 'failed') return [`${hash}: not running: ${error ?? 'unknown reason'}${retry}`];
  if (state === 'key-expired')
    return [`${hash}: stopped: its last key has ended`, ...problems.map((p) => `${hash}: ${p}`)];
  return problems.map((problem) => `${hash}: ${problem}`);
}

/** What's wrong with its members, as seen from here. */
export function memberProblems({ hash, peers, unanswered }: NetworkInfo): string[] {
  const members = peers
    .filter((peer) => peer.state === 'refused' || peer.state === 'unreachable')
    .map((peer) => `${hash}: ${peer.id} (${peer.name}) is ${peer.state}${because(peer.lastError)}`);
  const missing = unanswered.map(({ name, lastError }) => `${hash}: no member answers at ${name}${because(lastError)}`);
  return [...members, ...missing];
}

function because(error: string | null): string {
  return error === null ? '' : `: ${error}`;
}
