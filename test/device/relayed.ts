/**
 * A pair of devices with a relay between them: it listens in the first one's namespace. What a control plane would do is done by the
 * test: it logs both in without Noise, by telling the relay of them.
 *
 *     one ── loopback ── relay 192.0.2.1:4910, TLS 4911 ── cable ── two
 */
import { randomBytes } from 'node:crypto';
import { concat, u16, u32 } from '../../src/core/bytes.js';
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import { type RelayTransport, type RelayWay, relayWay } from '../../src/core/way.js';
import { DEFAULT_RELAY_LIMITS, type Origin, type RelayDeviceConfig } from '../../src/device/relay-device.js';
import { RelayHost } from './host.js';
import { HOST_ADDRESS, type HostName } from './namespaces.js';
import { OTHER, Pair, PEER, PORT } from './pair.js';

export const RELAY_PORT = { udp: 4_910, tls: 4_911 } as const;
export const PSEUDONYM = { one: new Uint8Array(8).fill(0x1a), two: new Uint8Array(8).fill(0x2b) } as const;
/** The relay's index of each, and its own. */
export const RELAY_INDEX = { one: 0x101, two: 0x102 } as const;
export const CLIENT_INDEX = { one: 0x201, two: 0x202 } as const;
export const TAG = new Uint8Array(16).fill(7);
const LOGIN_1 = 0x28;

export function relayEndpoint(transport: RelayTransport): Endpoint {
  return makeEndpoint(HOST_ADDRESS.one, RELAY_PORT[transport]);
}

export function relayConfig(changes: Partial<RelayDeviceConfig> = {}): RelayDeviceConfig {
  return { host: null, port: RELAY_PORT.udp, tlsPort: RELAY_PORT.tls, limits: DEFAULT_RELAY_LIMITS, ...changes };
}

/** 160 bytes; the data plane looks at no more than the cookie. */
export function login1(clientIndex: number, cookie: Uint8Array = new Uint8Array(16)): Uint8Array {
  const head = concat(new Uint8Array([LOGIN_1, 1, 0, 0]), u32(clientIndex), cookie);
  return concat(head, new Uint8Array(160 - head.length));
}

/** The way to a host through the relay. */
export function wayTo(host: HostName, transport: RelayTransport): RelayWay {
  return relayWay(transport, relayEndpoint(transport), PSEUDONYM[host]);
}

export class RelayedPair {
  private constructor(
    readonly pair: Pair,
    public relay: RelayHost,
  ) {}

  static async make(): Promise<RelayedPair> {
    const pair = await Pair.make();
    return new RelayedPair(pair, new RelayHost(pair.namespaces.name('one')));
  }

  async remove(): Promise<void> {
    await this.relay.end();
    await this.pair.remove();
  }

  /** Logs a host in by a transport, with the cookie that the relay wants to see. Gives where the relay sees it. */
  async logIn(host: HostName, transport: RelayTransport, bytesPerSecond = 0): Promise<Origin> {
    const device = this.pair.hosts[host];
    const relay = relayEndpoint(transport);
    device.forget();
    this.relay.forget();
    await device.apply({ kind: 'open-relay', relay, transport, proxy: null });
    if (transport === 'tls') await device.event('relay-open');
    await device.apply({ kind: 'send-relay', relay, transport, datagram: login1(CLIENT_INDEX[host]) });
    const { datagram: answer } = await device.event('relay-datagram');
    await device.apply({
      kind: 'send-relay',
      relay,
      transport,
      datagram: login1(CLIENT_INDEX[host], answer.subarray(8, 24)),
    });
    const { from } = await this.relay.event('datagram');
    await this.relay.apply({
      kind: 'install-client',
      from,
      index: RELAY_INDEX[host],
      clientIndex: CLIENT_INDEX[host],
      pseudonym: PSEUDONYM[host],
      tags: [TAG],
      bytesPerSecond,
    });
    const indices = { ownIndex: CLIENT_INDEX[host], relayIndex: RELAY_INDEX[host] };
    await device.apply({ kind: 'set-relay-login', relay, transport, ...indices });
    return from;
  }

  /** Frames of both go through the relay from now on; `transports`: by what each reaches it. */
  async goThrough(transports: Record<HostName, RelayTransport>, maxDatagram = 1_436): Promise<void> {
    for (const host of ['one', 'two'] as const) {
      const endpoint = wayTo(OTHER[host], transports[host]);
      await this.pair.hosts[host].apply({ kind: 'set-endpoint', peer: PEER, endpoint, maxDatagram });
    }
  }

  async goDirectly(maxDatagram = 1_452): Promise<void> {
    for (const host of ['one', 'two'] as const) {
      const endpoint = makeEndpoint(HOST_ADDRESS[OTHER[host]], PORT);
      await this.pair.hosts[host].apply({ kind: 'set-endpoint', peer: PEER, endpoint, maxDatagram });
    }
  }
}

/** A relay message as the data plane sees it: a header, and what it can't open. */
export function relayMessage(index: number, length = 48): Uint8Array {
  const head = concat(new Uint8Array([0x49, 0]), u16(0), u32(index));
  return concat(head, new Uint8Array(randomBytes(length - head.length)));
}

/** A login 3: 300 bytes, of which the data plane looks at the kind. */
export function lastStep(): Uint8Array {
  return concat(new Uint8Array([0x2b, 1, 0, 0]), new Uint8Array(randomBytes(296)));
}
