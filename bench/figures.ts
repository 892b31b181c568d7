/** What is measured of each system, in each round. */

export const FIGURES = {
  tcp: { title: 'TCP, one stream', unit: 'Mbit/s', digits: 0, better: 'higher' },
  tcpBack: { title: 'TCP, one stream back', unit: 'Mbit/s', digits: 0, better: 'higher' },
  tcpFour: { title: 'TCP, four streams', unit: 'Mbit/s', digits: 0, better: 'higher' },
  packets: { title: '128-byte UDP received', unit: '1000/s', digits: 1, better: 'higher' },
  rtt: { title: 'ping, idle', unit: 'ms', digits: 3, better: 'lower' },
  rttLoad: { title: 'ping under TCP load', unit: 'ms', digits: 2, better: 'lower' },
  cpu: { title: 'CPU per gigabyte', unit: 's', digits: 2, better: 'lower' },
  memory: { title: 'memory (PSS) per end', unit: 'MB', digits: 1, better: 'lower' },
  tcpLossy: { title: 'TCP, 1 % lost', unit: 'Mbit/s', digits: 1, better: 'higher' },
} as const satisfies Record<string, FigureInfo>;

interface FigureInfo {
  readonly title: string;
  readonly unit: string;
  /** Digits after the point in tables. */
  readonly digits: number;
  readonly better: 'higher' | 'lower';
}

export type Figure = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as readonly Figure[];

/** One system in one round; null for what couldn't be measured. */
export type Measurement = Readonly<Record<Figure, number | null>>;

/** A yardstick is no VPN; a rival encrypts. */
export type Kind = 'yardstick' | 'project' | 'rival';

export interface SystemResult {
  readonly name: string;
  readonly kind: Kind;
  /** Its version, in its own words. */
  readonly version: string;
  /** What it does to frames, in a few words. */
  readonly does: string;
  /** One a round; null where it didn't run. */
  readonly rounds: readonly (Measurement | null)[];
}

/** What's measured of one daemon of three that have a network and nothing to do. */
export interface IdleResult {
  /** PSS of a member's processes, bytes. */
  readonly memory: number;
  /** The same of the member that runs the private DHT as well. */
  readonly memoryOfDhtHost: number;
  /** Share of one core, 0 to 1; null if it wasn't asked for. */
  readonly cpu: number | null;
}
