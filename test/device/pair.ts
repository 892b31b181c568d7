/** Two devices joined by a cable, or by a bad wire, with the traffic that tests send through them. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeEndpoint } from '../../src/core/endpoint.js';
import type { DeviceConfig } from '../../src/device/device.js';
import { Host } from './host.js';
import { HOST_ADDRESS, type HostName, joinedNamespaces, type Namespaces } from './namespaces.js';

export const PORT = 4900;
export const PEER = 7;
export const MAC = { one: '02:00:00:00:00:01', two: '02:00:00:00:00:02' } as const;
export const OVERLAY = { one: '10.10.10.1', two: '10.10.10.2' } as const;
export const OVERLAY_6 = { one: '2001:db8:10::1', two: '2001:db8:10::2' } as const;
export const INDEX = { one: 0x11111111, two: 0x22222222 } as const;
export const OTHER = { one: 'two', two: 'one' } as const;
const WIRE_PORT = { one: 5_001, two: 5_002 } as const;
const TRAFFIC = fileURLToPath(new URL('../../../test/device/tools/traffic.py', import.meta.url));
const PYTHON = '/usr/bin/python3';

export function macBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(':', ''), 'hex'));
}

/** How one side is set up. */
export interface Side {
  readonly changes?: Partial<DeviceConfig>;
  /** Whether the other side believes that this one understands offload. */
  readonly understood?: boolean;
  readonly maxDatagram?: number;
}

/** Parts of a thousand. */
export interface Faults {
  readonly seed: number;
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
}

export class Pair {
  readonly keys = { one: randomBytes(32), two: randomBytes(32) };
  #wire: ChildProcessWithoutNullStreams | null = null;

  private constructor(
    readonly namespaces: Namespaces,
    readonly hosts: Record<HostName, Host>,
  ) {}

  /** `prelude`: a shell command that the first host's program is preceded by. */
  static async make(prelude = ''): Promise<Pair> {
    const namespaces = await joinedNamespaces();
    const one = new Host(namespaces.name('one'), prelude);
    return new Pair(namespaces, { one, two: new Host(namespaces.name('two')) });
  }

  async remove(): Promise<void> {
    await this.endWire();
    await Promise.all([this.hosts.one.end(), this.hosts.two.end()]);
    await this.namespaces.remove();
  }

  /** Opens both devices with a session between them. With `faults` a bad wire carries their datagrams. */
  async open(sides: Partial<Record<HostName, Side>> = {}, faults: Faults | null = null): Promise<void> {
    if (faults !== null) await this.#startWire(faults);
    for (const host of ['one', 'two'] as const) await this.hosts[host].open(config(host, sides[host]?.changes ?? {}));
    for (const host of ['two', 'one'] as const) {
      const other = OTHER[host];
      const direct = makeEndpoint(HOST_ADDRESS[other], PORT);
      const endpoint = faults === null ? direct : makeEndpoint(HOST_ADDRESS.one, WIRE_PORT[host]);
      const offload = sides[other]?.understood ?? true;
      const maxDatagram = sides[host]?.maxDatagram ?? 1_452;
      await this.hosts[host].apply(
        {
          kind: 'set-peer',
          peer: PEER,
          macs: [macBytes(MAC[other])],
          addresses: [OVERLAY[other], OVERLAY_6[other]],
          offload,
          bridge: false,
        },
        { kind: 'set-endpoint', peer: PEER, endpoint, maxDatagram },
        { kind: 'install-session', keys: this.#keysOf(host) },
        { kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null },
      );
    }
    await this.hosts.two.event('session-heard');
  }

  #keysOf(host: HostName) {
    const other = OTHER[host];
    return {
      peer: PEER,
      localIndex: INDEX[host],
      remoteIndex: INDEX[other],
      sealKey: this.keys[host],
      openKey: this.keys[other],
      use: host === 'one' ? ('seal-now' as const) : ('seal-when-heard' as const),
      lifetime: 600_000,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.hosts.one.close(), this.hosts.two.close()]);
    for (const host of ['one', 'two'] as const) this.hosts[host].forget();
    this.keys.one = randomBytes(32);
    this.keys.two = randomBytes(32);
    await this.endWire();
  }

  async #startWire({ seed, loss, duplication, reordering }: Faults): Promise<void> {
    const program = fileURLToPath(new URL('./wire-program.js', import.meta.url));
    const faults = [seed, loss, duplication, reordering].map(String);
    const ends = [WIRE_PORT.one, `${HOST_ADDRESS.two}:${PORT}`, WIRE_PORT.two, `${HOST_ADDRESS.one}:${PORT}`];
    const args = ['serve', ...faults, ...ends.map(String)];
    this.#wire = spawn('ip', ['netns', 'exec', this.namespaces.name('one'), process.execPath, program, ...args]);
    this.#wire.stderr.pipe(process.stderr);
    await once(this.#wire.stdout, 'data');
  }

  async endWire(): Promise<void> {
    const wire = this.#wire;
    this.#wire = null;
    if (wire === null || wire.exitCode !== null) return;
    const ended = once(wire, 'exit');
    wire.stdin.end();
    await ended;
  }

  /** Sends `length` bytes over TCP from a host to the other's address. Gives the hashes of what went and of what came. */
  async tcp(from: HostName, address: string, length: number, port = 5_200): Promise<[string, string]> {
    const at = [address, String(port)];
    return this.#compared(from, ['tcp-serve', ...at], ['tcp-send', ...at, String(length)]);
  }

  /** Sends messages over UDP, cut by the kernel if `segment` isn't 0. Gives hashes and numbers of datagrams. */
  async udp(
    from: HostName,
    address: string,
    message: { readonly count: number; readonly length: number; readonly segment: number },
  ): Promise<[string, string]> {
    const { count, length, segment } = message;
    const datagrams = count * (segment === 0 ? 1 : Math.ceil(length / segment));
    const numbers = [count, length, segment].map(String);
    return this.#compared(
      from,
      ['udp-serve', address, '5201', String(datagrams)],
      ['udp-send', address, '5201', ...numbers],
    );
  }

  /** Sends numbered datagrams in several flows at once: how many of each came, and how many after a later one. */
  async ordered(
    from: HostName,
    address: string,
    flows: number,
    count: number,
  ): Promise<{ came: number[]; late: number[] }> {
    const at = [address, '5300', String(flows)];
    const [, received] = await this.#compared(from, ['order-serve', ...at], ['order-send', ...at, String(count)]);
    const [came = [], late = []] = received.split('late').map((half) => half.trim().split(' ').map(Number));
    return { came, late };
  }

  async #compared(from: HostName, serve: string[], send: string[]): Promise<[string, string]> {
    const inside = ['netns', 'exec', this.namespaces.name(OTHER[from]), PYTHON, TRAFFIC, ...serve];
    const server = spawn('ip', inside);
    server.stderr.pipe(process.stderr);
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    await lines.next();
    try {
      const sent = await this.namespaces.run(from, PYTHON, TRAFFIC, ...send);
      const received = await lines.next();
      return [sent.trim(), String(received.value)];
    } finally {
      server.kill();
    }
  }

  /** What grew in a host's counters while something happened. */
  async counted(host: HostName, happening: () => Promise<void>): Promise<{ framesOut: number; bytesOut: number }> {
    const before = (await this.hosts[host].stats()).peers[0];
    await happening();
    const after = (await this.hosts[host].stats()).peers[0];
    return {
      framesOut: (after?.framesOut ?? 0) - (before?.framesOut ?? 0),
      bytesOut: (after?.bytesOut ?? 0) - (before?.bytesOut ?? 0),
    };
  }
}

export function config(host: HostName, changes: Partial<DeviceConfig> = {}): DeviceConfig {
  return {
    name: 'p2p0',
    mac: macBytes(MAC[host]),
    mtu: 1360,
    addresses: [`${OVERLAY[host]}/24`, `${OVERLAY_6[host]}/64`],
    port: PORT,
    networkAdmissionKey: randomBytes(32),
    ownAdmissionKey: randomBytes(32),
    cookieKey: randomBytes(32),
    tapOffload: true,
    udpGso: true,
    udpGro: true,
    threads: 1,
    fwmark: 0,
    mssClamp: false,
    bridge: false,
    ...changes,
  };
}
