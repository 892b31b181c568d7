/** systemd: the hardened unit of platform/linux, with the paths of this installation in it. */
import type { Program, ServiceManager, Step } from './manager.js';

const UNIT = '/etc/systemd/system/p2p.service';
const USER = '/etc/sysusers.d/p2p.conf';
/** Where packages and `make install` put units, and systemd looks (systemd.unit(5)). */
export const SHIPPED_UNITS = ['/usr/local/lib', '/usr/lib', '/lib'].map((lib) => `${lib}/systemd/system/p2p.service`);
const PLACES = [UNIT, ...SHIPPED_UNITS];

/**
 * `unit`, `sysusers`: the texts of platform/linux/p2p.service and p2p.sysusers. `shipped`: the unit that came with this
 * installation, or null.
 */
export function systemd(unit: string, sysusers: string, shipped: string | null): ServiceManager {
  return shipped === null ? ownUnit(unit, sysusers) : shippedUnit(shipped);
}

/** The program of a unit's `ExecStart=`, or null. */
export function programOf(unit: string): string | null {
  return /^ExecStart=(\/\S+)/m.exec(unit)?.[1] ?? null;
}

/** The installation made its user as well. */
function shippedUnit(file: string): ServiceManager {
  return {
    ...COMMON,
    file,
    isShipped: true,
    install: () => [
      // What an installation of another kind has left would be used in place of the one that came along.
      { do: 'remove', path: UNIT },
      { do: 'remove', path: USER },
      ...MADE_TO_RUN,
    ],
    uninstall: (): Step[] => [STOPPED],
  };
}

function ownUnit(unit: string, sysusers: string): ServiceManager {
  return {
    ...COMMON,
    file: UNIT,
    isShipped: false,
    install: (program) => [
      { do: 'write', path: USER, text: sysusers, mode: 0o644 },
      { do: 'run', command: ['systemd-sysusers', USER] },
      { do: 'write', path: UNIT, text: unitFor(unit, program), mode: 0o644 },
      ...MADE_TO_RUN,
    ],
    uninstall: (): Step[] => [
      STOPPED,
      { do: 'remove', path: UNIT },
      { do: 'remove', path: USER },
      { do: 'run', command: ['systemctl', 'daemon-reload'] },
    ],
  };
}

const MADE_TO_RUN: readonly Step[] = [
  { do: 'run', command: ['systemctl', 'daemon-reload'] },
  { do: 'run', command: ['systemctl', 'enable', 'p2p.service'] },
  // Not `start`: one that runs is to run what was installed.
  { do: 'run', command: ['systemctl', 'restart', 'p2p.service'] },
];
const STOPPED: Step = { do: 'run', command: ['systemctl', 'disable', '--now', 'p2p.service'], mayFail: true };

const COMMON = {
  name: 'systemd',
  places: PLACES,
  start: (): Step[] => [{ do: 'run', command: ['systemctl', 'start', 'p2p.service'] }],
  stop: (): Step[] => [{ do: 'run', command: ['systemctl', 'stop', 'p2p.service'] }],
  status: () => ['systemctl', '--no-pager', 'status', 'p2p.service'] as const,
};

function unitFor(unit: string, { command }: Program): string {
  return unit.replace(/^ExecStart=.*$/m, () => `ExecStart=${command.map(quoted).join(' ')}`);
}

/** systemd.service(5), "Command lines": `%` and `$` would be replaced, spaces and quotes would divide. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w/.,:@%$+=-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
