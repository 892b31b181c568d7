import { existsSync, realpathSync, statSync } from 'node:fs';
import { Argument, Command } from 'commander';
import { carryOut, FailedStep, run } from '../../service/carry-out.js';
import { serviceManager } from '../../service/choose.js';
import type { Program, ServiceManager, Step } from '../../service/manager.js';
import { outOfReach, outOfTrust } from '../../service/out-of-reach.js';
import { SYSTEM } from '../../system/this-system.js';
import { jsonFlag } from '../context.js';
import { Exit } from '../exit.js';
import { print, printJson, tell } from '../output.js';

const CHANGES = ['install', 'uninstall', 'start', 'stop'] as const;
type Change = (typeof CHANGES)[number];

const DONE: Readonly<Record<Change, string>> = {
  install: 'is installed and runs',
  uninstall: 'is removed; keys and identities are left',
  start: 'runs',
  stop: 'is stopped',
};

/** ERROR_ACCESS_DENIED of Windows, with which its programs end. */
const ACCESS_DENIED = 5;

const NOT_INSTALLED = `the service is not installed; that takes: ${SYSTEM.advice.installService}`;
/** Where the service's file came with p2p, and goes with it. */
const STAYS = "is stopped and doesn't start by itself any more; its file stays, as it's part of the installation";

export function serviceCommand(): Command {
  return new Command('service')
    .description('run the daemon as a service of this system: systemd, OpenRC, launchd or that of Windows')
    .addArgument(new Argument('<action>', 'what to do with it').choices([...CHANGES, 'status']))
    .addOption(jsonFlag())
    .addHelpText(
      'after',
      `
install:    makes the daemon a service that starts with this system, and starts it; brings one that is there up to date
uninstall:  stops it and removes it; keys, identities and configuration stay where they are
status:     in the words of the service manager; exit code 9 if it doesn't run

All but status need root, on Windows an administrator. Networks come back with the service.

Examples:
  sudo p2p service install
  p2p service status`,
    )
    .action((action: Change | 'status', { json }: { json?: boolean }) =>
      action === 'status' ? status(ourManager(), json ?? false) : change(ourManager(), action, json ?? false),
    );
}

async function change(manager: ServiceManager, action: Change, json: boolean): Promise<void> {
  if (process.getuid !== undefined && process.getuid() !== 0) throw denied();
  if ((action === 'start' || action === 'stop') && !isInstalled(manager)) throw new Error(NOT_INSTALLED);
  try {
    await carryOut(stepsOf(manager, action));
  } catch (error) {
    throw error instanceof FailedStep && isDenial(error) ? denied() : error;
  }
  if (json) printJson({ manager: manager.name, file: manager.file, action });
  else
    tell(
      `p2p: the service ${action === 'uninstall' && manager.isShipped ? STAYS : DONE[action]} (${manager.name}, ${manager.file})`,
    );
}

function isDenial({ status }: FailedStep): boolean {
  return SYSTEM.name === 'windows' && status === ACCESS_DENIED;
}

function denied(): Exit {
  return new Exit(
    'permission-denied',
    `the services of this system are its administrators' to change; ${SYSTEM.advice.asAdministrator}`,
  );
}

function stepsOf(manager: ServiceManager, action: Change): readonly Step[] {
  return action === 'install' ? manager.install(ourProgram()) : manager[action]();
}

async function status(manager: ServiceManager, json: boolean): Promise<void> {
  if (!isInstalled(manager)) {
    if (json) printJson({ manager: manager.name, file: manager.file, running: false });
    throw new Exit('unhealthy', NOT_INSTALLED);
  }
  const isRead = json || manager.runs !== undefined;
  const { status: code, said } = await run(manager.status(), isRead ? 'pipe' : 'inherit');
  if (code === null) throw new Error(said);
  const running = code === 0 && (manager.runs?.(said) ?? true);
  if (json) printJson({ manager: manager.name, file: manager.file, running });
  else if (isRead) print(said);
  if (!running) throw new Exit('unhealthy', 'the service does not run');
}

function isInstalled(manager: ServiceManager): boolean {
  return manager.places.length === 0 || manager.places.some((path) => existsSync(path));
}

function ourManager(): ServiceManager {
  const manager = serviceManager(ourScript());
  if (manager !== null) return manager;
  throw new Error(
    'no service manager that p2p knows runs here: expected systemd, OpenRC or launchd; p2p daemon runs without one as well',
  );
}

function ourProgram(): Program {
  const program = realpathSync(process.execPath);
  const script = ourScript();
  for (const path of [program, script]) {
    const why = SYSTEM.name === 'windows' ? outOfTrust(path) : outOfReach(path, (path) => statSync(path).mode);
    if (why !== null) throw new Error(`${why}; install p2p for all first, ${SYSTEM.advice.installForAll}`);
  }
  const log = SYSTEM.logFile === null ? [] : ['--log-file', SYSTEM.logFile];
  const asService = SYSTEM.name === 'windows' ? ['--as-service'] : [];
  return { command: [program, script, 'daemon', ...asService, ...log] };
}

function ourScript(): string {
  return realpathSync(process.argv[1] ?? '');
}
