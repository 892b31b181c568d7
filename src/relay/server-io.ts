/** What goes into the machine of a relay and what comes out of it; the data plane (src/device/relay-device.ts) gives the one and takes the other. */
import type { Endpoint } from '../core/endpoint.js';

/** Where a datagram came from: `udp/IP:PORT`, or `tls/NUMBER` for a connection. */
export type Origin = string & { readonly __brand: 'Origin' };

/** What the machine gives away at most; each can be configured. The data plane has limits of its own. */
export interface RelayLimits {
  /** Clients in all, and of one source address. */
  readonly clients: number;
  readonly clientsPerSource: number;
  /** Bytes a second that one client may send; 0: as many as go. */
  readonly bytesPerSecondPerClient: number;
}

export type RelayInput =
  /** A login 1 with a good cookie, a login 3, or a message under an installed index. `address`: where it's from, known for TLS too. */
  | { readonly kind: 'datagram'; readonly from: Origin; readonly address: Endpoint; readonly datagram: Uint8Array }
  /** A TLS connection ended. */
  | { readonly kind: 'gone'; readonly from: Origin }
  | { readonly kind: 'tick' }
  /** The relay goes: everyone is told. */
  | { readonly kind: 'close' };

export type RelayOutput =
  /** A login 2 or a relay message. */
  | { readonly kind: 'send'; readonly to: Origin; readonly datagram: Uint8Array }
  /** From now on envelopes are taken from `from` under `index`, and go to it with `clientIndex` under its pseudonym, among those who share a tag. */
  | {
      readonly kind: 'install-client';
      readonly from: Origin;
      readonly index: number;
      readonly clientIndex: number;
      /** 8 bytes. */
      readonly pseudonym: Uint8Array;
      /** 16 bytes each. */
      readonly tags: readonly Uint8Array[];
      /** 0: as many as go. */
      readonly bytesPerSecond: number;
    }
  | { readonly kind: 'drop-client'; readonly index: number };

/** One client, for people: what the relay knows of it. */
export interface RelayClientState {
  readonly index: number;
  /** 16 hex digits. */
  readonly pseudonym: string;
  readonly address: Endpoint;
  readonly transport: 'udp' | 'tls';
  /** Others who share a tag with it. */
  readonly others: number;
  readonly sinceMs: number;
}
