/**
 * A device in memory: the data plane as it's meant, slow and obvious, on a wire that the caller provides. It's the simulation's
 * network card, and the model of what the Rust one does with sessions, the switch and replays.
 */
import { createHmac } from 'node:crypto';
import { MAC_BYTES, mac16, sameSecret, XAES_NONCE_BYTES } from '../core/crypto.js';
import { type Endpoint, encodeEndpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { answer, CONTROL, type ControlMessage, challengeToken, decodeControl, encodeControl } from '../wire/control.js';
import { DHT_REPLY } from '../wire/dht-ping.js';
import { HEADER_BYTES, KIND } from '../wire/envelope.js';
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
import { MAX_LANES, type SessionEntry, Sessions } from './model/sessions.js';
import { Switch } from './model/switch.js';

/** The world around a device in memory. */
export interface Surroundings {
  readonly random: Random;
  /** Ms, monotonic. */
  now(): number;
  send(to: Endpoint, datagram: Uint8Array): void;
  /** A frame for the local network stack. */
  deliver(frame: Uint8Array): void;
  emit(event: DeviceEvent): void;
}

/** Lanes of what's sealed here. */
const LANE = { frames: 0, control: 1 } as const;
/** Larger datagrams are `bulk` (device.ts), told of at this interval, in ms. */
const SURE_DATAGRAM = 1_232;
const BULK_INTERVAL = 2_000;
/** How long frames may go out before something comes back (device.ts, `silent`), and between two `strayed`, in ms. */
const SILENCE = 1_500;
const STRAY_INTERVAL = 1_000;

interface PeerEntry {
  endpoint: Endpoint | null;
  counters: PeerCounters;
  /** Since when nothing came back; told once. */
  unansweredSince: number | null;
  toldSilent: boolean;
  strayedAt: number;
  bulkAt: number;
}

export class MemoryDevice implements Device {
  private readonly sessions = new Sessions();
  private readonly switch: Switch;
  private readonly peers = new Map<PeerHandle, PeerEntry>();
  private readonly drops = new Map<string, number>();
  private readonly cookieSecret: Uint8Array;

  constructor(
    readonly config: DeviceConfig,
    private readonly around: Surroundings,
  ) {
    this.switch = new Switch(config.mac);
    this.cookieSecret = around.random(32);
  }

  apply(commands: readonly DeviceCommand[]): void {
    for (const command of commands) this.carryOut(command);
  }

  stats(): DeviceStats {
    return { peers: [...this.peers.values()].map(({ counters }) => counters), drops: Object.fromEntries(this.drops) };
  }

  close(): Promise<void> {
    this.peers.clear();
    return Promise.resolve();
  }

  /** A frame of the local network stack. */
  sendFrame(frame: Uint8Array): void {
    const outbound = this.switch.outbound(frame);
    if (outbound.kind === 'refused') this.count(outbound.reason);
    const peers = outbound.kind === 'to' ? [outbound.peer] : outbound.kind === 'flood' ? this.sessions.reachable() : [];
    for (const peer of peers) this.count(this.sendTo(peer, frame));
  }

  /** A datagram from the wire. */
  receive(from: Endpoint, datagram: Uint8Array): void {
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
        this.switch.setPeer(command.peer, command.macs);
        if (!this.peers.has(command.peer)) this.peers.set(command.peer, newPeer(command.peer));
        break;
      case 'drop-peer':
        this.switch.dropPeer(command.peer);
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
        this.count(this.sendControl(command.peer, command.messages, command.to ?? this.entry(command.peer).endpoint));
        break;
      case 'send-datagram':
        this.around.send(command.to, command.datagram);
        break;
      case 'send-cookie':
        this.sendCookie(command.to, command.receiverIndex, command.answered);
        break;
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
    this.around.send(entry.endpoint, datagram);
    return null;
  }

  private bulk(entry: PeerEntry): void {
    const at = this.around.now();
    if (at < entry.bulkAt + BULK_INTERVAL) return;
    entry.bulkAt = at;
    this.around.emit({ kind: 'bulk', at, peer: entry.counters.peer });
  }

  private sendControl(peer: PeerHandle, messages: Uint8Array, to: Endpoint | null): string | null {
    const session = this.sessions.sealing(peer);
    if (session === undefined) return 'no-session';
    if (to === null) return 'no-endpoint';
    const entry = this.entry(peer);
    if (to === entry.endpoint) entry.unansweredSince ??= this.around.now();
    this.around.send(to, sealControl(session.keys.sealKey, nextHeader(session, LANE.control), messages));
    return null;
  }

  private sendCookie(to: Endpoint, receiverIndex: number, answered: Uint8Array): void {
    const keys = { networkAdmission: this.config.networkAdmissionKey, sealing: this.config.cookieKey };
    const nonce = this.around.random(XAES_NONCE_BYTES);
    this.around.send(to, writeCookie(keys, nonce, receiverIndex, answered, this.cookieFor(to)));
  }

  private cookieFor(source: Endpoint): Uint8Array {
    return new Uint8Array(
      createHmac('sha256', this.cookieSecret).update(encodeEndpoint(source)).digest().subarray(0, MAC_BYTES),
    );
  }

  private receiveOpen(from: Endpoint, datagram: Uint8Array): string | null {
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

  private emitDatagram(from: Endpoint, datagram: Uint8Array, proven: boolean): void {
    this.around.emit({ kind: 'datagram', at: this.around.now(), from, datagram, proven });
  }

  private receiveSealed(from: Endpoint, datagram: Uint8Array): string | null {
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

  private heard(session: SessionEntry, from: Endpoint): void {
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
    const refused = this.switch.inbound(frame, peer);
    if (refused !== null) return refused;
    const entry = this.entry(peer);
    entry.counters = {
      ...entry.counters,
      framesIn: entry.counters.framesIn + 1,
      bytesIn: entry.counters.bytesIn + frame.length,
    };
    this.around.deliver(frame);
    return null;
  }

  private receiveControl(session: SessionEntry, from: Endpoint, plaintext: Uint8Array): string | null {
    const messages = decodeControl(plaintext);
    if (messages === null) return 'control-malformed';
    const { peer, localIndex } = session.keys;
    const others: ControlMessage[] = [];
    for (const message of messages) {
      const token = message.type === CONTROL.challenge ? challengeToken(message.body) : null;
      if (token !== null) this.count(this.sendControl(peer, encodeControl(answer(token, from)), from));
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
    const entry = this.peers.get(peer) ?? newPeer(peer);
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

function newPeer(peer: PeerHandle): PeerEntry {
  const counters = { peer, framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, heardAt: null };
  const never = Number.NEGATIVE_INFINITY;
  return { endpoint: null, counters, unansweredSince: null, toldSilent: false, strayedAt: never, bulkAt: never };
}
