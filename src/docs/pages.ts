/** What the commands say of themselves, as data: read from the same tree that parses the command line and prints the help. */
import type { Command, Option } from 'commander';
import { buildProgram } from '../cli/program.js';

export interface Flag {
  /** As the help has it, e.g. `--hash <hash>`. */
  readonly flags: string;
  readonly means: string;
  /** The variable of the environment that stands for it. */
  readonly variable: string | null;
}

export interface Page {
  readonly name: string;
  /** One sentence without its end. */
  readonly summary: string;
  /** e.g. `p2p start [flags]`. */
  readonly usage: string;
  readonly parameters: readonly Flag[];
  readonly flags: readonly Flag[];
  /** Paragraphs as the help prints them. */
  readonly prose: string;
  /** Lines for a shell. */
  readonly examples: readonly string[];
}

export interface Manual {
  readonly introduction: string;
  readonly epilogue: string;
  /** Flags that every command takes. */
  readonly common: readonly Flag[];
  readonly pages: readonly Page[];
}

export function readManual(): Manual {
  const program = freshProgram();
  return {
    introduction: program.description(),
    epilogue: helpAfter(program).trim(),
    common: program.options.filter(({ hidden }) => !hidden).map(flagOf),
    pages: visible(program).map(pageOf),
  };
}

/** The commands without what they'd do. */
export function freshProgram(): Command {
  const nothing = () => Promise.reject(new Error('this program only describes itself'));
  return buildProgram(
    { runDaemon: nothing, cleanHosts: nothing, newHash: nothing, checkConfig: nothing },
    () => undefined,
  );
}

function visible(program: Command): Command[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => program.commands.includes(command));
}

function pageOf(command: Command): Page {
  const [prose = '', examples = ''] = helpAfter(command).split(/^Examples?:$/m);
  return {
    name: command.name(),
    summary: command.description(),
    usage: `p2p ${command.name()} ${command.usage()}`,
    parameters: command.registeredArguments.map((parameter) => ({
      flags: parameter.required ? `<${parameter.name()}>` : `[${parameter.name()}]`,
      means: withChoices(parameter.description, parameter.argChoices),
      variable: null,
    })),
    flags: command.options.filter(({ hidden }) => !hidden).map(flagOf),
    prose: prose.trim(),
    examples: examples
      .split('\n')
      .map((line) => line.replace(/^ {2}/, ''))
      .filter((line) => line.trim() !== ''),
  };
}

function flagOf(option: Option): Flag {
  const { flags, description, argChoices, long } = option;
  const variable = long === undefined || long === null ? null : variableOf(long);
  return { flags, means: withChoices(description, argChoices), variable };
}

function withChoices(text: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? text : `${text}: ${choices.map((choice) => `\`${choice}\``).join(', ')}`;
}

function variableOf(long: string): string {
  return `P2P_${long.slice(2).toUpperCase().replaceAll('-', '_')}`;
}

/** What the help of a command has behind its flags. */
function helpAfter(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.slice(command.helpInformation().length);
}
