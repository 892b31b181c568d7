/** What each service manager is asked, and the files it gets. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launchd } from '../../src/service/launchd.js';
import type { ServiceManager, Step } from '../../src/service/manager.js';
import { openrc } from '../../src/service/openrc.js';
import { programOf, systemd } from '../../src/service/systemd.js';
import { commandLine, windowsServices } from '../../src/service/windows.js';

const PLATFORM = fileURLToPath(new URL('../../../platform/linux/', import.meta.url));
const text = (name: string) => readFileSync(`${PLATFORM}${name}`, 'utf8');
const PROGRAM = { command: ['/opt/node 20/bin/node', '/usr/local/lib/p2p/bin/p2p', 'daemon'] };

test('systemd: its user, the hardened unit with our paths, and what makes it run', () => {
  const manager = systemd(text('p2p.service'), text('p2p.sysusers'), null);
  assert.deepEqual(told(manager.install(PROGRAM)), [
    'write /etc/sysusers.d/p2p.conf 644',
    'systemd-sysusers /etc/sysusers.d/p2p.conf',
    'write /etc/systemd/system/p2p.service 644',
    'systemctl daemon-reload',
    'systemctl enable p2p.service',
    'systemctl restart p2p.service',
  ]);
  const unit = written(manager);
  assert.match(unit, /^ExecStart="\/opt\/node 20\/bin\/node" \/usr\/local\/lib\/p2p\/bin\/p2p daemon$/m);
  assert.equal(
    unit.replace(/^ExecStart=.*$/m, ''),
    text('p2p.service').replace(/^ExecStart=.*$/m, ''),
    'nothing else differs',
  );
  assert.deepEqual(told(manager.uninstall()), [
    'systemctl disable --now p2p.service (may fail)',
    'remove /etc/systemd/system/p2p.service',
    'remove /etc/sysusers.d/p2p.conf',
    'systemctl daemon-reload',
  ]);
  assert.deepEqual([manager.start(), manager.stop()].map(told), [
    ['systemctl start p2p.service'],
    ['systemctl stop p2p.service'],
  ]);
});

test('systemd: a unit that came with p2p is used as it is, and stays', () => {
  const shipped = '/usr/lib/systemd/system/p2p.service';
  const manager = systemd(text('p2p.service'), '', shipped);
  assert.deepEqual([manager.file, manager.isShipped], [shipped, true]);
  assert.deepEqual(told(manager.install(PROGRAM)), [
    'remove /etc/systemd/system/p2p.service',
    'remove /etc/sysusers.d/p2p.conf',
    'systemctl daemon-reload',
    'systemctl enable p2p.service',
    'systemctl restart p2p.service',
  ]);
  assert.deepEqual(told(manager.uninstall()), ['systemctl disable --now p2p.service (may fail)']);
  assert.equal(programOf(text('p2p.service')), '/usr/bin/p2p');
  assert.equal(programOf('[Unit]\n'), null);
});

test('systemd: nothing of a path is taken for a specifier, a variable or an escape', () => {
  const manager = systemd(text('p2p.service'), '', null);
  const unit = written(manager, { command: ['/a%b/$c/"d"\\e', 'daemon'] });
  assert.match(unit, /^ExecStart="\/a%%b\/\$\$c\/\\"d\\"\\\\e" daemon$/m);
});

test('OpenRC: a script with our paths, which a shell reads as they are', () => {
  const manager = openrc(text('p2p.openrc'));
  const script = written(manager);
  // OpenRC evaluates it once more: the quotes inside are for that.
  assert.match(script, /^command=''\\''\/opt\/node 20\/bin\/node'\\'''$/m);
  assert.match(script, /^command_args='\/usr\/local\/lib\/p2p\/bin\/p2p daemon --syslog'$/m);
  assert.deepEqual(told(manager.install(PROGRAM)).slice(-3), [
    'write /etc/init.d/p2p 755',
    'rc-update add p2p default',
    'rc-service p2p restart',
  ]);
  assert.deepEqual(told(manager.uninstall()), [
    'rc-service p2p stop (may fail)',
    'rc-update del p2p default (may fail)',
    'remove /etc/init.d/p2p',
  ]);
});

test('launchd: a property list with our paths', () => {
  const manager = launchd();
  assert.deepEqual(told(manager.install(PROGRAM)), [
    'launchctl bootout system/org.p2p.daemon (may fail)',
    'write /Library/LaunchDaemons/org.p2p.daemon.plist 644',
    'launchctl enable system/org.p2p.daemon',
    'launchctl bootstrap system /Library/LaunchDaemons/org.p2p.daemon.plist',
  ]);
  assert.equal(
    written(manager, { command: ['/a&b/<node>', 'daemon', '--log-file', '/var/log/p2p.log'] }),
    `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>org.p2p.daemon</string>
  <key>ProgramArguments</key>
  <array>
    <string>/a&amp;b/&lt;node&gt;</string>
    <string>daemon</string>
    <string>--log-file</string>
    <string>/var/log/p2p.log</string>
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
`,
  );
  assert.deepEqual(told(manager.uninstall()), [
    'launchctl bootout system/org.p2p.daemon (may fail)',
    'remove /Library/LaunchDaemons/org.p2p.daemon.plist',
  ]);
  assert.deepEqual([manager.start(), manager.stop()].map(told), [
    [
      'launchctl bootstrap system /Library/LaunchDaemons/org.p2p.daemon.plist (may fail)',
      'launchctl kickstart system/org.p2p.daemon',
    ],
    ['launchctl bootout system/org.p2p.daemon'],
  ]);
});

test('Windows: a service of its manager, which starts it again, with our paths', () => {
  const manager = windowsServices('C:\\W\\System32');
  const program = {
    command: [
      'C:\\Program Files\\nodejs\\node.exe',
      'C:\\p2p\\bin\\p2p',
      'daemon',
      '--as-service',
      '--log-file',
      'C:\\l',
    ],
  };
  const path = '"C:\\Program Files\\nodejs\\node.exe" C:\\p2p\\bin\\p2p daemon --as-service --log-file C:\\l';
  assert.deepEqual(told(manager.install(program)), [
    'C:\\W\\System32\\net.exe stop p2p (may fail)',
    `C:\\W\\System32\\sc.exe config p2p type= own start= auto binPath= ${path} (may fail)`,
    `C:\\W\\System32\\sc.exe create p2p type= own start= auto binPath= ${path} (may fail)`,
    'C:\\W\\System32\\sc.exe description p2p A private, encrypted Ethernet between the machines that share a hash',
    'C:\\W\\System32\\sc.exe failure p2p reset= 86400 actions= restart/1000/restart/5000/restart/60000',
    'C:\\W\\System32\\sc.exe failureflag p2p 1 (may fail)',
    'C:\\W\\System32\\net.exe start p2p',
  ]);
  assert.deepEqual(told(manager.uninstall()), [
    'C:\\W\\System32\\net.exe stop p2p (may fail)',
    'C:\\W\\System32\\sc.exe delete p2p',
  ]);
  assert.deepEqual([manager.start(), manager.stop()].map(told), [
    ['C:\\W\\System32\\net.exe start p2p'],
    ['C:\\W\\System32\\net.exe stop p2p'],
  ]);
  assert.deepEqual(manager.status(), ['C:\\W\\System32\\sc.exe', 'query', 'p2p']);
});

test('Windows: whether it runs is read in any language', () => {
  const said = (state: string) => `
SERVICE_NAME: p2p
        TYP                : 10  WIN32_OWN_PROCESS
        STATUS             : ${state}
                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)
        WIN32_EXIT_CODE    : 0  (0x0)
`;
  const { runs } = windowsServices('C:\\W');
  assert.deepEqual(
    ['4  RUNNING', '1  STOPPED', '2  START_PENDING', '3  STOP_PENDING'].map((state) => runs?.(said(state))),
    [true, false, false, false],
  );
});

test('Windows: a command line is divided into the same words again', () => {
  for (const [words, line] of [
    [['a', 'b'], 'a b'],
    [['C:\\a b\\', 'x'], '"C:\\a b\\\\" x'],
    [['say "hi"'], '"say \\"hi\\""'],
    [['a b\\"c'], '"a b\\\\\\"c"'],
    [[''], '""'],
  ] as const)
    assert.equal(commandLine({ command: words }), line);
});

function told(steps: readonly Step[]): string[] {
  return steps.map((step) => {
    if (step.do === 'run') return `${step.command.join(' ')}${step.mayFail ? ' (may fail)' : ''}`;
    return step.do === 'write' ? `write ${step.path} ${step.mode.toString(8)}` : `remove ${step.path}`;
  });
}

/** The text of the service's own file. */
function written(manager: ServiceManager, program = PROGRAM): string {
  const step = manager.install(program).find((step) => step.do === 'write' && step.path === manager.file);
  assert.ok(step?.do === 'write');
  return step.text;
}
