/** The relays that a device has open: what it may take from them, and how a datagram goes through one. The model for the table in Rust. */
import type { Endpoint } from '../../core/endpoint.js';
import { type RelayTransport, type RelayWay, relayWay, relayWayParts } from '../../core/way.js';
import { readEnvelope, writeEnvelope } from '../../wire/relay.js';
import { MAX_RELAYS } from '../device.js';

interface Login {
  readonly ownIndex: number;
  readonly relayIndex: number;
}

export class Relays {
  private readonly open = new Map<string, Login | null>();

  /** False if there are as many as there may be. */
  add(transport: RelayTransport, relay: Endpoint): boolean {
    if (this.open.size >= MAX_RELAYS && !this.has(transport, relay)) return false;
    this.open.set(key(transport, relay), null);
    return true;
  }

  remove(transport: RelayTransport, relay: Endpoint): void {
    this.open.delete(key(transport, relay));
  }

  has(transport: RelayTransport, relay: Endpoint): boolean {
    return this.open.has(key(transport, relay));
  }

  setLogin(transport: RelayTransport, relay: Endpoint, login: Login): void {
    if (this.has(transport, relay)) this.open.set(key(transport, relay), login);
  }

  /** The envelope that takes a datagram that way; null if there's no login there. */
  wrap(way: RelayWay, datagram: Uint8Array): Uint8Array | null {
    const { transport, relay, pseudonym } = relayWayParts(way);
    const login = this.open.get(key(transport, relay)) ?? null;
    if (login === null) return null;
    return writeEnvelope(login.relayIndex, Uint8Array.from(Buffer.from(pseudonym, 'hex')), datagram);
  }

  /** What an envelope carries, and the way that it came; or why it's dropped. */
  unwrap(
    transport: RelayTransport,
    relay: Endpoint,
    bytes: Uint8Array,
  ): { readonly from: RelayWay; readonly datagram: Uint8Array } | string {
    const login = this.open.get(key(transport, relay)) ?? null;
    if (login === null) return 'relay-unknown';
    const envelope = readEnvelope(bytes);
    if (envelope === null) return 'envelope-malformed';
    if (envelope.receiverIndex !== login.ownIndex) return 'relay-unknown';
    return { from: relayWay(transport, relay, envelope.pseudonym), datagram: envelope.datagram };
  }
}

function key(transport: RelayTransport, relay: Endpoint): string {
  return `${transport}/${relay}`;
}
