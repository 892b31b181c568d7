/** launchd, of macOS: a property list for a system daemon. */
import type { Program, ServiceManager, Step } from './manager.js';

const LABEL = 'org.p2p.daemon';
const PLIST = `/Library/LaunchDaemons/${LABEL}.plist`;

export function launchd(): ServiceManager {
  return {
    name: 'launchd',
    file: PLIST,
    isShipped: false,
    places: [PLIST],
    install: (program) => [
      { do: 'run', command: ['launchctl', 'bootout', `system/${LABEL}`], mayFail: true },
      { do: 'write', path: PLIST, text: propertyList(program), mode: 0o644 },
      { do: 'run', command: ['launchctl', 'enable', `system/${LABEL}`] },
      { do: 'run', command: ['launchctl', 'bootstrap', 'system', PLIST] },
    ],
    uninstall: (): Step[] => [
      { do: 'run', command: ['launchctl', 'bootout', `system/${LABEL}`], mayFail: true },
      { do: 'remove', path: PLIST },
    ],
    // After a stop it has to be brought in again, which fails if it's in.
    start: () => [
      { do: 'run', command: ['launchctl', 'bootstrap', 'system', PLIST], mayFail: true },
      { do: 'run', command: ['launchctl', 'kickstart', `system/${LABEL}`] },
    ],
    // It's kept alive: only taken out it stays away.
    stop: () => [{ do: 'run', command: ['launchctl', 'bootout', `system/${LABEL}`] }],
    status: () => ['launchctl', 'print', `system/${LABEL}`],
  };
}

function propertyList({ command }: Program): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    <string>${escaped(word)}</string>`).join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ProcessType</key>
  <string>Interactive</string>
  <key>Umask</key>
  <integer>63</integer>
  <key>HardResourceLimits</key>
  <dict>
    <key>Core</key>
    <integer>0</integer>
    <key>NumberOfFiles</key>
    <integer>16384</integer>
  </dict>
  <key>StandardErrorPath</key>
  <string>/var/log/p2p.err.log</string>
</dict>
</plist>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
