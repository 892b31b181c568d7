/** What the commands share: the daemon's address, and flags that mean the same everywhere. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DaemonFlags } from '../core/daemon-flags.js';
import type { Method, Params, Result } from '../rpc/schema.js';
import type { Item, Lost, Stream, StreamParams } from '../rpc/streams.js';
import { SYSTEM } from '../system/this-system.js';
import { Exit } from './exit.js';
import { ownVersion } from './own-version.js';
import { Progress } from './progress.js';

/** What's said while a call takes long. */
const GOING_ON: Readonly<Partial<Record<Method, string>>> = {
  'network.start':
    'starting the network: secrets are stretched, the device is made, an address is looked for if it has none',
  'network.set-addresses': 'looking for an address',
  'network.stop': 'leaving the network',
  'network.add-keys': 'stretching the keys',
  'member.ping': 'waiting for the answer',
};

/** How long the daemon may take to say its version, in ms. */
const VERSION_MS = 2_000;

/** What the command line can't do itself: the composition root hands it in. */
export interface Hooks {
  /** Runs the daemon until it's told to end; resolves with its exit code. */
  runDaemon(options: DaemonFlags): Promise<number>;
  /** A hash that can't be guessed. */
  newHash(): Promise<string>;
  /** Removes the members' names that a daemon left in a hosts file when it was killed; says whether there were any. */
  cleanHosts(file: string | undefined): Promise<boolean>;
  /** Looks at a configuration file, the usual one if none is named: which one, and what's obsolete in it. Rejects if it's bad. */
  checkConfig(file: string | undefined): Promise<{ file: string; warnings: readonly string[] }>;
}

/** Calls the daemon that `--socket` of `command` names. The client is loaded here: `help` and mistakes don't need it. */
export async function callDaemon<M extends Method>(
  command: Command,
  method: M,
  params: Params<M>,
  ms?: number,
): Promise<Result<M>> {
  const { call } = await import('../rpc/client.js');
  const path = socketPath(command);
  try {
    return await Progress.during(GOING_ON[method] ?? 'asking the daemon', () => call(path, method, params, ms));
  } catch (error) {
    throw isMisunderstanding(error) ? await explained(error, path) : error;
  }
}

/** Whether this is what a call to a daemon of another version may end with. */
function isMisunderstanding(error: unknown): error is Error {
  const reason = error instanceof Error && 'reason' in error ? error.reason : '';
  return (
    reason === 'unknown-method' ||
    reason === 'bad-answer' ||
    (reason === 'invalid-params' && error instanceof Error && /^unknown field/.test(error.message))
  );
}

/** The same error, unless the daemon is of another version: then that's what's wrong. */
async function explained(error: Error, path: string): Promise<Error> {
  const { call } = await import('../rpc/client.js');
  const own = await ownVersion();
  const daemon = await call(path, 'daemon.version', {}, VERSION_MS).then(
    ({ version }) => version,
    () => own,
  );
  if (daemon === own) return error;
  return new Exit(
    'other-version',
    `the daemon is version ${daemon}, this command is version ${own}, and they don't understand each other: restart the daemon with the version that's installed (${error.message})`,
  );
}

/** Aborted by SIGINT, which then ends nothing by itself. */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  return interrupted.signal;
}

/** Listens to the daemon that `--socket` of `command` names: what it tells, until it ends that or `signal` is aborted. Resolves when it has taken the call. */
export async function listenToDaemon<S extends Stream>(
  command: Command,
  stream: S,
  params: StreamParams<S>,
  signal: AbortSignal,
): Promise<AsyncIterable<Item<S> | Lost>> {
  const { listen } = await import('../rpc/stream-client.js');
  return listen(socketPath(command), stream, params, signal);
}

export function socketPath(command: Command): string {
  return command.optsWithGlobals<{ socket?: string }>().socket ?? SYSTEM.socket;
}

export function jsonFlag(): Option {
  return new Option('--json', 'print JSON');
}

export function hashFlag(text: string): Option {
  return new Option('--hash <hash>', text);
}

/** For a flag whose value is a whole number. Its range is checked with all other parameters. */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

export function positive(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}

export function seconds(text: string): number {
  if (/^\d{1,9}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number of seconds, such as 10 or 0.5.');
}

/** For a flag that may be given several times, or once with commas. */
export function list(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), ...text.split(',')];
}

/** Flags without which a command can't be. Checked when all are known to be spelt right: a misspelt one is named first. */
export function need<Flags extends object, Name extends keyof Flags & string>(
  command: Command,
  flags: Flags,
  ...names: readonly Name[]
): Flags & { readonly [N in Name]-?: NonNullable<Flags[N]> } {
  const missing = names.filter((name) => flags[name] === undefined);
  if (missing.length > 0) command.error(`error: ${missing.map((name) => `--${name}`).join(' and ')} must be given`);
  return flags as Flags & { readonly [N in Name]-?: NonNullable<Flags[N]> };
}
