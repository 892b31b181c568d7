/**
 * What the control plane of a relay server asks of its data plane: UDP sockets and a TLS listener, the table by which sealed
 * datagrams are forwarded, cookies and limits before anything comes up (docs/protocol.md section 11). `native-relay.ts`
 * implements it in Rust. No forwarded datagram passes this interface.
 */
import type { Endpoint } from '../core/endpoint.js';

/**
 * Where a client's datagrams come from: `udp/192.0.2.1:4900` or `tls/7`, the number of a TLS connection, which no later
 * connection of the same device gets again.
 */
export type Origin = string & { readonly __brand: 'Origin' };

/** A client of a relay has an index of 32 bits, chosen by the control plane: random, not 0, unique within the device. */
export type ClientIndex = number;

/** Clients that a relay device has at most. */
export const MAX_CLIENTS = 1_024;

export interface RelayDeviceLimits {
  /** Bytes of forwarded datagrams, envelopes included, that come in a second from all clients together; 0: as many as the machine can. */
  readonly bytesPerSecond: number;
  /** Logins with a good cookie in a second, from one source (an IPv4 address, an IPv6 /64) and in all; eight times as many at once. */
  readonly loginsPerSource: number;
  readonly logins: number;
  /** TLS connections at once, and of one source. */
  readonly tlsConnections: number;
  readonly tlsConnectionsPerSource: number;
  /** Bytes that wait for one TLS connection before the oldest datagrams are dropped. */
  readonly tlsQueueBytes: number;
}

export const DEFAULT_RELAY_LIMITS: RelayDeviceLimits = {
  bytesPerSecond: 0,
  loginsPerSource: 8,
  logins: 64,
  tlsConnections: 512,
  tlsConnectionsPerSource: 64,
  tlsQueueBytes: 512 * 1_024,
};

export interface RelayDeviceConfig {
  /** The IP address to listen at, or null for all, IPv4 and IPv6. */
  readonly host: string | null;
  /** UDP port. */
  readonly port: number;
  /** TCP port for TLS, or null for none. */
  readonly tlsPort: number | null;
  readonly limits: RelayDeviceLimits;
}

export type RelayDeviceCommand =
  /** Sends a login 2 or a relay message to where something came from. Nothing happens if that connection is gone. */
  | { readonly kind: 'send'; readonly to: Origin; readonly datagram: Uint8Array }
  /**
   * Forwards for a client from now on. One with the same index, or with the same pseudonym under a tag of this one, makes way without a `gone`.
   * @throws RangeError-like Error if there are `MAX_CLIENTS` already.
   */
  | {
      readonly kind: 'install-client';
      readonly from: Origin;
      readonly index: ClientIndex;
      /** Index that the client knows its login by. */
      readonly clientIndex: number;
      /** 8 bytes. */
      readonly pseudonym: Uint8Array;
      /** One or two, 16 bytes each. */
      readonly tags: readonly Uint8Array[];
      /** Bytes that the client may send in a second, a quarter of a second's worth at once; 0: no limit of its own. */
      readonly bytesPerSecond: number;
    }
  | { readonly kind: 'drop-client'; readonly index: ClientIndex }
  | { readonly kind: 'set-limits'; readonly limits: RelayDeviceLimits };

/** `at`: ms of the clock that `monotonicMs` of native.ts reads. */
export type RelayDeviceEvent =
  /**
   * A login 1 with a good cookie, a login 3 from where such a login 1 came from less than 10 s ago, or a relay message for an installed client from its own
   * origin. Lengths are those of the kind; nothing else has been looked at. `address`: where it came from, also for TLS.
   */
  | {
      readonly kind: 'datagram';
      readonly at: number;
      readonly from: Origin;
      readonly address: Endpoint;
      readonly datagram: Uint8Array;
    }
  /** A TLS connection that something came up from has ended; the clients installed from it are gone already. */
  | { readonly kind: 'gone'; readonly at: number; readonly from: Origin }
  /** The device can't go on. Nothing follows. */
  | { readonly kind: 'device-gone'; readonly at: number; readonly error: string };

export interface ClientCounters {
  readonly index: ClientIndex;
  /** Bytes of envelopes that came from the client and went to it. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Its envelopes that weren't forwarded. */
  readonly drops: number;
}

export interface RelayDeviceStats {
  readonly clients: readonly ClientCounters[];
  readonly bytesForwarded: number;
  readonly datagramsForwarded: number;
  readonly tlsConnections: number;
  /** By reason (docs/dataplane-notes.md). */
  readonly drops: Readonly<Record<string, number>>;
}

export interface RelayDevice {
  /** Carries out steps in order. Never throws for what a client caused. */
  apply(commands: readonly RelayDeviceCommand[]): void;
  stats(): RelayDeviceStats;
  /** Closes sockets and connections, joins the thread. Nothing is emitted afterwards. */
  close(): Promise<void>;
}

/** Rejects with a `DeviceError` (`port-taken`, `address-refused`, `no-permission`, `failed`); then nothing is left behind. */
export type OpenRelayDevice = (
  config: RelayDeviceConfig,
  onEvents: (events: readonly RelayDeviceEvent[]) => void,
) => Promise<RelayDevice>;
