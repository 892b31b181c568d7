/**
 * A device in memory: the data plane as it's meant, slow and obvious, on a wire that the caller provides. It's the simulation's
 * network card, and the model of what the Rust one does with sessions, the switch and replays.
 */
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { isRelayWay, type RelayTransport, type RelayWay, relayWayParts, type Way } from '../core/way.js';
import { answer, CONTROL, type ControlMessage, challengeToken, decodeControl, encodeControl } from '../wire/control.js';
import { DHT_REPLY } from '../wire/dht-ping.js';
import { KIND } from '../wire/envelope.js';
import { RELAY_KIND } from '../wire/relay.js';
import {
  openTransport,
  readHeader,
  sealControl,
  sealFrame,
  TRANSPORT,
  type TransportHeader,
} from '../wire/transport.js';
import type { Device, DeviceCommand, DeviceConfig, DeviceEvent, DeviceStats, PeerHandle } from './device.js';
import { arpRequest, NO_IP, readArp } from './model/arp.js';
import { Door } from './model/door.js';
import { Frames } from './model/frames.js';
import { Peers } from './model/peers.js';
import { Relays } from './model/relays.js';
import { MAX_LANES, type SessionEntry, Sessions } from './model/sessions.js';

/** The world around a device in memory. */
export interface Surroundings {
  readonly random: Random;
  /** Ms, monotonic. */
  now(): number;
  send(to: Endpoint, datagram: Uint8Array): void;
  /** The streams to relays; without it, no TLS connection comes about. */
  readonly tls?: RelayStreams;
  /** A frame for the local network stack. */
  deliver(frame: Uint8Array): void;
  emit(event: DeviceEvent): void;
}

/** TLS connections to relays, as far as a device sees them: `tlsOpened` or `tlsClosed` of the device follows on `open`. */
export interface RelayStreams {
  open(relay: Endpoint): void;
  close(relay: Endpoint): void;
  send(relay: Endpoint, datagram: Uint8Array): void;
}

/** Lanes of what's sealed here. */
const LANE = { frames: 0, control: 1 } as const;

export class MemoryDevice implements Device {
  private readonly sessions = new Sessions();
  private readonly relays = new Relays();
  private forwardOnly = false;
  private readonly frames: Frames;
  private readonly peers: Peers;
  private readonly drops = new Map<string, number>();
  /** The address that was asked for by ARP; null once it's known to be somebody's. */
  private probed: string | null = null;
  /** As the control plane set them last. */
  addresses: readonly string[];
  private readonly door: Door;

  constructor(
    readonly config: DeviceConfig,
    private readonly around: Surroundings,
  ) {
    this.addresses = config.addresses;
    this.frames = new Frames(config, around.now());
    this.peers = new Peers((event) => around.emit(event));
    this.door = new Door(config, around.random(32));
  }

  apply(commands: readonly DeviceCommand[]): void {
    for (const command of commands) this.carryOut(command);
  }

  stats(): DeviceStats {
    return { peers: this.peers.counters(), drops: Object.fromEntries(this.drops) };
  }

  setAddresses(addresses: readonly string[]): void {
    this.addresses = addresses;
    this.frames.setOwnAddresses(addresses);
  }

  close(): Promise<void> {
    this.peers.dropAll();
    return Promise.resolve();
  }

  /** A frame of the local network stack. */
  sendFrame(frame: Uint8Array): void {
    const to = this.frames.outbound(this.around.now(), frame);
    if (typeof to === 'object') this.count(to.refused);
    else for (const peer of to === 'all' ? this.sessions.reachable() : [to]) this.count(this.sendTo(peer, frame));
  }

  /** A datagram from the wire. */
  receive(from: Endpoint, datagram: Uint8Array): void {
    if (this.relays.has('udp', from) && isOfRelay(datagram)) this.receiveFromRelay('udp', from, datagram);
    else if (this.forwardOnly) this.count('forward-only');
    else this.receiveInner(from, datagram);
  }

  /** The TLS connection to a relay stands, is gone, or brought a datagram. */
  tlsOpened(relay: Endpoint): void {
    this.around.emit({ kind: 'relay-open', at: this.around.now(), relay, transport: 'tls' });
  }

  tlsClosed(relay: Endpoint, error: string): void {
    this.relays.remove('tls', relay);
    this.around.emit({ kind: 'relay-closed', at: this.around.now(), relay, transport: 'tls', error });
  }

  tlsReceived(relay: Endpoint, datagram: Uint8Array): void {
    if (this.relays.has('tls', relay) && isOfRelay(datagram)) this.receiveFromRelay('tls', relay, datagram);
  }

  private receiveFromRelay(transport: RelayTransport, relay: Endpoint, datagram: Uint8Array): void {
    if (datagram[0] !== RELAY_KIND.envelope) {
      this.around.emit({ kind: 'relay-datagram', at: this.around.now(), relay, transport, datagram });
      return;
    }
    const inside = this.relays.unwrap(transport, relay, datagram);
    if (typeof inside === 'string') this.count(inside);
    else this.receiveInner(inside.from, inside.datagram);
  }

  private receiveInner(from: Way, datagram: Uint8Array): void {
    const kind = datagram[0] ?? 0;
    if (kind >= KIND.hello && kind <= KIND.notice) this.receiveOpen(from, datagram);
    else if (kind === TRANSPORT.frame || kind === TRANSPORT.control) this.count(this.receiveSealed(from, datagram));
    else if (kind === DHT_REPLY) this.emitDatagram(from, datagram, false);
    else this.count('unknown-kind');
  }

  /** When `tick` has something to do. */
  deadline(): number {
    return Math.min(this.sessions.nextEnd(), this.peers.deadline());
  }

  tick(): void {
    const at = this.around.now();
    for (const { peer, localIndex } of this.sessions.expire(at))
      this.around.emit({ kind: 'session-gone', at, peer, localIndex });
    this.peers.tick(at);
  }

  private carryOut(command: DeviceCommand): void {
    switch (command.kind) {
      case 'set-peer':
        this.frames.setPeer(command.peer, command);
        this.peers.know(command.peer);
        break;
      case 'drop-peer':
        this.frames.dropPeer(command.peer);
        this.sessions.dropPeer(command.peer);
        this.peers.drop(command.peer);
        break;
      case 'install-session':
        this.sessions.install(this.around.now(), command.keys);
        break;
      case 'drop-session':
        this.sessions.drop(command.localIndex);
        break;
      case 'set-endpoint':
        this.peers.setEndpoint(command.peer, command.endpoint);
        break;
      case 'send-control':
        this.count(
          this.sendAwaiting(command.peer, command.messages, command.to ?? this.peers.endpointOf(command.peer)),
        );
        break;
      case 'send-datagram':
        this.count(this.transmit(command.to, command.datagram));
        break;
      case 'send-cookie':
        this.sendCookie(command.to, command.receiverIndex, command.answered);
        break;
      case 'open-relay':
        if (!this.relays.add(command.transport, command.relay)) this.count('too-many-relays');
        else if (command.transport === 'tls') this.openStream(command.relay);
        break;
      case 'close-relay':
        this.relays.remove(command.transport, command.relay);
        if (command.transport === 'tls') this.around.tls?.close(command.relay);
        break;
      case 'set-relay-login':
        this.relays.setLogin(command.transport, command.relay, command);
        break;
      case 'send-relay':
        this.toRelay(command.transport, command.relay, command.datagram);
        break;
      case 'set-forward-only':
        this.forwardOnly = command.on;
        break;
      case 'probe-address':
        this.probed = command.ip;
        this.sendFrame(arpRequest(this.config.mac, NO_IP, command.ip));
        break;
      case 'announce-address':
        this.sendFrame(arpRequest(this.config.mac, command.ip, command.ip));
        break;
      case 'set-mtu': // frames of any size are taken here
      case 'set-help':
        break; // there's no system here that could help
    }
  }

  private sendTo(peer: PeerHandle, frame: Uint8Array): string | null {
    const session = this.sessions.sealing(peer);
    const endpoint = this.peers.endpointOf(peer);
    if (session === undefined) return 'no-session';
    if (endpoint === null) return 'no-endpoint';
    const now = this.around.now();
    this.peers.frameOut(peer, frame.length);
    this.peers.await(now, peer);
    const datagram = sealFrame(session.keys.sealKey, nextHeader(session, LANE.frames), frame);
    this.peers.sized(now, peer, datagram.length);
    return this.transmit(endpoint, datagram);
  }

  /** What the control plane sends counts as something that the peer reacts to; an answer doesn't, or each would make the next challenge. */
  private sendAwaiting(peer: PeerHandle, messages: Uint8Array, to: Way | null): string | null {
    const refused = this.sendControl(peer, messages, to);
    if (refused === null && to === this.peers.endpointOf(peer)) this.peers.await(this.around.now(), peer);
    return refused;
  }

  private sendControl(peer: PeerHandle, messages: Uint8Array, to: Way | null): string | null {
    const session = this.sessions.sealing(peer);
    if (session === undefined) return 'no-session';
    if (to === null) return 'no-endpoint';
    return this.transmit(to, sealControl(session.keys.sealKey, nextHeader(session, LANE.control), messages));
  }

  private transmit(to: Way, datagram: Uint8Array): string | null {
    if (isRelayWay(to)) return this.transmitThrough(to, datagram);
    if (this.forwardOnly) return 'forward-only';
    this.around.send(to, datagram);
    return null;
  }

  private transmitThrough(to: RelayWay, datagram: Uint8Array): string | null {
    const envelope = this.relays.wrap(to, datagram);
    if (envelope === null) return 'relay-unknown';
    const { transport, relay } = relayWayParts(to);
    this.toRelay(transport, relay, envelope);
    return null;
  }

  private toRelay(transport: RelayTransport, relay: Endpoint, datagram: Uint8Array): void {
    if (!this.relays.has(transport, relay)) this.count('relay-unknown');
    else if (transport === 'udp') this.around.send(relay, datagram);
    else this.around.tls?.send(relay, datagram);
  }

  private openStream(relay: Endpoint): void {
    if (this.around.tls === undefined) this.tlsClosed(relay, 'there is no way to it');
    else this.around.tls.open(relay);
  }

  private sendCookie(to: Way, receiverIndex: number, answered: Uint8Array): void {
    const nonce = this.around.random(XAES_NONCE_BYTES);
    this.count(this.transmit(to, this.door.cookie(nonce, to, receiverIndex, answered)));
  }

  private receiveOpen(from: Way, datagram: Uint8Array): void {
    const verdict = this.door.check(from, datagram);
    if (typeof verdict === 'string') this.count(verdict);
    else this.emitDatagram(from, datagram, verdict.proven);
  }

  private emitDatagram(from: Way, datagram: Uint8Array, proven: boolean): void {
    this.around.emit({ kind: 'datagram', at: this.around.now(), from, datagram, proven });
  }

  private receiveSealed(from: Way, datagram: Uint8Array): string | null {
    const header = readHeader(datagram);
    if (header === null) return 'datagram-malformed';
    const session = this.sessions.opening(header.receiverIndex);
    if (session === undefined) return 'unknown-session';
    if (header.lane >= MAX_LANES) return 'unknown-lane';
    const refused = session.window(header.lane).check(header.counter);
    if (refused !== null) return refused;
    const plaintext = openTransport(session.keys.openKey, header, datagram);
    if (plaintext === null) return 'forged';
    session.window(header.lane).mark(header.counter);
    this.heard(session, from);
    if (header.kind === TRANSPORT.frame) return this.receiveFrame(session.keys.peer, plaintext);
    return this.receiveControl(session, from, plaintext);
  }

  private heard(session: SessionEntry, from: Way): void {
    const { peer, localIndex } = session.keys;
    const at = this.around.now();
    this.peers.heard(at, peer);
    if (!session.heard) {
      this.sessions.hear(session);
      this.around.emit({ kind: 'session-heard', at, peer, localIndex, from });
    }
    this.peers.cameFrom(at, peer, from);
  }

  private receiveFrame(peer: PeerHandle, frame: Uint8Array): string | null {
    const refused = this.frames.inbound(this.around.now(), frame, peer);
    if (refused !== null) return refused;
    this.noteArp(frame);
    this.peers.frameIn(peer, frame.length);
    this.around.deliver(frame);
    return null;
  }

  /** Whether it says that the address that was probed is somebody's, or probes for the same. */
  private noteArp(frame: Uint8Array): void {
    const arp = readArp(frame);
    if (arp === null || this.probed === null) return;
    const asks = arp.sender === NO_IP && arp.target === this.probed;
    if (arp.sender !== this.probed && !asks) return;
    this.around.emit({ kind: 'address-in-use', at: this.around.now(), ip: this.probed, mac: arp.mac, asks });
    this.probed = null;
  }

  private receiveControl(session: SessionEntry, from: Way, plaintext: Uint8Array): string | null {
    const messages = decodeControl(plaintext);
    if (messages === null) return 'control-malformed';
    const { peer, localIndex } = session.keys;
    const others: ControlMessage[] = [];
    for (const message of messages) {
      const token = message.type === CONTROL.challenge ? challengeToken(message.body) : null;
      if (token !== null)
        this.count(this.sendControl(peer, encodeControl(answer(token, isRelayWay(from) ? null : from)), from));
      else if (message.type !== CONTROL.challenge && message.type !== CONTROL.padding) others.push(message);
    }
    if (others.length === 0) return null;
    this.around.emit({
      kind: 'control',
      at: this.around.now(),
      peer,
      localIndex,
      from,
      messages: encodeControl(...others),
    });
    return null;
  }

  private count(reason: string | null): void {
    if (reason === null) return;
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function nextHeader(session: SessionEntry, lane: number): Omit<TransportHeader, 'kind'> {
  return { lane, receiverIndex: session.keys.remoteIndex, counter: session.nextCounter++ };
}

/** Whether it's something that only relays send. */
function isOfRelay(datagram: Uint8Array): boolean {
  const [kind] = datagram;
  const { loginCookie, login2, envelope, message } = RELAY_KIND;
  return kind === loginCookie || kind === login2 || kind === envelope || kind === message;
}
