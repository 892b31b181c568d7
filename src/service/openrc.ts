/** OpenRC, e.g. of Alpine: platform/linux/p2p.openrc, with the paths of this installation in it. */
import type { Program, ServiceManager, Step } from './manager.js';

const SCRIPT = '/etc/init.d/p2p';

/** `script`: the text of platform/linux/p2p.openrc. */
export function openrc(script: string): ServiceManager {
  return {
    name: 'OpenRC',
    file: SCRIPT,
    isShipped: false,
    places: [SCRIPT],
    install: (program) => [
      // Whichever of the two a system has; the other isn't there. A user that is there already is as good.
      { do: 'run', command: ['groupadd', '--system', 'p2p'], mayFail: true },
      { do: 'run', command: ['addgroup', '-S', 'p2p'], mayFail: true },
      { do: 'run', command: [...USERADD, 'p2p'], mayFail: true },
      { do: 'run', command: [...ADDUSER, 'p2p'], mayFail: true },
      { do: 'write', path: SCRIPT, text: scriptFor(script, program), mode: 0o755 },
      { do: 'run', command: ['rc-update', 'add', 'p2p', 'default'] },
      { do: 'run', command: ['rc-service', 'p2p', 'restart'] },
    ],
    uninstall: (): Step[] => [
      { do: 'run', command: ['rc-service', 'p2p', 'stop'], mayFail: true },
      { do: 'run', command: ['rc-update', 'del', 'p2p', 'default'], mayFail: true },
      { do: 'remove', path: SCRIPT },
    ],
    start: () => [{ do: 'run', command: ['rc-service', 'p2p', 'start'] }],
    stop: () => [{ do: 'run', command: ['rc-service', 'p2p', 'stop'] }],
    status: () => ['rc-service', 'p2p', 'status'],
  };
}

/** shadow's. */
const USERADD = [
  'useradd',
  '--system',
  '--gid',
  'p2p',
  '--home-dir',
  '/var/lib/p2p',
  '--shell',
  '/sbin/nologin',
] as const;
/** BusyBox's. */
const ADDUSER = ['adduser', '-S', '-D', '-H', '-G', 'p2p', '-h', '/var/lib/p2p', '-s', '/sbin/nologin'] as const;

function scriptFor(script: string, { command }: Program): string {
  const [program = '', ...args] = command;
  return script
    .replace(/^command=.*$/m, () => `command=${quoted(inner(program))}`)
    .replace(/^command_args=.*$/m, () => `command_args=${quoted([...args, '--syslog'].map(inner).join(' '))}`);
}

/** POSIX shell: nothing is special between single quotes but they themselves. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** openrc-run divides `command` and `command_args` as a shell would, by `eval`. */
function inner(word: string): string {
  return /^[\w/.,:@%+=-]+$/.test(word) ? word : quoted(word);
}
