/** What may stand where the cursor is, by the tree of commands alone: for the shells' completion. Pure; `values.ts` asks the daemon. */
import type { Argument, Command, Option } from 'commander';
import { LEVELS } from '../../rpc/fields.js';

/** What the shell, or the daemon, knows the values of. */
export type Source = 'files' | 'hashes' | 'members' | 'ids' | 'devices';

export interface Word {
  readonly value: string;
  /** What it is, in a few words. */
  readonly text: string;
}

export interface Wanted {
  /** What can be said without asking. */
  readonly words: readonly Word[];
  readonly source: Source | null;
  /** What has been typed of the value. */
  readonly typed: string;
  /** What stands before the value in the same word, e.g. `--hash=`. */
  readonly before: string;
  /** The socket and the network that the words before name, or null. */
  readonly socket: string | null;
  readonly hash: string | null;
}

/** By the name of a value in the help, e.g. `<hash>`. */
const SOURCES: ReadonlyMap<string, Source> = new Map([
  ['hash', 'hashes'],
  ['ip', 'members'],
  ['ip|name|id', 'members'],
  ['member', 'members'],
  ['id|name|ip', 'ids'],
  ['device', 'devices'],
  ['file', 'files'],
  ['dir', 'files'],
  ['path', 'files'],
]);

/** `words`: what stands behind `p2p`, up to the word that the cursor is in, which may be empty. */
export function wantedAt(words: readonly string[], program: Command): Wanted {
  const current = words.at(-1) ?? '';
  const place = walk(words.slice(0, -1), program);
  const [, name, typed] = /^(--?[a-z][a-z-]*)=(.*)$/is.exec(current) ?? [];
  const attached = name === undefined ? undefined : place.options.find(({ long }) => long === twoDashes(name));
  const around = { socket: place.values.get('--socket') ?? null, hash: place.values.get('--hash') ?? null };
  const nothing = { words: [], source: null, typed: current, before: '', ...around };
  if (place.open !== null) return { ...nothing, ...ofOption(place.open) };
  if (attached !== undefined) return { ...nothing, ...ofOption(attached), typed: typed ?? '', before: `${name}=` };
  if (current.startsWith('-')) return { ...nothing, words: flags(place.options, current) };
  if (place.command === null) return { ...nothing, words: commands(program) };
  if (place.command === 'help') return { ...nothing, words: place.arguments === 0 ? commands(program) : [] };
  const parameter = commandNamed(program, place.command)?.registeredArguments[place.arguments];
  return parameter === undefined ? nothing : { ...nothing, ...ofArgument(parameter) };
}

interface Place {
  command: string | null;
  /** How many arguments of the command were given. */
  arguments: number;
  options: readonly Option[];
  /** The option whose value the cursor is at. */
  open: Option | null;
  readonly values: Map<string, string>;
}

function walk(words: readonly string[], program: Command): Place {
  const place: Place = { command: null, arguments: 0, options: program.options, open: null, values: new Map() };
  for (const word of words) {
    if (place.open !== null) {
      place.values.set(place.open.long ?? '', word);
      place.open = null;
    } else if (word.startsWith('-') && word !== '-') step(place, word);
    else if (place.command === null) {
      place.command = word;
      place.options = [...program.options, ...(commandNamed(program, word)?.options ?? [])];
    } else place.arguments++;
  }
  return place;
}

function step(place: Place, word: string): void {
  const [name = '', ...value] = twoDashes(word).split('=');
  const option = place.options.find(({ long, short }) => long === name || short === word);
  if (option === undefined) return;
  if (value.length > 0) place.values.set(name, value.join('='));
  else if (option.required) place.open = option;
}

function twoDashes(flag: string): string {
  return /^-[a-z][a-z-]+/i.test(flag) ? `-${flag}` : flag;
}

/** Flags with as many dashes as were typed; one is offered first, as the manual has it. */
function flags(options: readonly Option[], typed: string): Word[] {
  const isShort = !typed.startsWith('--');
  return options
    .filter(({ hidden }) => !hidden)
    .map(({ long, short, description }) => ({
      value: long === undefined || long === null ? (short ?? '') : isShort ? long.slice(1) : long,
      text: description,
    }));
}

function commands(program: Command): Word[] {
  const all = program.createHelp().visibleCommands(program);
  return all.map((command) => ({ value: command.name(), text: command.description() }));
}

function ofOption(option: Option): Pick<Wanted, 'words' | 'source'> {
  return ofValue(/[<[]([^\]>]+)/.exec(option.flags)?.[1] ?? '', option.argChoices);
}

function ofArgument(argument: Argument): Pick<Wanted, 'words' | 'source'> {
  return ofValue(argument.name(), argument.argChoices);
}

function ofValue(name: string, choices: readonly string[] | undefined): Pick<Wanted, 'words' | 'source'> {
  const fixed = choices ?? (name === 'level' ? LEVELS : []);
  return { words: fixed.map((value) => ({ value, text: '' })), source: SOURCES.get(name.replace('...', '')) ?? null };
}

function commandNamed(program: Command, name: string): Command | undefined {
  return program.commands.find((command) => command.name() === name);
}
