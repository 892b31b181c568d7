/** macOS. Its own folders of this kind are /var/db and /var/run (hier(7)); the names in /var and /etc are links into /private. */
import type { System } from './system.js';

const RUN = 'sudo p2p daemon';
const INSTALL = 'sudo p2p service install';
/** ZeroTier, which makes interfaces of that name as well, has numbers below it. */
const FIRST_FETH = 10_000;
const LOG = '/var/log/p2p.log';

export const MACOS: System = {
  name: 'macos',
  state: '/var/db/p2p',
  config: '/etc/p2p/config.yaml',
  hosts: '/etc/hosts',
  socket: '/var/run/p2p/p2p.sock',
  syslog: '/var/run/syslog',
  // -2 there, as a number without a sign.
  nobody: 4_294_967_294,
  device: (n) => `feth${FIRST_FETH + n}`,
  hooks: {
    line: (line) => ['/bin/sh', '-c', line],
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LANG: 'C.UTF-8' },
    killTree: null,
    directory: '/',
  },
  looks: [
    ['/sbin/ifconfig', '-a'],
    ['/usr/sbin/netstat', '-rn'],
  ],
  logFile: LOG,
  serviceLog: (lines) => ['/usr/bin/tail', '-n', String(lines), LOG],
  advice: {
    runDaemon: RUN,
    installService: INSTALL,
    installForAll: 'e.g. with sudo npm install -g --prefix /usr/local',
    asAdministrator: 'try again with sudo',
    joinGroup:
      'sudo dseditgroup -o edit -a $USER -t user p2p, then log in anew; should there be no such group: sudo dseditgroup -o create p2p, and restart the daemon',
    makeGroup: 'sudo dseditgroup -o create p2p',
    deviceRights: `only root may: stop it, then run it as root (${RUN}) or as a service (${INSTALL})`,
    deviceMissing: 'the system makes no feth interfaces, which p2p needs: macOS 10.13 and newer have them',
    forwarding: { ipv4: 'sudo sysctl net.inet.ip.forwarding=1', ipv6: 'sudo sysctl net.inet6.ip6.forwarding=1' },
  },
};
