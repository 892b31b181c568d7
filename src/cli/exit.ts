/** How a command ends: one table from what happened to the exit code. Documented in docs/commands.md; never renumbered. */
import { CommanderError } from 'commander';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  'not-running': 3,
  'permission-denied': 4,
  'no-device': 5,
  'device-taken': 6,
  'port-taken': 7,
  'address-refused': 8,
  unhealthy: 9,
  'already-running': 10,
  'bad-config': 11,
  'not-connected': 12,
  'no-such-network': 15,
  'no-such-member': 16,
  'hash-in-use': 119,
} as const;

export type ExitName = keyof typeof EXIT;

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
  if (error instanceof Exit) return EXIT[error.reason];
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const reason = error instanceof Error && 'reason' in error ? String(error.reason) : '';
  return EXIT[OF_REASON[reason] ?? 'failure'];
}
