/** How a command ends: one table from what happened to the exit code. docs/commands.md and p2p(1) are made from it; never renumbered. */
import { CommanderError } from 'commander';

interface ExitKind {
  readonly code: number;
  /** What the code says to the shell, for the manual: one meaning each. */
  readonly means: string;
}

export const EXITS = {
  ok: { code: 0, means: 'done' },
  failure: { code: 1, means: 'failure that no other code names' },
  usage: { code: 2, means: "usage: a command, flag or value that's wrong; nothing was done" },
  'not-running': { code: 3, means: "the daemon isn't running" },
  'permission-denied': { code: 4, means: 'permission denied: to the socket or the state directory' },
  'no-device': { code: 5, means: "the daemon can't make a network device: no right to, or no `/dev/net/tun`" },
  'device-taken': { code: 6, means: 'the device name is taken' },
  'port-taken': { code: 7, means: 'the port is taken' },
  'address-refused': {
    code: 8,
    means: "the address is refused: this machine has it already, or the system won't have it",
  },
  unhealthy: { code: 9, means: 'unhealthy (`status --check`)' },
  'already-running': { code: 10, means: 'another daemon runs with this socket or this state directory' },
  'bad-config': { code: 11, means: "the daemon's configuration or one of its flags is wrong" },
  'not-connected': { code: 12, means: 'not connected, or no answer' },
  'other-version': { code: 13, means: 'the daemon is of another version, and the two do not understand each other' },
  timeout: { code: 14, means: "the daemon is there, but didn't answer in time" },
  'no-such-network': { code: 15, means: 'no such network' },
  'no-such-member': { code: 16, means: 'no such member' },
  'hash-in-use': { code: 119, means: 'the hash is already in use on this machine' },
} as const satisfies Readonly<Record<string, ExitKind>>;

export type ExitName = keyof typeof EXITS;

/** What the errors of calls, of the connection and of the daemon's start are to the shell; all others are failures. */
const OF_REASON: Readonly<Record<string, ExitName>> = {
  'invalid-params': 'usage',
  'no-such-network': 'no-such-network',
  'no-such-member': 'no-such-member',
  'ambiguous-member': 'usage',
  'hash-in-use': 'hash-in-use',
  'device-taken': 'device-taken',
  'port-taken': 'port-taken',
  'address-refused': 'address-refused',
  'no-device-permission': 'no-device',
  'no-tun': 'no-device',
  'not-running': 'not-running',
  'other-version': 'other-version',
  timeout: 'timeout',
  'permission-denied': 'permission-denied',
  'already-running': 'already-running',
  'bad-config': 'bad-config',
};

/** Ends a command with a code that isn't a failure of the command itself, e.g. `not-connected`. */
export class Exit extends Error {
  constructor(
    readonly reason: ExitName,
    message: string,
  ) {
    super(message);
    this.name = 'Exit';
  }
}

export function exitCode(error: unknown): number {
  if (error instanceof Exit) return EXITS[error.reason].code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXITS.ok.code : EXITS.usage.code;
  const reason = error instanceof Error && 'reason' in error ? String(error.reason) : '';
  return EXITS[OF_REASON[reason] ?? 'failure'].code;
}
