/**
 * What must hold whatever happens, watched from outside the machines: no frame is delivered that its sender didn't send, none twice; no nonce
 * is used twice under one key; what goes to endpoints that never answered keeps to the budget; tables stay bounded; nothing spins.
 */
import { hex } from '../../src/core/bytes.js';
import { type Endpoint, endpointParts } from '../../src/core/endpoint.js';
import type { DeviceCommand } from '../../src/device/device.js';
import { MAX_MEMBERS } from '../../src/network/members.js';
import { PROBE_RATES } from '../../src/network/probe-budget.js';
import { MAX_WAITING } from '../../src/network/probe-queue.js';
import { MAX_CANDIDATES } from '../../src/paths/candidates.js';
import { KIND } from '../../src/wire/envelope.js';
import { readHeader, TRANSPORT } from '../../src/wire/transport.js';
import { BROADCAST, type Observer, type SimHost, type World } from './world.js';

/** Own wake-ups of one machine in a second of virtual time. */
const MAX_TICKS_A_SECOND = 200;
/** Sessions with one peer that are kept: two confirmed ones and one that's not. */
const MAX_SESSIONS = 4;

interface SentFrame {
  readonly from: SimHost;
  /** A MAC in hex. */
  readonly to: string;
}

export class Invariants implements Observer {
  readonly broken: string[] = [];
  private readonly frames = new Map<string, SentFrame>();
  private readonly delivered = new Set<string>();
  private readonly sealKeys = new Set<string>();
  private readonly sessionKeys = new Map<SimHost, Map<number, string>>();
  private readonly counters = new Map<string, bigint>();
  private readonly answered = new Map<SimHost, Set<string>>();
  private readonly probes = new Map<string, number[]>();
  private readonly ticks = new Map<SimHost, number>();
  private sequence = 0;

  constructor(private readonly world: World) {
    world.observers.push(this);
    this.everySecond();
  }

  /** Lets a member send a frame that nobody can have sent before. */
  speak(from: SimHost, to: SimHost | null): void {
    const destination = to === null ? BROADCAST : to.device.config.mac;
    const payload = `${++this.sequence} ${this.world.clock.now}`;
    this.frames.set(payload, { from, to: hex(destination) });
    from.send(destination, payload);
  }

  get framesDelivered(): number {
    return this.delivered.size;
  }

  commanded(host: SimHost, command: DeviceCommand): void {
    if (command.kind !== 'install-session') return;
    const { sealKey, remoteIndex } = command.keys;
    const key = hex(sealKey);
    if (this.sealKeys.has(key)) this.fail(`${host.options.overlay} seals with a key that was in use before`);
    this.sealKeys.add(key);
    const keys = this.sessionKeys.get(host) ?? new Map<number, string>();
    this.sessionKeys.set(host, keys.set(remoteIndex, key));
  }

  hostSent(host: SimHost, to: Endpoint, datagram: Uint8Array): void {
    const kind = datagram[0];
    if (kind === TRANSPORT.frame || kind === TRANSPORT.control) this.sealed(host, datagram);
    if (kind === KIND.handshake1 || kind === KIND.hello || kind === TRANSPORT.control) this.probed(host, to);
  }

  received(host: SimHost, from: Endpoint): void {
    const sources = this.answered.get(host) ?? new Set<string>();
    this.answered.set(host, sources.add(endpointParts(from).ip));
  }

  delivering(host: SimHost, frame: Uint8Array): void {
    const payload = new TextDecoder().decode(frame.subarray(14));
    const sent = this.frames.get(payload);
    const who = host.options.overlay;
    if (sent === undefined) this.fail(`${who} got a frame that nobody sent: ${payload}`);
    if (hex(frame.subarray(6, 12)) !== hex(sent.from.device.config.mac))
      this.fail(`${who}: ${payload} has another source`);
    if (hex(frame.subarray(0, 6)) !== sent.to) this.fail(`${who}: ${payload} has another destination`);
    const once = `${hex(host.device.config.mac)} ${payload}`;
    if (this.delivered.has(once)) this.fail(`${who} got ${payload} twice`);
    this.delivered.add(once);
  }

  private sealed(host: SimHost, datagram: Uint8Array): void {
    const header = readHeader(datagram);
    const key = header === null ? undefined : this.sessionKeys.get(host)?.get(header.receiverIndex);
    if (header === null || key === undefined) this.fail(`${host.options.overlay} sealed with no session's key`);
    const lane = `${key} ${header.lane}`;
    const last = this.counters.get(lane) ?? -1n;
    if (header.counter <= last)
      this.fail(`${host.options.overlay} used counter ${header.counter} of lane ${header.lane} again`);
    this.counters.set(lane, header.counter);
  }

  /** Handshakes, hellos and control datagrams (challenges) to an address that never sent this host anything can only be probes. */
  private probed(host: SimHost, to: Endpoint): void {
    const { ip } = endpointParts(to);
    if (this.answered.get(host)?.has(ip) === true) return;
    const { now } = this.world.clock;
    const key = `${host.options.overlay} ${host.options.bootCounter ?? 1} ${ip}`;
    const times = (this.probes.get(key) ?? []).filter((at) => at > now - 60_000);
    this.probes.set(key, [...times, now]);
    const { burst, perSecond } = PROBE_RATES.address;
    if (times.length + 1 > burst + perSecond * 60)
      this.fail(`${host.options.overlay} sent ${times.length + 1} probes to ${ip} within a minute`);
  }

  private everySecond(): void {
    for (const host of this.world.hosts) this.look(host);
    this.world.clock.at(this.world.clock.now + 1_000, () => this.everySecond());
  }

  private look(host: SimHost): void {
    const who = host.options.overlay;
    const woken = host.ticks - (this.ticks.get(host) ?? 0);
    this.ticks.set(host, host.ticks);
    if (woken > MAX_TICKS_A_SECOND) this.fail(`${who} spins: woke ${woken} times in a second`);
    const { peers, probes } = host.network.details(host.now);
    if (peers.length > MAX_MEMBERS) this.fail(`${who} knows ${peers.length} members`);
    if (probes.waiting > MAX_WAITING) this.fail(`${who} has ${probes.waiting} probes waiting`);
    for (const { name, candidates, sessions } of peers) {
      if (candidates.length > MAX_CANDIDATES) this.fail(`${who} has ${candidates.length} candidates of ${name}`);
      if (sessions.length > MAX_SESSIONS) this.fail(`${who} has ${sessions.length} sessions with ${name}`);
    }
  }

  private fail(what: string): never {
    this.broken.push(`${(this.world.clock.now / 1000).toFixed(3)} s: ${what}`);
    throw new Error(this.broken.at(-1));
  }
}
