/** systemd: the hardened unit of platform/linux, with the paths of this installation in it. */
import type { Program, ServiceManager, Step } from './manager.js';

const UNIT = '/etc/systemd/system/p2p.service';
const USER = '/etc/sysusers.d/p2p.conf';

/** `unit`, `sysusers`: the texts of platform/linux/p2p.service and p2p.sysusers. */
export function systemd(unit: string, sysusers: string): ServiceManager {
  return {
    name: 'systemd',
    file: UNIT,
    install: (program) => [
      { do: 'write', path: USER, text: sysusers, mode: 0o644 },
      { do: 'run', command: ['systemd-sysusers', USER] },
      { do: 'write', path: UNIT, text: unitFor(unit, program), mode: 0o644 },
      { do: 'run', command: ['systemctl', 'daemon-reload'] },
      { do: 'run', command: ['systemctl', 'enable', 'p2p.service'] },
      // Not `start`: one that runs is to run what was installed.
      { do: 'run', command: ['systemctl', 'restart', 'p2p.service'] },
    ],
    uninstall: (): Step[] => [
      { do: 'run', command: ['systemctl', 'disable', '--now', 'p2p.service'], mayFail: true },
      { do: 'remove', path: UNIT },
      { do: 'remove', path: USER },
      { do: 'run', command: ['systemctl', 'daemon-reload'] },
    ],
    start: () => [{ do: 'run', command: ['systemctl', 'start', 'p2p.service'] }],
    stop: () => [{ do: 'run', command: ['systemctl', 'stop', 'p2p.service'] }],
    status: () => ['systemctl', '--no-pager', 'status', 'p2p.service'],
  };
}

function unitFor(unit: string, { command }: Program): string {
  return unit.replace(/^ExecStart=.*$/m, () => `ExecStart=${command.map(quoted).join(' ')}`);
}

/** systemd.service(5), "Command lines": `%` and `$` would be replaced, spaces and quotes would divide. */
function quoted(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w/.,:@%$+=-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
