/** Windows: its service control manager, by sc.exe and, where an end has to be waited for, net.exe. */
import { win32 } from 'node:path';
import type { Program, ServiceManager, Step } from './manager.js';

const NAME = 'p2p';
const DESCRIPTION = 'A private, encrypted Ethernet between the machines that share a hash';
/** Started again after so many ms when it has failed, the first, second and later times within a day. */
const RESTARTS = 'restart/1000/restart/5000/restart/60000';
const DAY_SECONDS = '86400';

/** `system32`: where Windows has its programs. */
export function windowsServices(system32: string): ServiceManager {
  const sc = (...args: string[]) => [win32.join(system32, 'sc.exe'), ...args] as const;
  const net = (...args: string[]) => [win32.join(system32, 'net.exe'), ...args] as const;
  return {
    name: 'Windows services',
    file: `service ${NAME}`,
    isShipped: false,
    places: [], // it alone knows
    install: (program) => {
      // The path as Windows will split it; LocalSystem, as nothing is said of a user.
      const settings = ['type=', 'own', 'start=', 'auto', 'binPath=', commandLine(program)];
      return [
        { do: 'run', command: net('stop', NAME), mayFail: true },
        // One that's there is brought up to date, else it's made; what keeps both from it keeps the next step, too, which tells.
        { do: 'run', command: sc('config', NAME, ...settings), mayFail: true },
        { do: 'run', command: sc('create', NAME, ...settings), mayFail: true },
        { do: 'run', command: sc('description', NAME, DESCRIPTION) },
        { do: 'run', command: sc('failure', NAME, 'reset=', DAY_SECONDS, 'actions=', RESTARTS) },
        // Also when it ends with an error of its own.
        { do: 'run', command: sc('failureflag', NAME, '1'), mayFail: true },
        { do: 'run', command: net('start', NAME) },
      ];
    },
    uninstall: (): Step[] => [
      { do: 'run', command: net('stop', NAME), mayFail: true },
      { do: 'run', command: sc('delete', NAME) },
    ],
    start: () => [{ do: 'run', command: net('start', NAME) }],
    stop: () => [{ do: 'run', command: net('stop', NAME) }],
    status: () => sc('query', NAME),
    // `sc query` ends well for every service that there is; the number of a state is the same in every language.
    runs: (said) => /:\s*4\s+RUNNING/.test(said),
  };
}

/** One line, which CommandLineToArgvW divides into these words again: with every quote goes a backslash, and those before a quote are doubled. */
export function commandLine({ command }: Program): string {
  return command
    .map((word) => {
      if (/^[^\s"]+$/.test(word)) return word;
      return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`;
    })
    .join(' ');
}
