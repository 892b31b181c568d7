/** What network devices are called on each system, and what it takes to make one. */

/** ZeroTier, which makes `feth` interfaces as well, has numbers below it. */
const FIRST_FETH = 10_000;

export interface SystemDevice {
  /** The name of the nth device, from 0. */
  name(n: number): string;
  /** What to do about a right that's missing. */
  readonly rights: string;
  /** What to do if the system can't make any. `error`: what the data plane said. */
  missing(error: string): string;
}

export function systemDevice(platform: NodeJS.Platform): SystemDevice {
  switch (platform) {
    case 'darwin':
      return {
        name: (n) => `feth${FIRST_FETH + n}`,
        rights: 'it needs root: run it with sudo (sudo p2p daemon), or as a service (sudo p2p service install)',
        missing: (error) => error,
      };
    case 'win32':
      return {
        name: (n) => `p2p${n}`,
        rights:
          'it needs the rights of an administrator: run it in a terminal that was opened as one, or as a service (p2p service install)',
        missing: (error) => error,
      };
    default:
      return {
        name: (n) => `p2p${n}`,
        rights:
          'it needs CAP_NET_ADMIN and the device /dev/net/tun: run it as root (sudo p2p daemon), or as a service as platform/linux/p2p.service does',
        missing: (error) => `the system has no /dev/net/tun; try: modprobe tun (${error})`,
      };
  }
}
