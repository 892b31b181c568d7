/** The commands and their flags. What a command does is loaded when it runs. */
import { Command, Option } from 'commander';
import { SYSTEM } from '../system/this-system.js';
import { bugreportCommand } from './commands/bugreport.js';
import { checkConfigCommand } from './commands/check-config.js';
import { cleanHostsCommand } from './commands/clean-hosts.js';
import { completeCommand, completionCommand } from './commands/completion.js';
import { daemonCommand } from './commands/daemon.js';
import { debugCommand } from './commands/debug.js';
import { eventsCommand } from './commands/events.js';
import { generateCommand } from './commands/generate.js';
import { logsCommand } from './commands/logs.js';
import { netcheckCommand } from './commands/netcheck.js';
import { peersCommand } from './commands/peers.js';
import { pingCommand } from './commands/ping.js';
import { serviceCommand } from './commands/service.js';
import { setCommand } from './commands/set.js';
import { showCommand } from './commands/show.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { stopCommand } from './commands/stop.js';
import { versionCommand } from './commands/version.js';
import { waitCommand } from './commands/wait.js';
import type { Hooks } from './context.js';

const INTRODUCTION = `A private, encrypted Ethernet between the machines that share a hash.

  sudo p2p daemon                              on each machine, once
  p2p start -ip 10.10.10.1 -hash myhash        on each machine, with an address of its own
  p2p show                                     what is up`;

const EPILOGUE = `
A flag may have one dash or two, and may be given in the environment: -hash, --hash, P2P_HASH.
p2p help COMMAND tells more, with examples.`;

/** `ended` is told the exit code of a command that ends well with one of its own, such as the daemon. */
export function buildProgram(hooks: Hooks, ended: (code: number) => void): Command {
  const program = new Command('p2p')
    .description(INTRODUCTION)
    .usage('COMMAND [flags]')
    .addOption(new Option('--socket <path>', `socket of the daemon (default: ${SYSTEM.socket})`))
    .addHelpText('after', EPILOGUE)
    .configureHelp({ showGlobalOptions: true, helpWidth: 100, subcommandTerm: termOf })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'p2p: ')) })
    .exitOverride();
  const commands = [
    daemonCommand(hooks, ended),
    startCommand(),
    stopCommand(),
    showCommand(),
    statusCommand(),
    waitCommand(),
    peersCommand(),
    netcheckCommand(),
    pingCommand(),
    eventsCommand(),
    logsCommand(),
    debugCommand(),
    setCommand(),
    generateCommand(hooks),
    serviceCommand(),
    checkConfigCommand(hooks),
    cleanHostsCommand(hooks),
    bugreportCommand(),
    completionCommand(),
    versionCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  program.addCommand(completeCommand(program).copyInheritedSettings(program), { hidden: true });
  return program;
}

/** A command in the list of all, without what its own help says. */
function termOf(command: Command): string {
  const parameters = command.registeredArguments.map((parameter) =>
    parameter.required ? `<${parameter.name()}>` : `[${parameter.name()}]`,
  );
  return [command.name(), ...parameters].join(' ');
}
