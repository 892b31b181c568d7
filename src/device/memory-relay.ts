/** The data plane of a relay in memory: cookies, the forwarding table, slow and obvious. The simulation's relay, and the model of the Rust one. */
import { createHmac } from 'node:crypto';
import { hex, sameBytes, utf8 } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import {
  COOKIE_BYTES,
  LOGIN1_BYTES,
  LOGIN3_BYTES,
  messageReceiver,
  RELAY_KIND,
  readEnvelope,
  readLogin1,
  writeEnvelope,
  writeLoginCookie,
} from '../wire/relay.js';
import type { Origin, RelayDevice, RelayDeviceCommand, RelayDeviceEvent, RelayDeviceStats } from './relay-device.js';

/** The world around a relay in memory. */
export interface RelaySurroundings {
  readonly random: Random;
  /** Ms, monotonic. */
  now(): number;
  send(to: Origin, datagram: Uint8Array): void;
  emit(event: RelayDeviceEvent): void;
}

type Client = Extract<RelayDeviceCommand, { kind: 'install-client' }>;

/** Where the cookie stands in a login 1. */
const COOKIE_AT = 8;

export class MemoryRelay implements RelayDevice {
  private readonly clients = new Map<number, Client>();
  private readonly drops = new Map<string, number>();
  private readonly cookieSecret: Uint8Array;
  private datagramsForwarded = 0;
  private bytesForwarded = 0;

  constructor(private readonly around: RelaySurroundings) {
    this.cookieSecret = around.random(32);
  }

  apply(commands: readonly RelayDeviceCommand[]): void {
    for (const command of commands) {
      if (command.kind === 'send') this.around.send(command.to, command.datagram);
      else if (command.kind === 'install-client') this.install(command);
      else if (command.kind === 'drop-client') this.clients.delete(command.index);
    }
  }

  stats(): RelayDeviceStats {
    const { datagramsForwarded, bytesForwarded } = this;
    const drops = Object.fromEntries(this.drops);
    return { clients: [], datagramsForwarded, bytesForwarded, tlsConnections: 0, drops };
  }

  close(): Promise<void> {
    this.clients.clear();
    return Promise.resolve();
  }

  /** A datagram of a client. */
  receive(from: Origin, address: Endpoint, datagram: Uint8Array): void {
    this.count(this.take(from, address, datagram));
  }

  /** A client's connection ended. */
  disconnected(from: Origin): void {
    for (const [index, client] of this.clients) if (client.from === from) this.clients.delete(index);
    this.around.emit({ kind: 'gone', at: this.around.now(), from });
  }

  private take(from: Origin, address: Endpoint, datagram: Uint8Array): string | null {
    switch (datagram[0]) {
      case RELAY_KIND.login1:
        return this.login(from, address, datagram);
      case RELAY_KIND.login3:
        return datagram.length === LOGIN3_BYTES ? this.up(from, address, datagram) : 'login-malformed';
      case RELAY_KIND.message:
        return this.clients.get(messageReceiver(datagram) ?? 0)?.from === from
          ? this.up(from, address, datagram)
          : 'message-unknown';
      case RELAY_KIND.envelope:
        return this.forward(from, datagram);
      default:
        return 'unknown-kind';
    }
  }

  /** Nothing comes up, and nothing is remembered, before a cookie proves that the source is real. */
  private login(from: Origin, address: Endpoint, datagram: Uint8Array): string | null {
    const login = datagram.length === LOGIN1_BYTES ? readLogin1(datagram) : null;
    if (login === null) return 'login-malformed';
    const cookie = this.cookieFor(from);
    if (sameBytes(datagram.subarray(COOKIE_AT, COOKIE_AT + COOKIE_BYTES), cookie))
      return this.up(from, address, datagram);
    this.around.send(from, writeLoginCookie(login.clientIndex, cookie));
    return null;
  }

  private up(from: Origin, address: Endpoint, datagram: Uint8Array): null {
    this.around.emit({ kind: 'datagram', at: this.around.now(), from, address, datagram });
    return null;
  }

  private forward(from: Origin, bytes: Uint8Array): string | null {
    const envelope = readEnvelope(bytes);
    if (envelope === null) return 'envelope-malformed';
    const sender = this.clients.get(envelope.receiverIndex);
    if (sender === undefined || sender.from !== from) return 'envelope-stranger';
    const receiver = [...this.clients.values()].find(
      (client) => sameBytes(client.pseudonym, envelope.pseudonym) && shareTag(client, sender),
    );
    if (receiver === undefined) return 'envelope-nobody';
    this.datagramsForwarded++;
    this.bytesForwarded += bytes.length;
    this.around.send(receiver.from, writeEnvelope(receiver.clientIndex, sender.pseudonym, envelope.datagram));
    return null;
  }

  private install(client: Client): void {
    for (const [index, other] of this.clients) {
      if (sameBytes(other.pseudonym, client.pseudonym) && shareTag(other, client)) this.clients.delete(index);
    }
    this.clients.set(client.index, client);
  }

  private cookieFor(from: Origin): Uint8Array {
    const mac = createHmac('sha256', this.cookieSecret).update(utf8(from)).digest();
    return new Uint8Array(mac.subarray(0, COOKIE_BYTES));
  }

  private count(reason: string | null): void {
    if (reason !== null) this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function shareTag(a: Client, b: Client): boolean {
  const tags = new Set(a.tags.map(hex));
  return b.tags.some((tag) => tags.has(hex(tag)));
}
