/** Windows. What it calls a program is looked for in its own folder only, never along PATH. */
import { win32 } from 'node:path';
import type { System } from './system.js';

const ELEVATED = 'in a terminal that was opened as administrator';

export function windows(environment: NodeJS.ProcessEnv): System {
  const data = win32.join(environment['ProgramData'] ?? 'C:\\ProgramData', 'p2p');
  const root = environment['SystemRoot'] ?? 'C:\\Windows';
  const system32 = win32.join(root, 'System32');
  const program = (name: string) => win32.join(system32, name);
  const shell = program('cmd.exe');
  const logFile = win32.join(data, 'log', 'p2p.log');
  const runDaemon = `p2p daemon, ${ELEVATED}`;
  const installService = `p2p service install, ${ELEVATED}`;
  return {
    name: 'windows',
    state: win32.join(data, 'state'),
    config: win32.join(data, 'config.yaml'),
    hosts: win32.join(system32, 'drivers', 'etc', 'hosts'),
    socket: '\\\\.\\pipe\\p2p',
    syslog: null,
    nobody: null,
    device: (n) => `p2p${n}`,
    hooks: {
      // As Node does for a shell: /s takes off the outer quotes alone.
      line: (line) => [shell, '/d', '/s', '/c', `"${line}"`],
      environment: {
        PATH: [system32, root, win32.join(system32, 'WindowsPowerShell', 'v1.0')].join(';'),
        SystemRoot: root,
        ComSpec: shell,
        PATHEXT: '.COM;.EXE;.BAT;.CMD',
        TEMP: win32.join(root, 'Temp'),
      },
      killTree: (pid) => [program('taskkill.exe'), '/pid', String(pid), '/t', '/f'],
      directory: root,
    },
    looks: [
      [program('ipconfig.exe'), '/all'],
      [program('route.exe'), 'print'],
    ],
    logFile,
    serviceLog: (lines) => [
      win32.join(system32, 'WindowsPowerShell', 'v1.0', 'powershell.exe'),
      '-NoProfile',
      '-NonInteractive',
      '-Command',
      `Get-Content -Tail ${lines} -LiteralPath '${logFile.replaceAll("'", "''")}'`,
    ],
    advice: {
      runDaemon,
      installService,
      installForAll: 'e.g. with npm install -g --prefix "C:\\Program Files\\p2p"',
      asAdministrator: `try again ${ELEVATED}`,
      joinGroup: `net localgroup p2p %USERNAME% /add, ${ELEVATED}, then sign in anew; should there be no such group: net localgroup p2p /add, and restart the daemon`,
      makeGroup: `net localgroup p2p /add, ${ELEVATED}`,
      deviceRights: `only an administrator may: stop it, then start it again (${runDaemon}), or have a service run it (${installService})`,
      deviceMissing:
        'the driver tap-windows6 is not installed, which p2p needs for its network devices: install it from https://github.com/OpenVPN/tap-windows6/releases, then try again',
      forwarding: {
        ipv4: 'Set-NetIPInterface -AddressFamily IPv4 -Forwarding Enabled',
        ipv6: 'Set-NetIPInterface -AddressFamily IPv6 -Forwarding Enabled',
      },
    },
  };
}
