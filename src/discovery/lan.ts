/** LAN discovery: sealed beacons by multicast and broadcast, on every interface of this machine (docs/protocol.md section 6). */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import ipaddr from 'ipaddr.js';
import { concat, sameBytes } from '../core/bytes.js';
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import { type Endpoint, tryEndpoint } from '../core/endpoint.js';
import { isIpv6, isLinkLocal } from '../core/ip.js';
import { isContainerBridge, type LocalAddress } from '../core/local-address.js';
import { header, KIND, openShared, sealShared } from '../wire/envelope.js';

export const LAN_PORT = 4909;
const GROUP = { ipv4: '239.255.112.50', ipv6: 'ff02::7032' } as const;
const HEADER = header(KIND.beacon);
const BEACON_BYTES = 944;
/** Beacons a second that are opened, so that a flood on the LAN doesn't keep us busy. */
const MAX_RATE = 200;
/** Addresses that beacons leave from, each by a socket of its own: a machine full of containers has hundreds, and hardly a LAN behind them. */
export const MAX_SENDERS = 64;

export interface LanOptions {
  readonly lanKey: Uint8Array;
  /** The opened payload of another's beacon and its source address. */
  readonly onBeacon: (payload: Uint8Array, from: Endpoint) => void;
  /** LAN discovery can't do something; the rest goes on. */
  readonly onProblem: (message: string) => void;
}

export interface LanBeacons {
  /** Starts listening and sending on these; the last beacon is repeated if they changed. */
  setAddresses(addresses: readonly LocalAddress[]): void;
  /** Sends a beacon now. */
  announce(payload: Uint8Array): void;
  /** In words, e.g. "2 interfaces, 3 beacons heard". */
  state(): string;
  close(): Promise<void>;
}

export function openLan(options: LanOptions): LanBeacons {
  return new Lan(options);
}

class Lan implements LanBeacons {
  private readonly listeners: readonly Socket[];
  /** A socket per local address, so that a beacon leaves from that interface. */
  private readonly senders = new Map<string, { readonly socket: Socket; readonly address: LocalAddress }>();
  /** Listeners that are bound: joining a group earlier would bind them to another port. */
  private readonly listening = new Set<Socket>();
  private payload: Uint8Array | null = null;
  private heard = 0;
  private budget = { second: 0, left: MAX_RATE };
  /** Addresses that no beacon leaves from, because there are too many. */
  private leftOut = 0;
  private closed = false;

  constructor(private readonly options: LanOptions) {
    this.listeners = [this.listen('udp4'), this.listen('udp6')];
  }

  setAddresses(addresses: readonly LocalAddress[]): void {
    const usable = beaconAddresses(addresses);
    const chosen = usable.slice(0, MAX_SENDERS);
    this.leftOut = usable.length - chosen.length;
    const keys = new Set(chosen.map(keyOf));
    for (const [key, { socket }] of this.senders) {
      if (keys.has(key)) continue;
      socket.close();
      this.senders.delete(key);
    }
    for (const address of chosen) if (!this.senders.has(keyOf(address))) this.addSender(address);
  }

  announce(payload: Uint8Array): void {
    this.payload = payload;
    for (const { socket, address } of this.senders.values()) this.send(socket, address);
  }

  state(): string {
    const devices = new Set([...this.senders.values()].map(({ address }) => address.device));
    const leftOut = this.leftOut === 0 ? '' : ` (${this.leftOut} more addresses left out)`;
    return `${devices.size} interface${devices.size === 1 ? '' : 's'}${leftOut}, ${this.heard} beacon${this.heard === 1 ? '' : 's'} heard`;
  }

  async close(): Promise<void> {
    this.closed = true;
    const sockets = [...this.listeners, ...[...this.senders.values()].map(({ socket }) => socket)];
    this.senders.clear();
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => closeSocket(socket, resolve))));
  }

  private listen(type: 'udp4' | 'udp6'): Socket {
    const socket = createSocket({ type, reuseAddr: true, ipv6Only: type === 'udp6' });
    socket.on('error', (error) =>
      this.problem(`LAN discovery over ${type === 'udp4' ? 'IPv4' : 'IPv6'}: ${error.message}`),
    );
    socket.on('message', (message, { address, port }) => this.receive(message, address, port));
    socket.bind({ port: LAN_PORT, exclusive: false }, () => {
      this.listening.add(socket);
      for (const { address } of this.senders.values()) this.join(socket, type, address);
    });
    return socket;
  }

  private addSender(address: LocalAddress): void {
    const type = isIpv6(address.ip) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, reuseAddr: true, ipv6Only: type === 'udp6' });
    this.senders.set(keyOf(address), { socket, address });
    socket.on('error', (error) => this.problem(`LAN discovery on ${address.device}: ${error.message}`));
    socket.bind({ port: 0, address: withZone(address) }, () => {
      const bound = this.senders.get(keyOf(address));
      if (this.closed || bound?.socket !== socket) return;
      this.prepare(socket, address);
      this.send(socket, address);
    });
    for (const listener of this.listeners)
      this.join(listener, listener === this.listeners[0] ? 'udp4' : 'udp6', address);
  }

  private prepare(socket: Socket, address: LocalAddress): void {
    try {
      socket.setMulticastTTL(1);
      socket.setMulticastInterface(isIpv6(address.ip) ? `::%${address.device}` : address.ip);
      if (!isIpv6(address.ip)) socket.setBroadcast(true);
    } catch (error) {
      this.problem(`LAN discovery on ${address.device}: ${(error as Error).message}`);
    }
  }

  /** Joins the group on an interface. */
  private join(socket: Socket, type: 'udp4' | 'udp6', address: LocalAddress): void {
    if ((type === 'udp6') !== isIpv6(address.ip) || !this.listening.has(socket)) return;
    try {
      if (type === 'udp4') socket.addMembership(GROUP.ipv4, address.ip);
      else socket.addMembership(GROUP.ipv6, `::%${address.device}`);
    } catch {
      // EADDRINUSE: joined before. Anything else shows as a LAN on which nobody is heard.
    }
  }

  private send(socket: Socket, address: LocalAddress): void {
    if (this.payload === null) return;
    const nonce = new Uint8Array(randomBytes(XAES_NONCE_BYTES));
    const beacon = concat(HEADER, sealShared(this.options.lanKey, nonce, this.payload, HEADER));
    for (const to of destinations(address)) socket.send(beacon, LAN_PORT, to, () => undefined);
  }

  private receive(message: Uint8Array, address: string, port: number): void {
    if (message.length !== BEACON_BYTES || HEADER.some((byte, i) => message[i] !== byte) || !this.afford()) return;
    const payload = openShared(this.options.lanKey, message.subarray(HEADER.length), HEADER);
    const from = tryEndpoint(numericZone(address, this.senders.values()), port);
    if (payload === null || from === null || this.isOwn(payload)) return;
    this.heard++;
    this.options.onBeacon(payload, from);
  }

  /** Multicast comes back to its sender, so that several daemons on one machine hear each other. */
  private isOwn(payload: Uint8Array): boolean {
    return this.payload !== null && sameBytes(this.payload, payload);
  }

  private afford(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.budget.second) this.budget = { second, left: MAX_RATE };
    return this.budget.left-- > 0;
  }

  private problem(message: string): void {
    if (!this.closed) this.options.onProblem(message);
  }
}

/** Those that a beacon can leave from, likely LANs first: then interfaces without IPv4, such as containers' ends of cables, then containers' bridges. */
export function beaconAddresses(addresses: readonly LocalAddress[]): LocalAddress[] {
  const withIpv4 = new Set(addresses.filter(({ ip }) => !isIpv6(ip)).map(({ device }) => device));
  const rank = ({ device }: LocalAddress) => (isContainerBridge(device) ? 2 : withIpv4.has(device) ? 0 : 1);
  return addresses.filter(({ ip }) => !isIpv6(ip) || isLinkLocal(ip)).sort((a, b) => rank(a) - rank(b));
}

function destinations(address: LocalAddress): string[] {
  if (isIpv6(address.ip)) return [`${GROUP.ipv6}%${address.device}`];
  return [GROUP.ipv4, ipaddr.IPv4.broadcastAddressFromCIDR(`${address.ip}/${address.prefix}`).toString()];
}

function keyOf(address: LocalAddress): string {
  return `${address.device} ${address.zone} ${address.ip}/${address.prefix}`;
}

function withZone(address: LocalAddress): string {
  return isIpv6(address.ip) ? `${address.ip}%${address.device}` : address.ip;
}

/** Node takes and gives a zone as the interface's name; endpoints have its number. */
function numericZone(address: string, senders: Iterable<{ readonly address: LocalAddress }>): string {
  const [ip, device] = address.split('%');
  if (ip === undefined || device === undefined) return address;
  for (const sender of senders) {
    if (sender.address.device === device && isIpv6(sender.address.ip)) return `${ip}%${sender.address.zone}`;
  }
  return address;
}

function closeSocket(socket: Socket, done: () => void): void {
  try {
    socket.close(done);
  } catch {
    done(); // closed already, or never opened
  }
}
