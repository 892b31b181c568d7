/** Linux; and what's no other system that p2p knows. */
import type { System } from './system.js';

const RUN = 'sudo p2p daemon';
const INSTALL = 'sudo p2p service install';

export const LINUX: System = {
  name: 'linux',
  state: '/var/lib/p2p',
  config: '/etc/p2p/config.yaml',
  hosts: '/etc/hosts',
  socket: '/run/p2p/p2p.sock',
  syslog: '/dev/log',
  nobody: 65_534,
  device: (n) => `p2p${n}`,
  hooks: {
    line: (line) => ['/bin/sh', '-c', line],
    environment: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    killTree: null,
    directory: '/',
  },
  looks: [
    ['ip', '-brief', 'link'],
    ['ip', '-brief', 'address'],
    ['ip', 'rule'],
    ['ip', 'route'],
    ['ip', '-6', 'route'],
  ],
  logFile: null,
  serviceLog: (lines) => ['journalctl', '--unit=p2p', `--lines=${lines}`, '--no-pager', '--output=short-iso'],
  advice: {
    runDaemon: RUN,
    installService: INSTALL,
    installForAll: 'e.g. with make install',
    asAdministrator: 'try again with sudo',
    joinGroup:
      'sudo usermod -aG p2p $USER, then log in anew; should there be no such group: sudo groupadd --system p2p, and restart the daemon',
    makeGroup: 'groupadd --system p2p',
    deviceRights: `it needs CAP_NET_ADMIN and the device /dev/net/tun: stop it, then run it as root (${RUN}) or as a service (${INSTALL}); a container needs --cap-add NET_ADMIN --device /dev/net/tun`,
    deviceMissing:
      'the system has no /dev/net/tun; try: sudo modprobe tun, and in a container, give it the device: --device /dev/net/tun',
    forwarding: { ipv4: 'sysctl net.ipv4.ip_forward=1', ipv6: 'sysctl net.ipv6.conf.all.forwarding=1' },
  },
};
