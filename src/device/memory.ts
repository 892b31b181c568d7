/**
 * A device in memory: the data plane as it's meant, slow and obvious, on a wire that the caller provides. It's the simulation's
 * network card, and the model of what the Rust one does with sessions, the switch and replays.
 */
import { createHmac } from 'node:crypto';
import { hex, utf8 } from '../core/bytes.js';
import { MAC_BYTES, mac16, sameSecret, XAES_NONCE_BYTES } from '../core/crypto.js';
import { type Endpoint, encodeEndpoint } from '../core/endpoint.js';
import { linkLocalOf } from '../core/ip.js';
import type { Random } from '../core/random.js';
import { type Rate, TokenBucket } from '../core/token-bucket.js';
import { isRelayWay, type RelayTransport, type RelayWay, relayWayParts, type Way } from '../core/way.js';
import { answer, CONTROL, type ControlMessage, challengeToken, decodeControl, encodeControl } from '../wire/control.js';
import { DHT_REPLY } from '../wire/dht-ping.js';
import { HEADER_BYTES, KIND } from '../wire/envelope.js';
import { RELAY_KIND } from '../wire/relay.js';
import { writeCookie } from '../wire/replies.js';
import {
  openTransport,
  readHeader,
  sealControl,
  sealFrame,
  TRANSPORT,
  type TransportHeader,
} from '../wire/transport.js';
import type {
  Device,
  DeviceCommand,
  DeviceConfig,
  DeviceEvent,
  DeviceStats,
  PeerCounters,
  PeerHandle,
} from './device.js';
import { arpRequest, NO_IP, readArp } from './model/arp.js';
import { Learned } from './model/learned.js';
import { Relays } from './model/relays.js';
import { MAX_LANES, type SessionEntry, Sessions } from './model/sessions.js';
import { type Inbound, Switch } from './model/switch.js';

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
/** Larger datagrams are `bulk` (device.ts), told of at this interval, in ms. */
const SURE_DATAGRAM = 1_232;
const BULK_INTERVAL = 2_000;
/** How long frames may go out before something comes back (device.ts, `silent`), and between two `strayed`, in ms. */
const SILENCE = 1_500;
const STRAY_INTERVAL = 1_000;

/** Broadcast, multicast and unknown destinations of one member, in units of `FLOOD_UNIT` bytes (native/src/engine/behind.rs). */
const FLOODS: Rate = { burst: 4_096, perSecond: 2_048 };
const FLOOD_UNIT = 2_048;

interface PeerEntry {
  endpoint: Way | null;
  counters: PeerCounters;
  /** Since when nothing came back; told once. */
  unansweredSince: number | null;
  toldSilent: boolean;
  strayedAt: number;
  bulkAt: number;
  readonly floods: TokenBucket;
}

export class MemoryDevice implements Device {
  private readonly sessions = new Sessions();
  private readonly relays = new Relays();
  private forwardOnly = false;
  private readonly switch: Switch;
  private readonly learned = new Learned();
  private readonly floods: TokenBucket;
  private readonly peers = new Map<PeerHandle, PeerEntry>();
  private readonly drops = new Map<string, number>();
  /** The address that was asked for by ARP; null once it's known to be somebody's. */
  private probed: string | null = null;
  /** As the control plane set them last. */
  addresses: readonly string[];
  private readonly cookieSecret: Uint8Array;

  constructor(
    readonly config: DeviceConfig,
    private readonly around: Surroundings,
  ) {
    this.addresses = config.addresses;
    this.switch = new Switch({ mac: config.mac, addresses: this.ownAddresses(), bridge: config.bridge });
    this.floods = new TokenBucket(FLOODS, around.now());
    this.cookieSecret = around.random(32);
  }

  apply(commands: readonly DeviceCommand[]): void {
    for (const command of commands) this.carryOut(command);
  }

  stats(): DeviceStats {
    return { peers: [...this.peers.values()].map(({ counters }) => counters), drops: Object.fromEntries(this.drops) };
  }

  setAddresses(addresses: readonly string[]): void {
    this.addresses = addresses;
    this.switch.setOwnAddresses(this.ownAddresses());
  }

  close(): Promise<void> {
    this.peers.clear();
    return Promise.resolve();
  }

  /** A frame of the local network stack. */
  sendFrame(frame: Uint8Array): void {
    const targets = this.targets(frame);
    if (typeof targets === 'string') this.count(targets);
    else for (const peer of targets) this.count(this.sendTo(peer, frame));
  }

  /** The peers that a frame of the local network stack goes to, or why it goes nowhere. */
  private targets(frame: Uint8Array): readonly PeerHandle[] | string {
    const now = this.around.now();
    const [destination, source] = [frame.subarray(0, 6), frame.subarray(6, 12)];
    const isOthers = hex(source) !== hex(this.config.mac) && !isGroup(source);
    const refused = this.config.bridge && isOthers ? this.learned.note(hex(source), 'here', now) : null;
    if (refused !== null) return refused;
    const outbound = this.switch.outbound(frame);
    if (outbound.kind === 'refused') return outbound.reason;
    if (outbound.kind === 'to') return [outbound.peer];
    const place = isGroup(destination) ? undefined : this.learned.find(hex(destination), now);
    if (place === 'here') return 'not-for-us';
    if (place !== undefined) return [place];
    return this.floods.takeSome(now, floodCost(frame)) ? this.sessions.reachable() : 'broadcast-limited';
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
    if (kind >= KIND.hello && kind <= KIND.notice) this.count(this.receiveOpen(from, datagram));
    else if (kind === TRANSPORT.frame || kind === TRANSPORT.control) this.count(this.receiveSealed(from, datagram));
    else if (kind === DHT_REPLY) this.emitDatagram(from, datagram, false);
    else this.count('unknown-kind');
  }

  /** When `tick` has something to do. */
  deadline(): number {
    const silences = [...this.peers.values()].map(
      ({ unansweredSince, toldSilent }) => (toldSilent ? null : unansweredSince) ?? Number.POSITIVE_INFINITY,
    );
    return Math.min(this.sessions.nextEnd(), ...silences.map((since) => since + SILENCE));
  }

  tick(): void {
    const at = this.around.now();
    for (const { peer, localIndex } of this.sessions.expire(at))
      this.around.emit({ kind: 'session-gone', at, peer, localIndex });
    for (const [peer, entry] of this.peers) {
      if (entry.toldSilent || entry.unansweredSince === null || entry.unansweredSince + SILENCE > at) continue;
      entry.toldSilent = true;
      this.around.emit({ kind: 'silent', at, peer });
    }
  }

  private carryOut(command: DeviceCommand): void {
    switch (command.kind) {
      case 'set-peer':
        this.switch.setPeer(command.peer, command);
        if (!command.bridge) this.learned.forget(command.peer);
        this.entry(command.peer);
        break;
      case 'drop-peer':
        this.switch.dropPeer(command.peer);
        this.learned.forget(command.peer);
        this.sessions.dropPeer(command.peer);
        this.peers.delete(command.peer);
        break;
      case 'install-session':
        this.sessions.install(this.around.now(), command.keys);
        break;
      case 'drop-session':
        this.sessions.drop(command.localIndex);
        break;
      case 'set-endpoint':
        this.entry(command.peer).endpoint = command.endpoint;
        break;
      case 'send-control':
        this.count(this.sendAwaiting(command.peer, command.messages, command.to ?? this.entry(command.peer).endpoint));
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
    const entry = this.entry(peer);
    if (session === undefined) return 'no-session';
    if (entry.endpoint === null) return 'no-endpoint';
    const { counters } = entry;
    entry.counters = { ...counters, framesOut: counters.framesOut + 1, bytesOut: counters.bytesOut + frame.length };
    entry.unansweredSince ??= this.around.now();
    const datagram = sealFrame(session.keys.sealKey, nextHeader(session, LANE.frames), frame);
    if (datagram.length > SURE_DATAGRAM) this.bulk(entry);
    return this.transmit(entry.endpoint, datagram);
  }

  private bulk(entry: PeerEntry): void {
    const at = this.around.now();
    if (at < entry.bulkAt + BULK_INTERVAL) return;
    entry.bulkAt = at;
    this.around.emit({ kind: 'bulk', at, peer: entry.counters.peer });
  }

  /** What the control plane sends counts as something that the peer reacts to; an answer doesn't, or each would make the next challenge. */
  private sendAwaiting(peer: PeerHandle, messages: Uint8Array, to: Way | null): string | null {
    const entry = this.entry(peer);
    const refused = this.sendControl(peer, messages, to);
    if (refused === null && to === entry.endpoint) entry.unansweredSince ??= this.around.now();
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
    const keys = { networkAdmission: this.config.networkAdmissionKey, sealing: this.config.cookieKey };
    const nonce = this.around.random(XAES_NONCE_BYTES);
    this.count(this.transmit(to, writeCookie(keys, nonce, receiverIndex, answered, this.cookieFor(to))));
  }

  private cookieFor(source: Way): Uint8Array {
    return new Uint8Array(
      createHmac('sha256', this.cookieSecret)
        .update(isRelayWay(source) ? utf8(source) : encodeEndpoint(source))
        .digest()
        .subarray(0, MAC_BYTES),
    );
  }

  private receiveOpen(from: Way, datagram: Uint8Array): string | null {
    const kind = datagram[0] ?? 0;
    const { networkAdmissionKey, ownAdmissionKey } = this.config;
    const forAnyone = kind === KIND.hello || kind === KIND.cookie || kind === KIND.notice;
    const body = datagram.subarray(0, -MAC_BYTES);
    if (datagram.length < HEADER_BYTES + MAC_BYTES) return 'handshake-length';
    const mac = mac16(forAnyone ? networkAdmissionKey : ownAdmissionKey, body);
    if (!sameSecret(mac, datagram.subarray(-MAC_BYTES))) return 'handshake-mac';
    const cookieMac = mac16(this.cookieFor(from), datagram.subarray(0, -2 * MAC_BYTES));
    const proven = kind === KIND.handshake1 && sameSecret(cookieMac, body.subarray(-MAC_BYTES));
    this.emitDatagram(from, datagram, proven);
    return null;
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
    const entry = this.entry(peer);
    const at = this.around.now();
    entry.counters = { ...entry.counters, heardAt: at };
    entry.unansweredSince = null;
    entry.toldSilent = false;
    if (!session.heard) {
      this.sessions.hear(session);
      this.around.emit({ kind: 'session-heard', at, peer, localIndex, from });
    }
    if (from === entry.endpoint || at < entry.strayedAt + STRAY_INTERVAL) return;
    entry.strayedAt = at;
    this.around.emit({ kind: 'strayed', at, peer, from });
  }

  private receiveFrame(peer: PeerHandle, frame: Uint8Array): string | null {
    const inbound = this.switch.inbound(frame, peer);
    const entry = this.entry(peer);
    const refused = inbound.kind === 'refused' ? inbound.reason : this.refuses(inbound, entry, frame);
    if (refused !== null) return refused;
    this.noteArp(frame);
    entry.counters = {
      ...entry.counters,
      framesIn: entry.counters.framesIn + 1,
      bytesIn: entry.counters.bytesIn + frame.length,
    };
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

  /** Without prefix lengths, and the link-local one that follows from the MAC. */
  private ownAddresses(): string[] {
    return [...this.addresses.map((address) => address.split('/', 1)[0] ?? ''), linkLocalOf(this.config.mac)];
  }

  /** For frames from others than the peer, or to others than us. */
  private refuses(
    { to, fromBehind }: Extract<Inbound, { kind: 'deliver' }>,
    { counters, floods }: PeerEntry,
    frame: Uint8Array,
  ): string | null {
    const now = this.around.now();
    const refused = fromBehind ? this.learned.note(hex(frame.subarray(6, 12)), counters.peer, now) : null;
    if (refused !== null) return refused;
    const place = to === 'unrecorded' ? this.learned.find(hex(frame.subarray(0, 6)), now) : undefined;
    if (to === 'us' || place === 'here') return null;
    if (place !== undefined) return 'not-for-us';
    return floods.takeSome(now, floodCost(frame)) ? null : 'broadcast-limited';
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

  /** A peer that was never set, as the control plane should have, counts as one without MACs. */
  private entry(peer: PeerHandle): PeerEntry {
    const entry = this.peers.get(peer) ?? newPeer(peer, this.around.now());
    this.peers.set(peer, entry);
    return entry;
  }

  private count(reason: string | null): void {
    if (reason === null) return;
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function nextHeader(session: SessionEntry, lane: number): Omit<TransportHeader, 'kind'> {
  return { lane, receiverIndex: session.keys.remoteIndex, counter: session.nextCounter++ };
}

function isGroup(mac: Uint8Array): boolean {
  return ((mac[0] ?? 0) & 1) === 1;
}

function floodCost(frame: Uint8Array): number {
  return 1 + Math.floor(frame.length / FLOOD_UNIT);
}

function newPeer(peer: PeerHandle, now: number): PeerEntry {
  const counters = { peer, framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, heardAt: null };
  const never = Number.NEGATIVE_INFINITY;
  return {
    endpoint: null,
    counters,
    unansweredSince: null,
    toldSilent: false,
    strayedAt: never,
    bulkAt: never,
    floods: new TokenBucket(FLOODS, now),
  };
}

/** Whether it's something that only relays send. */
function isOfRelay(datagram: Uint8Array): boolean {
  const [kind] = datagram;
  const { loginCookie, login2, envelope, message } = RELAY_KIND;
  return kind === loginCookie || kind === login2 || kind === envelope || kind === message;
}
