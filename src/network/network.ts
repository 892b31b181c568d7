/**
 * The machine of one network: takes what happened and when, says what to do. It joins the parts that do the work:
 *
 *     datagrams from outside a session → Reception ─┐
 *     beacons, -peer addresses, gossip ─────────────┼→ Roster → Peer (Session + Paths), one per member
 *     control messages of a peer → GossipExchange ──┘
 */
import { sameBytes } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import { parseCidr } from '../core/ip.js';
import type { Random } from '../core/random.js';
import { Stamper } from '../core/stamp.js';
import { isRelayWay } from '../core/way.js';
import type { DeviceEvent, DeviceStats } from '../device/device.js';
import type { FrameNeeds } from '../paths/ladder.js';
import type { SessionContext } from '../session/io.js';
import { writeBeacon } from '../wire/beacon.js';
import { CONTROL, type ControlMessage, challenge, decodeControl, readAnswer } from '../wire/control.js';
import { DHT_REPLY } from '../wire/dht-ping.js';
import { writeHello } from '../wire/hello.js';
import { ENVELOPE_BYTES } from '../wire/relay.js';
import { FRAME_OVERHEAD } from '../wire/transport.js';
import { GossipExchange } from './gossip-exchange.js';
import type { NetworkConfig, NetworkDetails, NetworkInput, NetworkOutput, NetworkSnapshot } from './io.js';
import { Keys } from './keys.js';
import { MemberRelays } from './member-relays.js';
import { Members } from './members.js';
import { Outbox } from './outbox.js';
import { OwnMember } from './own-member.js';
import type { Peer, PeerContext } from './peer.js';
import { Pings } from './pings.js';
import { ProbeQueue } from './probe-queue.js';
import { Problems } from './problems.js';
import { Reception } from './reception.js';
import { Reflexive } from './reflexive.js';
import { Relays } from './relays.js';
import { Remembrance } from './remembrance.js';
import { Roster } from './roster.js';
import { admissionKey } from './secrets.js';
import { sessionContext } from './session-context.js';
import { Stamps } from './stamps.js';
import { type HelloWanted, StaticPeers } from './static-peers.js';
import { Surroundings } from './surroundings.js';
import { Trust } from './trust.js';

/** Bytes of an Ethernet header, of two VLAN tags, and of what a relay adds to a datagram that it passes on. */
const ETHERNET_BYTES = 14;
const VLAN_TAGS_BYTES = 8;
const RELAY_ENVELOPE_BYTES = 16;
/** How often members on the LAN are told that we're here, in ms; also at start and on every change. */
const BEACON_INTERVAL = 30_000;

/** What's taken in while the network stands still without a key, so that it can go on at once. */
const STANDING: ReadonlySet<NetworkInput['kind']> = new Set([
  'tick',
  'interfaces',
  'overlays',
  'static-peer',
  'port-mapped',
  'relay',
  'drop-relay',
  'forward-only',
  'clock',
  'keys',
  'block',
  'accept',
  'leave',
]);

export class Network {
  private readonly outbox = new Outbox();
  private readonly members = new Members();
  private readonly problems = new Problems();
  private readonly stamps = new Stamps();
  private readonly surroundings: Surroundings;
  private readonly own: OwnMember;
  private readonly reflexive: Reflexive;
  private readonly relays: Relays;
  private readonly memberRelays: MemberRelays;
  private readonly stamper: Stamper;
  private readonly keys: Keys;
  private readonly trust: Trust;
  private readonly session: SessionContext;
  private readonly probes: ProbeQueue;
  private readonly statics: StaticPeers;
  private readonly roster: Roster;
  private readonly gossip: GossipExchange;
  private readonly reception: Reception;
  private readonly remembrance: Remembrance;
  private readonly pings: Pings;
  private readonly drops = new Map<string, number>();
  private beaconAt: number;
  private state: NetworkSnapshot['state'] = 'running';

  constructor(
    private readonly config: NetworkConfig,
    random: Random,
    now: number,
  ) {
    const overlays = config.addresses.flatMap((address) => parseCidr(address) ?? []);
    this.surroundings = new Surroundings(overlays, config.port);
    this.surroundings.setForwardOnly(config.forwardOnly);
    this.own = new OwnMember(config, overlays, random);
    this.reflexive = new Reflexive(random);
    this.pings = new Pings(random);
    this.stamper = new Stamper(config.bootCounter);
    this.keys = new Keys(config, this.members, this.outbox, random, now);
    this.trust = new Trust(config, this.members, this.outbox, this.keys.clock);
    if (this.keys.ring.hasRunOut(now)) this.state = 'key-expired';
    this.session = sessionContext(config, this.keys.ring, this.own, this.members, this.stamper, random);
    this.probes = new ProbeQueue(now);
    this.statics = new StaticPeers(random, (id) => this.members.withId(id)?.isConnected ?? false);
    this.roster = new Roster(config, this.own, this.members, this.problems, this.peerContext(), (at) =>
      this.ownRecordChanged(at),
    );
    this.relays = new Relays(config, this.outbox, random, {
      introduce: (to, nonce) => this.outbox.datagram(to, this.hello(nonce)),
      lost: (at, ways) => {
        for (const peer of this.members.all()) peer.loseWays(at, ways);
      },
      seenAt: (at, endpoint) => this.seenAt(at, endpoint),
      isKnown: (way) => this.members.all().some((peer) => peer.paths.has(way)),
    });
    this.memberRelays = new MemberRelays(config.useMemberRelays, this.members, this.relays, (record) =>
      this.trust.isBlocked(record),
    );
    if (config.forwardOnly) this.outbox.command({ kind: 'set-forward-only', on: true });
    this.gossip = new GossipExchange(this.own, this.members, this.roster, this.outbox, random, (peer) =>
      this.keys.greet(peer),
    );
    const { session, members, roster, statics, relays, trust, stamps, problems, outbox } = this;
    this.reception = new Reception(
      config,
      session,
      members,
      roster,
      statics,
      relays,
      trust,
      stamps,
      problems,
      outbox,
      random,
    );
    this.remembrance = new Remembrance(this.members, stamps, config.remembered);
    this.beaconAt = now;
  }

  /** Takes what happened at `now` (ms, monotonic) and says what to do. Never throws for what a peer sent. */
  handle(now: number, input: NetworkInput): NetworkOutput[] {
    if (this.state === 'running' || (this.state === 'key-expired' && STANDING.has(input.kind))) this.take(now, input);
    return this.outbox.drain();
  }

  /** When it wants its next `tick` (ms, monotonic); Infinity for never. */
  deadline(): number {
    if (this.state === 'left') return Number.POSITIVE_INFINITY;
    if (this.state === 'key-expired') return this.keys.deadline();
    return Math.min(
      this.keys.deadline(),
      this.members.deadline(),
      this.probes.deadline(),
      this.reflexive.deadline(),
      this.relays.deadline(),
      this.memberRelays.deadline(),
      this.beaconAt,
      this.statics.deadline(),
      this.gossip.deadline(),
      this.remembrance.deadline(),
    );
  }

  /** `stats`: the device's, at this moment; the machine keeps no byte counts of its own. */
  snapshot(now: number, stats: DeviceStats): NetworkSnapshot {
    const counters = new Map(stats.peers.map((peer) => [peer.peer, peer]));
    const peers = this.members.all();
    const records = peers.map(({ record }) => record);
    return {
      state: this.state,
      id: this.config.identity.peerId,
      peers: peers.map((peer) => peer.snapshot(now, counters.get(peer.handle))),
      unanswered: this.statics.unanswered((endpoint) => this.surroundings.isCandidate(endpoint)),
      relays: this.relays.describe(),
      forwardOnly: this.own.isForwardOnly,
      problems: [
        ...this.relays.problems(),
        ...this.keys.problems(now),
        ...this.trust.problems(now),
        ...this.problems.list(now, this.own.record, records),
      ],
      drops: Object.fromEntries(this.drops),
    };
  }

  details(now: number): NetworkDetails {
    const nat = this.reflexive.kind(now, (endpoint) => this.own.isLocal(endpoint));
    return {
      nat,
      outside: this.reflexive.outside(now),
      endpoints: this.own.record.endpoints,
      probes: this.probes.counts(),
      peers: this.members.all().map((peer) => peer.describe(now)),
    };
  }

  private take(now: number, input: NetworkInput): void {
    switch (input.kind) {
      case 'device':
        this.deviceEvent(now, input.event);
        break;
      case 'tick':
        this.tick(now);
        break;
      case 'interfaces':
        this.surroundings.setAddresses(input.addresses);
        this.reflexive.restart(now);
        if (this.own.setLocal(input.addresses)) this.ownRecordChanged(now);
        this.statics.hurry(now);
        for (const peer of this.members.all()) peer.addressesChanged(now);
        this.relays.networkChanged(now);
        this.remembrance.recall(now, this.roster);
        break;
      case 'routes':
        this.reflexive.askAnew(now);
        this.statics.hurry(now);
        for (const peer of this.members.all()) peer.routesChanged(now);
        this.tick(now);
        break;
      case 'overlays':
        if (this.surroundings.setOverlays(input.subnets)) this.overlaysChanged(now);
        break;
      case 'beacon':
        if (this.own.isForwardOnly) this.count('forward-only');
        else if (this.surroundings.isInside(input.from)) this.count('beacon-inside-overlay');
        else this.count(this.reception.beacon(now, input.payload, input.from));
        break;
      case 'found':
        this.count(this.reception.found(now, input.record, input.source));
        break;
      case 'static-peer': {
        this.statics.set(now, input.name, input.id, input.endpoints);
        if (this.state === 'running') this.tick(now);
        break;
      }
      case 'dht-nodes':
        this.reflexive.setNodes(
          now,
          input.nodes.filter((node) => this.surroundings.isCandidate(node)),
          input.isTrusted,
        );
        this.askOutside(now);
        break;
      case 'port-mapped':
        if (this.own.setForwarded(input.external)) this.ownRecordChanged(now);
        break;
      case 'relay':
        this.relays.set(now, input.relay);
        break;
      case 'drop-relay':
        this.relays.drop(now, input.name);
        break;
      case 'forward-only':
        if (input.on !== this.own.isForwardOnly) this.setForwardOnly(now, input.on);
        break;
      case 'ping':
        this.ping(now, input.peer, input.request);
        break;
      case 'clock':
        this.keys.clock.set(now, input.wall);
        this.turnKeys(now);
        break;
      case 'keys':
        this.keys.replace(now, input.keys);
        this.turnKeys(now);
        break;
      case 'block':
        this.trust.block(now, input.ids);
        break;
      case 'accept':
        this.trust.accept(input.id);
        break;
      case 'leave':
        this.leave(now);
        break;
    }
  }

  private tick(now: number): void {
    if (this.keys.deadline() <= now) this.turnKeys(now);
    if (this.state !== 'running') return;
    for (const peer of this.members.all()) peer.tick(now);
    for (const hello of this.statics.tick(now))
      if (this.surroundings.isCandidate(hello.endpoint)) this.wishHello(now, hello);
    this.probes.tick(now);
    if (this.memberRelays.deadline() <= now) this.memberRelays.tick(now);
    if (this.relays.deadline() <= now) this.relays.tick(now);
    if (this.reflexive.deadline() <= now) this.askOutside(now);
    if (this.beaconAt <= now) this.announce(now);
    if (this.gossip.deadline() <= now) this.gossip.tick(now);
    if (this.remembrance.deadline() <= now) this.outbox.push({ kind: 'remember', peers: this.remembrance.take() });
  }

  private wishHello(now: number, { name, endpoint, tries }: HelloWanted): void {
    this.probes.ask(now, {
      what: 'hello',
      owner: `-peer ${name}`,
      endpoint,
      onLink: this.surroundings.kindOf(endpoint) === 'lan',
      tries,
      isWanted: () => this.surroundings.isCandidate(endpoint) && this.statics.isAsking(name, endpoint),
      send: () => this.sendHello(name, endpoint),
    });
  }

  private sendHello(name: string, to: Endpoint): void {
    this.outbox.datagram(to, this.hello(this.statics.nonceFor(name)));
  }

  private deviceEvent(now: number, event: DeviceEvent): void {
    if (event.kind === 'datagram') {
      this.datagram(now, event);
      return;
    }
    if (event.kind === 'unreachable') {
      for (const peer of this.members.connected()) peer.carryPaths(now, peer.paths.unreachable(now, event.to));
      this.relays.unreachable(now, event.to);
      return;
    }
    if (event.kind === 'too-large') {
      this.tooLarge(now, event.to, event.bytes);
      return;
    }
    if (event.kind === 'unmarked') {
      this.outbox.notable('warn', 'the system refuses to mark our datagrams; going on without', { error: event.error });
      return;
    }
    if (event.kind === 'fallback') {
      this.outbox.notable('warn', `the system refuses ${event.help}; going on without it`, { error: event.error });
      return;
    }
    if (event.kind === 'device-gone') return;
    if (event.kind === 'relay-datagram' || event.kind === 'relay-open' || event.kind === 'relay-closed') {
      this.relays.event(now, event);
      return;
    }
    const peer = this.members.withHandle(event.peer);
    if (peer !== undefined) this.peerEvent(now, peer, event);
  }

  /** What a relay doesn't take, no way through it does; what a way may carry is counted without the envelope. */
  private tooLarge(now: number, to: Endpoint, bytes: number): void {
    const ways = this.relays.waysBy(to);
    for (const peer of this.members.connected()) {
      peer.carryPaths(now, peer.paths.tooLarge(now, to, bytes));
      for (const way of ways) peer.carryPaths(now, peer.paths.tooLarge(now, way, bytes - ENVELOPE_BYTES));
    }
  }

  private datagram(now: number, event: Extract<DeviceEvent, { kind: 'datagram' }>): void {
    const { datagram, from, proven } = event;
    if (this.surroundings.isInside(from)) this.count('inside-overlay');
    else if (this.own.isForwardOnly && !isRelayWay(from)) this.count('forward-only');
    else if (datagram[0] !== DHT_REPLY) this.count(this.reception.datagram(now, datagram, from, proven));
    else if (isRelayWay(from)) this.count('unknown-kind');
    else if (this.reflexive.received(now, datagram, from)) this.seenOutside(now);
  }

  /** What was learned under other circumstances is looked at again. */
  private overlaysChanged(now: number): void {
    if (this.own.forgetObserved((endpoint) => this.surroundings.isInside(endpoint))) this.ownRecordChanged(now);
    for (const peer of this.members.all()) peer.surroundingsChanged(now);
  }

  private askOutside(now: number): void {
    for (const { to, datagram } of this.reflexive.tick(now))
      if (!this.own.isForwardOnly) this.outbox.datagram(to, datagram);
  }

  private seenOutside(now: number): void {
    const mapped = this.reflexive.mapped(now).filter((endpoint) => !this.surroundings.isInside(endpoint));
    if (this.own.setMapped(mapped)) this.ownRecordChanged(now);
  }

  private peerEvent(now: number, peer: Peer, event: Extract<DeviceEvent, { peer: number }>): void {
    switch (event.kind) {
      case 'control':
        this.control(now, peer, event.messages, event.at);
        break;
      case 'session-heard':
        peer.carrySession(now, peer.session.heard(now, event.localIndex, event.from));
        break;
      case 'session-worn':
        peer.carrySession(now, peer.session.worn(now));
        break;
      case 'session-gone':
        peer.carrySession(now, peer.session.gone(event.localIndex));
        break;
      case 'strayed':
        if (peer.mayTry(event.from)) peer.carryPaths(now, peer.paths.strayed(now, event.from));
        break;
      case 'silent':
        if (peer.paths.current !== null) this.relays.doubt(now, peer.paths.current.endpoint);
        peer.carryPaths(now, peer.paths.doubt(now));
        break;
      case 'bulk':
        peer.carryPaths(now, peer.paths.bulk(now));
        break;
    }
  }

  private control(now: number, peer: Peer, plaintext: Uint8Array, at: number): void {
    const messages = decodeControl(plaintext);
    if (messages === null) this.count('control-malformed');
    for (const message of messages ?? []) this.count(this.controlMessage(now, peer, message, at));
  }

  private controlMessage(now: number, peer: Peer, message: ControlMessage, at: number): string | null {
    if (message.type === CONTROL.answer) return this.answer(now, peer, message.body, at);
    if (message.type === CONTROL.keys) return this.keys.heard(now, peer, message.body) ? null : 'control-malformed';
    if (message.type !== CONTROL.bye) return this.gossip.receive(now, peer, message) ? null : 'control-unknown';
    peer.left(now, this.keys.whyGone(now, peer));
    return null;
  }

  /** `at`: when the answer came, which is earlier than `now` if we were busy. */
  private answer(now: number, peer: Peer, body: Uint8Array, at: number): string | null {
    const answer = readAnswer(body);
    if (answer === null) return 'control-malformed';
    const pong = this.pings.answered(answer.token, at);
    if (pong !== null) this.outbox.push({ kind: 'pong', pong });
    peer.carryPaths(now, peer.paths.answered(now, answer.token, at));
    if (answer.observed !== null) this.seenAt(now, answer.observed);
    return null;
  }

  /** Someone who isn't anyone saw our datagrams come from there. */
  private seenAt(now: number, observed: Endpoint): void {
    if (!this.surroundings.isInside(observed) && this.own.seenAt(now, observed)) this.ownRecordChanged(now);
  }

  /** The others are told first, on the paths that there still are; then what was known of direct ways is forgotten, or learned anew. */
  private setForwardOnly(now: number, on: boolean): void {
    if (!this.own.setForwardOnly(on)) return;
    this.ownRecordChanged(now);
    this.surroundings.setForwardOnly(on);
    this.outbox.command({ kind: 'set-forward-only', on });
    for (const peer of this.members.all()) peer.surroundingsChanged(now);
  }

  private hello(nonce: Uint8Array): Uint8Array {
    const { secrets, identity } = this.config;
    return writeHello(secrets.probeKey, admissionKey(secrets), nonce, identity.publicKey, this.stamper.next());
  }

  private ping(now: number, id: string, request: number): void {
    const peer = this.members.withId(id);
    const path = peer?.paths.current ?? null;
    if (peer === undefined || path === null) return;
    this.outbox.control(peer.handle, [challenge(this.pings.ask(now, request, path))], path.endpoint);
  }

  private connected(peer: Peer, now: number): void {
    const { peerId, name } = peer.record;
    const path = peer.paths.current;
    this.outbox.notable('info', 'peer connected', {
      peer: peerId,
      name,
      path: path?.kind ?? 'none',
      endpoint: path?.endpoint ?? 'none',
    });
    this.setMacs(peer.record.mac);
    this.trust.met(now, peer);
    this.gossip.greet(now, peer);
    this.memberRelays.hurry(now);
    this.remembrance.changed(now);
  }

  private disconnected(peer: Peer, now: number): void {
    this.outbox.notable('info', 'peer disconnected', { peer: peer.record.peerId, name: peer.record.name });
    this.setMacs(peer.record.mac);
    this.statics.lost(now, peer.record.peerId);
  }

  /** Who of those that claim a MAC may use it depends on who is connected. */
  private setMacs(mac: Uint8Array): void {
    for (const peer of this.members.all()) if (sameBytes(peer.record.mac, mac)) peer.setMacs();
  }

  private leave(now: number): void {
    this.standStill(now);
    this.state = 'left';
  }

  /** The key queue moves on; with its last key the network stands still, with another one it goes on. */
  private turnKeys(now: number): void {
    const hasRunOut = this.keys.ring.hasRunOut(now);
    if (hasRunOut && this.state === 'running') {
      this.outbox.notable('warn', 'the last key has ended: the network stands still until p2p set adds another');
      this.standStill(now);
      this.state = 'key-expired';
    }
    this.keys.turn(now);
    if (!hasRunOut && this.state === 'key-expired') this.goOn(now);
  }

  /** Says goodbye to all members and ends all sessions. */
  private standStill(now: number): void {
    for (const peer of this.members.all()) peer.farewell(now);
    this.relays.stop(now);
    this.outbox.push({ kind: 'remember', peers: this.remembrance.take() });
  }

  private goOn(now: number): void {
    this.state = 'running';
    this.outbox.notable('info', 'there is a key again: the network goes on');
    for (const peer of this.members.all()) peer.reach(now);
    this.announce(now);
  }

  private ownRecordChanged(now: number): void {
    this.outbox.push({ kind: 'record', record: this.own.record.bytes });
    this.announce(now);
    this.gossip.spread(this.own.record, null);
  }

  private announce(now: number): void {
    if (this.state !== 'running') return;
    this.beaconAt = now + BEACON_INTERVAL;
    if (this.own.isForwardOnly) return;
    const payload = writeBeacon({ stamp: this.stamper.next(), port: this.config.port, record: this.own.record.bytes });
    this.outbox.push({ kind: 'beacon', payload });
  }

  private count(reason: string | null): void {
    if (reason !== null) this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  private peerContext(): PeerContext {
    return {
      session: this.session,
      outbox: this.outbox,
      probes: this.probes,
      kindOf: (endpoint) => this.surroundings.kindOf(endpoint),
      isBlocked: (record) => this.trust.isBlocked(record),
      knownSince: (id) => this.trust.knownSince(id),
      needs: frameNeeds(this.config.mtu),
      isCandidate: (endpoint) => this.surroundings.isCandidate(endpoint),
      connected: (peer, now) => this.connected(peer, now),
      disconnected: (peer, now) => this.disconnected(peer, now),
      macFreed: (mac) => this.setMacs(mac),
      macsOf: (peer) => this.roster.macsOf(peer),
    };
  }
}

/** `mtu`: the overlay's, in bytes. */
function frameNeeds(mtu: number): FrameNeeds {
  const whole = mtu + ETHERNET_BYTES + FRAME_OVERHEAD;
  return { whole, most: whole + VLAN_TAGS_BYTES + RELAY_ENVELOPE_BYTES };
}
