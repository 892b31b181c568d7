/** argv as people type it, made into what the argument parser knows: `-hash` is `--hash`, and `P2P_HASH` stands for it. */
import type { Command, Option } from 'commander';
import { refuseDashedCommand, refuseObsolete } from './obsolete.js';

/** Two letters or more, so `-h` stays; a digit first is a number and not a flag. */
const SINGLE_DASH = /^-[a-z][a-z-]+(=.*)?$/is;
/** What may stand in place of a command. */
const ON_THEIR_OWN = ['--help', '--version'];
/** Flags with two names. */
const OTHER_NAMES: Readonly<Record<string, string>> = { '--until': '--ttl' };
/** What an environment variable says to leave only the value out, where a flag may have one. */
const ON = new Set(['1', 'yes', 'on', 'true']);
/** What it says to leave a flag without a value out. */
const OFF = new Set(['0', 'no', 'off', 'false']);

/**
 * `args` (without node and script) with every flag in its two-dash form, and those added that stand in `environment`. Throws an `Exit` that says
 * what to use instead for what was known once.
 */
export function prepare(args: readonly string[], program: Command, environment: NodeJS.ProcessEnv): string[] {
  const spelt = normalise(inOwnWords(args, program), program);
  const place = commandPlace(spelt, program);
  const command = commandNamed(program, spelt[place]);
  if (command === undefined) return spelt;
  const options = [...program.options, ...command.options];
  return [...spelt.slice(0, place + 1), ...fromEnvironment(options, spelt, environment), ...spelt.slice(place + 1)];
}

/** `--version` is what people try first; and `help` about nothing that exists is a misspelt command. */
function inOwnWords(args: readonly string[], program: Command): readonly string[] {
  const [first = '', second] = args;
  const commands = program.commands.map((command) => command.name()).filter((name) => name !== 'version');
  refuseDashedCommand(first, commands, [...ON_THEIR_OWN, ...longNames(program.options)]);
  if (['-V', '-version', '--version'].includes(first)) return ['version', ...args.slice(1)];
  if (first === 'help' && second !== undefined && commandNamed(program, second) === undefined) return args.slice(1);
  return args;
}

function normalise(args: readonly string[], program: Command): string[] {
  const result: string[] = [];
  let options: readonly Option[] = program.options;
  let inCommand = false;
  let command = '';
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '--') return [...result, ...args.slice(i)];
    const flag = spelt(arg, command);
    if (isFlag(arg)) refuseObsolete(flag, longNames(options));
    result.push(flag);
    if (!isFlag(arg) && !inCommand) {
      inCommand = true;
      command = arg;
      options = [...options, ...(commandNamed(program, arg)?.options ?? [])];
    }
    if (isFlag(arg) && takesValue(options, flag) && i + 1 < args.length) result.push(args[++i] ?? '');
  }
  return result;
}

/** `p2p daemon -relay HOST` names a relay as everywhere; with two dashes it makes the machine one, as daemons' own flags have them. */
function spelt(arg: string, command: string): string {
  if (command === 'daemon' && /^-relay(=.*)?$/.test(arg)) return arg.replace('-relay', '--use-relay');
  if (command === 'show' && /^--?ip(=.*)?$/.test(arg)) return arg.replace(/^--?ip/, '--check'); // as in the original
  return known(SINGLE_DASH.test(arg) ? `-${arg}` : arg);
}

/** A flag by the name that the parser knows, with its value if that's attached. */
function known(flag: string): string {
  const [name = '', ...value] = flag.split('=');
  return [OTHER_NAMES[name] ?? name, ...value].join('=');
}

/** Where the command's name stands, or -1. */
function commandPlace(args: readonly string[], program: Command): number {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? '';
    if (arg === '--') return -1;
    if (!isFlag(arg)) return i;
    if (takesValue(program.options, arg)) i++;
  }
  return -1;
}

/** The flags that the environment gives and `args` don't. An empty variable is as good as none. */
function fromEnvironment(
  options: readonly Option[],
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): string[] {
  // In a hook the environment has a network's facts (daemon/hooks.ts), which are no flags, but for the socket.
  const usable = environment['P2P_HOOK'] === undefined ? options : options.filter(({ long }) => long === '--socket');
  return usable.flatMap((option) => {
    const long = option.long ?? '';
    const others = Object.keys(OTHER_NAMES).filter((other) => OTHER_NAMES[other] === long);
    const [value] = [long, ...others]
      .map((name) => environment[variable(name)])
      .filter((set) => set !== undefined && set !== '');
    if (value === undefined) return [];
    if (args.some((arg) => arg === long || arg.startsWith(`${long}=`))) return [];
    const isValue = option.optional && !ON.has(value.toLowerCase()) && !OFF.has(value.toLowerCase());
    if (option.required || isValue) return [`${long}=${value}`];
    return OFF.has(value.toLowerCase()) ? [] : [long];
  });
}

function variable(flag: string): string {
  return `P2P_${flag.slice(2).toUpperCase().replaceAll('-', '_')}`;
}

function commandNamed(program: Command, name: string | undefined): Command | undefined {
  return program.commands.find((command) => command.name() === name);
}

function isFlag(arg: string): boolean {
  return arg.startsWith('-') && arg !== '-';
}

function longNames(options: readonly Option[]): string[] {
  return options.map(({ long }) => long ?? '');
}

function takesValue(options: readonly Option[], flag: string): boolean {
  return options.some((option) => option.required && (option.long === flag || option.short === flag));
}
