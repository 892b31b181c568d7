import { Argument, Command } from 'commander';
import { moment } from '../../core/moment.js';
import type { IdentityInfo } from '../../rpc/network-info.js';
import { printable } from '../../rpc/text.js';
import { callDaemon, hashFlag, jsonFlag } from '../context.js';
import { bareAddresses, NOTHING, table } from '../format.js';
import { print, printJson, tell } from '../output.js';

interface Flags {
  readonly hash?: string;
  readonly json?: boolean;
}

const ACTIONS = ['block', 'unblock', 'accept'] as const;
type Action = (typeof ACTIONS)[number];

export function peersCommand(): Command {
  return new Command('peers')
    .description('list the identities that are or were members; block one at this machine')
    .addArgument(new Argument('[action]', 'what to do with one of them').choices(ACTIONS))
    .argument(
      '[id|name|ip]',
      'which: its id, 16 hex digits; its name or overlay address, if no other was known by that',
    )
    .addOption(hashFlag('only of this network'))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
block: its session ends at once, and this machine answers it no more; others go on with it. It lasts until unblock.
accept: that it has the overlay address that another had before is as it should be.

Examples:
  p2p peers
  p2p peers block 0123456789abcdef
  p2p peers unblock ben`,
    )
    .action((action: Action | undefined, who: string | undefined, flags: Flags, command: Command) => {
      if (action === undefined) return list(flags, command);
      if (who === undefined) return command.error(`error: ${action} needs the id of a peer`);
      return act(action, who, flags, command);
    });
}

async function act(action: Action, who: string, { hash, json }: Flags, command: Command): Promise<void> {
  const { id } = await callDaemon(command, `peer.${action}`, { who, hash });
  if (json) printJson({ id, action });
  else if (who.toLowerCase() !== id) tell(`p2p: ${printable(who)} is ${id}`);
}

async function list({ hash, json }: Flags, command: Command): Promise<void> {
  const { networks } = await callDaemon(command, 'network.peers', { hash });
  if (json) return printJson({ networks });
  const rows = networks.flatMap((network) => network.peers);
  if (rows.length === 0) return tell('No other member was ever seen.');
  print(identityTable(rows));
}

function identityTable(identities: readonly IdentityInfo[]): string {
  const rows = identities.map(({ id, name, addresses, state, since }) => [
    id,
    name === '' ? NOTHING : name,
    bareAddresses(addresses),
    state,
    since === null ? NOTHING : moment(since * 1000),
  ]);
  return table(['ID', 'NAME', 'IP', 'STATE', 'KNOWN SINCE'], rows);
}
