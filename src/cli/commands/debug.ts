import { Command } from 'commander';
import type { NetworkDebug } from '../../rpc/debug-info.js';
import type { RelayInfo, RelayUse } from '../../rpc/relay-info.js';
import type { Result } from '../../rpc/schema.js';
import { printable } from '../../rpc/text.js';
import { callDaemon, jsonFlag } from '../context.js';
import { duration, milliseconds, NOTHING, table } from '../format.js';
import { print, printJson } from '../output.js';
import { NAT_WORDS, portMappingWords } from '../reachability.js';

export function debugCommand(): Command {
  return new Command('debug')
    .description('print what somebody needs who looks for a fault; holds no secret')
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
Networks are called by their id, so that this can be shown to others.

Examples:
  p2p debug
  p2p debug --json > p2p-debug.json`,
    )
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const debug = await callDaemon(command, 'daemon.debug', {});
      if (json) return printJson(jsonOf(debug));
      print([daemonPart(debug), ...relayPart(debug.relay), ...debug.networks.map(networkPart)].join('\n\n'));
    });
}

const SOURCE_WORDS: Readonly<Record<string, string>> = {
  record: 'its record',
  lan: 'its beacon',
  static: '-peer',
  remembered: 'last run',
  handshake: 'its handshake',
  strayed: 'its datagrams',
};

function jsonOf({ version, ...rest }: Result<'daemon.debug'>): object {
  return { daemon: version, ...rest };
}

function daemonPart(debug: Result<'daemon.debug'>): string {
  return facts([
    ['daemon', `${debug.version}, up ${duration(debug.upMs)}, Node ${debug.node}, ${debug.platform}`],
    ['event loop', `${milliseconds(debug.loopLagMs)} late, busy ${(debug.loopBusy * 100).toFixed(2)} % of the time`],
    ['memory', `${Math.round(debug.memory / 2 ** 20)} MiB`],
    ['DHT process', debug.dht],
    ...debug.problems.map((problem): [string, string] => ['problem', problem]),
  ]);
}

/** This machine as a relay: who its clients are it doesn't know, only where, how many together, and how much. */
function relayPart(relay: RelayInfo | null): string[] {
  if (relay === null) return [];
  const head = facts([
    [
      'relay here',
      `UDP port ${relay.port}, TLS port ${relay.tlsPort ?? 'none'}${relay.error === null ? '' : `, gone: ${relay.error}`}`,
    ],
    ['id', relay.id],
    [
      'forwarded',
      `${relay.datagramsForwarded} datagrams, ${relay.bytesForwarded} bytes, ${relay.bytesPerSecond} B/s now`,
    ],
    ['dropped', reasons(relay.drops)],
  ]);
  const rows = relay.clients.map((client) => [
    client.pseudonym,
    client.address,
    client.transport,
    String(client.others),
    duration(client.sinceMs),
    `${client.bytesIn}/${client.bytesOut}`,
    String(client.drops),
  ]);
  if (rows.length === 0) return [head];
  return [`${head}\n${indent(table(['CLIENT', 'ADDRESS', 'BY', 'OTHERS', 'SINCE', 'IN/OUT', 'DROPPED'], rows))}`];
}

function reasons(drops: Readonly<Record<string, number>>): string {
  const list = Object.entries(drops).map(([reason, times]) => `${reason} ${times}`);
  return list.join(', ') || 'nothing';
}

function networkPart(network: NetworkDebug): string {
  const head = facts([
    ['network', `${network.id}, ${network.state}${network.error === null ? '' : `: ${network.error}`}`],
    ['device', `${network.device}, UDP port ${network.port}`],
    ['LAN', network.lan],
    ['DHT', network.dht],
    ['last run', `${network.remembered} member${network.remembered === 1 ? '' : 's'} remembered`],
    ['NAT', NAT_WORDS[network.nat] ?? network.nat],
    ['port mapping', portMappingWords(network.portMapping)],
    ...network.relays.map((relay): [string, string] => ['relay', relayWords(relay)]),
    ...(network.forwardOnly ? [['paths', 'through relays only'] as [string, string]] : []),
    ['own endpoints', network.endpoints.join(' ') || 'none'],
    ['probes', probesPart(network.probes)],
    ...network.unanswered.map((peer): [string, string] => ['-peer', `${peer.name}: ${peer.lastError ?? 'asking'}`]),
    ...network.problems.map((problem): [string, string] => ['problem', problem]),
    ['dropped', reasons(network.drops)],
  ]);
  return [head, ...network.peers.map(peerPart)].join('\n\n');
}

function probesPart({ sent, putOff, waiting }: NetworkDebug['probes']): string {
  return `${sent} sent to endpoints that had never answered; ${putOff} had to wait for that, ${waiting} do now`;
}

function relayWords({ name, state, transport, endpoint, rttMs, others, lastError }: RelayUse): string {
  const where =
    transport === null ? '' : ` by ${transport} at ${endpoint}, RTT ${milliseconds(rttMs)}, ${others} others there`;
  return `${name}: ${state}${where}${lastError === null ? '' : `: ${lastError}`}`;
}

function peerPart(peer: NetworkDebug['peers'][number]): string {
  const sessions = peer.sessions.map(
    ({ role, ageMs, heard }) => `${role}, ${duration(ageMs)} old${heard ? '' : ', not confirmed yet'}`,
  );
  const tries = peer.handshakeTries === 0 ? [] : [`handshake under way, try ${peer.handshakeTries}`];
  const head = facts([
    ['member', `${peer.id} ${peer.name}, ${peer.state}, found by ${peer.source}`],
    ['sessions', [...sessions, ...tries].join('; ') || 'none'],
  ]);
  const ago = (ms: number | null) => (ms === null ? NOTHING : `${duration(ms)} ago`);
  const rows = peer.candidates.map((candidate) => [
    candidate.endpoint,
    candidate.kind,
    SOURCE_WORDS[candidate.source] ?? candidate.source,
    candidate.misses === 0 ? candidate.state : `${candidate.state}, missed ${candidate.misses}`,
    milliseconds(candidate.rttMs),
    String(candidate.tries),
    ago(candidate.triedMs),
    ago(candidate.answeredMs),
    candidate.mtu === null ? NOTHING : String(candidate.mtu),
  ]);
  return rows.length === 0
    ? head
    : `${head}\n${indent(table(['CANDIDATE', 'KIND', 'FROM', 'STATE', 'RTT', 'TRIES', 'TRIED', 'ANSWERED', 'MTU'], rows))}`;
}

function facts(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([name, value]) => `${`${name}:`.padEnd(15)}${printable(value)}`).join('\n');
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
