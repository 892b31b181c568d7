/** Hosts whose devices are in memory and whose UDP is a map: all else of the daemon is the real thing. */
import { randomBytes } from 'node:crypto';
import { type Endpoint, makeEndpoint, parseEndpoint } from '../../src/core/endpoint.js';
import type { MappingClient } from '../../src/core/port-mapping.js';
import type { Host } from '../../src/daemon/host.js';
import type { RouteTable } from '../../src/daemon/routes/keeper.js';
import { type Device, type DeviceConfig, DeviceError, type DeviceEvent } from '../../src/device/device.js';
import { MemoryDevice } from '../../src/device/memory.js';
import { MemoryRelay } from '../../src/device/memory-relay.js';
import type { OpenRelayDevice } from '../../src/device/relay-device.js';
import { DhtProcess, type DhtProcessOptions } from '../../src/discovery/dht/process.js';

export class Wire {
  readonly devices = new Map<Endpoint, MemoryDevice>();

  host(ip: string): TestHost {
    return new TestHost(this, ip);
  }
}

export class TestHost implements Host {
  readonly devices = new Map<string, { readonly device: MemoryDevice; readonly emit: (event: DeviceEvent) => void }>();
  /** Interfaces of other programs. */
  readonly foreignDevices = new Set<string>();
  /** UDP ports of other programs. */
  readonly foreignPorts = new Set<number>();
  /** What opening a device fails with, if anything. */
  failure: DeviceError | null = null;
  private addressesChanged = (): void => undefined;

  constructor(
    private readonly wire: Wire,
    public ip: string,
  ) {}

  now = (): number => performance.now();

  /** The relay machine's data plane needs no rights: it's opened nowhere, and forwards for whoever the test hands in. */
  openRelay: OpenRelayDevice = (_config, onEvents) =>
    Promise.resolve(
      new MemoryRelay({
        random: (bytes) => new Uint8Array(randomBytes(bytes)),
        now: this.now,
        send: () => undefined,
        emit: (event) => onEvents([event]),
      }),
    );

  /** What its wall clock shows beyond the real one, in ms. */
  wallAhead = 0;

  wall = (): number => Date.now() + this.wallAhead;

  openDevice = (config: DeviceConfig, onEvents: (events: readonly DeviceEvent[]) => void): Promise<Device> => {
    const endpoint = makeEndpoint(this.ip, config.port);
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.devices.has(config.name) || this.foreignDevices.has(config.name))
      return Promise.reject(new DeviceError('name-taken', 'File exists'));
    if (this.wire.devices.has(endpoint) || this.foreignPorts.has(config.port))
      return Promise.reject(new DeviceError('port-taken', 'Address already in use'));
    const emit = (event: DeviceEvent) =>
      setImmediate(() => this.devices.get(config.name)?.device === device && onEvents([event]));
    const device = new MemoryDevice(config, {
      random: (bytes) => new Uint8Array(randomBytes(bytes)),
      now: this.now,
      send: (to, datagram) => setImmediate(() => this.wire.devices.get(to)?.receive(endpoint, datagram)),
      deliver: () => undefined,
      emit,
    });
    this.devices.set(config.name, { device, emit });
    this.wire.devices.set(endpoint, device);
    const close = device.close.bind(device);
    device.close = () => {
      this.devices.delete(config.name);
      this.wire.devices.delete(endpoint);
      return close();
    };
    return Promise.resolve(device);
  };

  openDht = (options: DhtProcessOptions): DhtProcess => new DhtProcess(options);

  openLan = (): never => {
    throw new Error('these hosts are on no LAN');
  };

  resolvePeer = (text: string): Promise<Endpoint[]> => {
    const endpoint = parseEndpoint(text);
    return endpoint === null ? Promise.reject(new Error(`${text} is unknown`)) : Promise.resolve([endpoint]);
  };

  localAddresses = () => [{ device: 'eth0', zone: '2', ip: this.ip, prefix: 24 }];

  defaultRoute = () => null;

  defaultRoute6 = () => null;

  mapping: MappingClient = {
    map: () => Promise.reject(new Error('these hosts have no router')),
    release: () => Promise.reject(new Error('these hosts have no router')),
  };

  /** Routes in this host's table, `SUBNET via GATEWAY dev DEVICE`. */
  readonly routing = new Set<string>();

  routes: RouteTable = {
    addRoute: ({ subnet, gateway, device }) => void this.routing.add(`${subnet} via ${gateway} dev ${device}`),
    removeRoute: ({ subnet, gateway, device }) => void this.routing.delete(`${subnet} via ${gateway} dev ${device}`),
  };

  forwards = () => false;

  heldFile = () => null;

  watchAddresses = (onChange: () => void) => {
    this.addressesChanged = onChange;
    return { close: () => undefined };
  };

  moveTo(ip: string): void {
    this.ip = ip;
    this.addressesChanged();
  }
}
