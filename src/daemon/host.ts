/** What the daemon uses of the machine it runs on. `main.ts` fills in the real parts, tests those that need no rights. */
import type { Endpoint } from '../core/endpoint.js';
import type { LocalAddress } from '../core/local-address.js';
import type { DefaultRoute, MappingClient } from '../core/port-mapping.js';
import type { OpenDevice } from '../device/device.js';
import type { OpenRelayDevice } from '../device/relay-device.js';
import type { DhtProcess, DhtProcessOptions } from '../discovery/dht/process.js';
import type { LanBeacons, LanOptions } from '../discovery/lan.js';
import type { RouteTable } from './routes/keeper.js';

export interface Host {
  readonly openDevice: OpenDevice;
  /** ms on the clock that device events are stamped with. */
  now(): number;
  readonly openRelay: OpenRelayDevice;
  /** What the wall clock shows, in ms since 1970. */
  wall(): number;
  openLan(options: LanOptions): LanBeacons;
  openDht(options: DhtProcessOptions): DhtProcess;
  /** All endpoints that `HOST:PORT` stands for now. */
  resolvePeer(text: string): Promise<Endpoint[]>;
  /** Addresses of this machine, but for the devices that `exclude` names. */
  localAddresses(exclude: (device: string) => boolean): LocalAddress[];
  /** The way out over one of these addresses' devices, or null. */
  defaultRoute(addresses: readonly LocalAddress[]): DefaultRoute | null;
  /** As `defaultRoute`, for IPv6. */
  defaultRoute6(addresses: readonly LocalAddress[]): Pick<DefaultRoute, 'gateway' | 'device'> | null;
  /** The system's routes to subnets behind members. */
  readonly routes: RouteTable;
  /** Whether this machine forwards packets of others; null: it isn't known. */
  forwards(family: 'ipv4' | 'ipv6'): boolean | null;
  /** The descriptor of a file that the service manager has opened for this process under that name, or null. */
  heldFile(name: string): number | null;
  /** Asks routers for port mappings. */
  readonly mapping: MappingClient;
  /** Calls back when addresses, interfaces or routes have changed. */
  watchAddresses(onChange: () => void): { close(): void };
}
