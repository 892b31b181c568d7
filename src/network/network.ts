/**
 * The machine of one network: takes what happened and when, says what to do. It joins the parts that do the work:
 *
 *     what the device tells → DeviceEvents ─┬ datagrams from outside a session → Reception ─┐
 *                                           └ control messages of a peer → PeerMessages ────┼→ Roster → Peer (Session + Paths), one per member
 *     beacons, records of the DHT, the last run's ─────────────────────────────────────────┘
 *     this machine's addresses, what's seen from outside → Whereabouts → our record, beacons, gossip
 */
import { sameBytes } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { Stamper } from '../core/stamp.js';
import type { DeviceStats } from '../device/device.js';
import type { SessionContext } from '../session/io.js';
import { AddressClaims } from './address-claims.js';
import { AddressChoice } from './addresses/choice.js';
import { Chronicle } from './chronicle.js';
import { DeviceEvents } from './device-events.js';
import { Drops } from './drops.js';
import { frameNeeds } from './frame-needs.js';
import { GossipExchange } from './gossip-exchange.js';
import { HandshakeCounter } from './handshake-counts.js';
import { Health } from './health.js';
import { Hellos } from './hellos.js';
import type { NetworkConfig, NetworkDetails, NetworkInput, NetworkOutput, NetworkSnapshot } from './io.js';
import { Keys } from './keys.js';
import { MemberRelays } from './member-relays.js';
import { Members } from './members.js';
import { Outbox } from './outbox.js';
import type { Peer, PeerContext } from './peer.js';
import { PeerMessages } from './peer-messages.js';
import { ProbeQueue } from './probe-queue.js';
import { Problems } from './problems.js';
import { Reception } from './reception.js';
import { Relays } from './relays.js';
import { Remembrance } from './remembrance.js';
import { Roster } from './roster.js';
import { sessionContext } from './session-context.js';
import { Stamps } from './stamps.js';
import { Trust } from './trust.js';
import { Whereabouts } from './whereabouts.js';

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
  'set-addresses',
  'address-refused',
  'profile',
  'clock',
  'keys',
  'block',
  'accept',
  'leave',
]);

/** What people change, and what's wrong may be over with it. */
const MATTERS_TO_HEALTH: ReadonlySet<NetworkInput['kind']> = new Set([
  'keys',
  'relay',
  'drop-relay',
  'block',
  'accept',
]);

export class Network {
  private readonly outbox = new Outbox();
  private readonly members = new Members();
  private readonly problems = new Problems();
  private readonly stamps = new Stamps();
  private readonly drops = new Drops();
  private readonly addresses: AddressChoice;
  private readonly handshakes = new HandshakeCounter();
  private readonly chronicle = new Chronicle(this.outbox);
  private readonly health = new Health((now) => this.problemsAt(now), this.outbox);
  private readonly whereabouts: Whereabouts;
  private readonly keys: Keys;
  private readonly trust: Trust;
  private readonly claims: AddressClaims;
  private readonly probes: ProbeQueue;
  private readonly hellos: Hellos;
  private readonly roster: Roster;
  private readonly relays: Relays;
  private readonly memberRelays: MemberRelays;
  private readonly gossip: GossipExchange;
  private readonly reception: Reception;
  private readonly messages: PeerMessages;
  private readonly events: DeviceEvents;
  private readonly remembrance: Remembrance;
  private state: NetworkSnapshot['state'] = 'running';

  constructor(
    private readonly config: NetworkConfig,
    random: Random,
    now: number,
  ) {
    const { outbox, members, problems, stamps, drops } = this;
    const stamper = new Stamper(config.bootCounter);
    const seenAt = (at: number, endpoint: Endpoint) => this.whereabouts.seenAt(at, endpoint);
    const told = {
      isRunning: () => this.state === 'running',
      recordChanged: () => this.gossip.spread(own.record, null),
    };
    this.addresses = this.chooseAddresses(now);
    this.whereabouts = new Whereabouts(config, this.addresses, stamper, outbox, told, random, now);
    const { own, surroundings } = this.whereabouts;
    this.keys = new Keys(config, members, outbox, random, now);
    this.trust = new Trust(config, members, outbox, this.keys.clock);
    this.claims = new AddressClaims(own, this.trust);
    if (this.keys.ring.hasRunOut(now)) this.state = 'key-expired';
    const session = sessionContext(config, this.keys.ring, own, members, stamper, random);
    this.probes = new ProbeQueue(now);
    this.hellos = new Hellos(config, surroundings, members, this.probes, stamper, outbox, random);
    this.roster = new Roster(config, own, members, problems, this.peerContext(session), {
      outdid: (at) => this.whereabouts.recordChanged(at),
      learned: (at) => this.addresses.membersChanged(at),
      forgotten: (at, peer) => this.claims.forget(at, peer),
    });
    this.relays = new Relays(config, outbox, random, {
      introduce: (to, nonce) => this.hellos.introduce(to, nonce),
      lost: (at, ways) => this.each((peer) => peer.loseWays(at, ways)),
      seenAt,
      isKnown: (way) => members.all().some((peer) => peer.paths.has(way)),
      isRunning: told.isRunning,
    });
    const { whereabouts, keys, trust, roster, relays, addresses } = this;
    this.memberRelays = new MemberRelays(config.useMemberRelays, members, relays, (record) => trust.isBlocked(record));
    const { statics } = this.hellos;
    this.gossip = new GossipExchange(own, members, roster, outbox, random, (peer) => keys.greet(peer));
    const parts = { members, roster, statics, relays, trust, stamps, problems, outbox };
    this.reception = new Reception(config, session, parts, random);
    this.messages = new PeerMessages(members, this.gossip, keys, drops, outbox, random, seenAt);
    this.events = new DeviceEvents(
      whereabouts,
      this.reception,
      this.messages,
      members,
      relays,
      addresses,
      drops,
      outbox,
    );
    this.remembrance = new Remembrance(members, stamps, config.remembered);
  }

  /** Takes what happened at `now` (ms, monotonic) and says what to do. Never throws for what a peer sent. */
  handle(now: number, input: NetworkInput): NetworkOutput[] {
    if (this.state === 'running' || (this.state === 'key-expired' && STANDING.has(input.kind))) this.take(now, input);
    if (this.outbox.takeNews() || MATTERS_TO_HEALTH.has(input.kind)) this.health.mayHaveChanged(now);
    return this.outbox.drain();
  }

  /** Whether it looks for an address and has none so far. */
  get isSeeking(): boolean {
    return this.addresses.isSeeking;
  }

  /** When it wants its next `tick` (ms, monotonic); Infinity for never. */
  deadline(): number {
    if (this.state === 'left') return Number.POSITIVE_INFINITY;
    if (this.state === 'key-expired') return Math.min(this.keys.deadline(), this.health.deadline());
    return Math.min(
      this.health.deadline(),
      this.keys.deadline(),
      this.claims.deadline(),
      this.members.deadline(),
      this.hellos.deadline(),
      this.probes.deadline(),
      this.relays.deadline(),
      this.memberRelays.deadline(),
      this.whereabouts.deadline(),
      this.gossip.deadline(),
      this.addresses.deadline(),
      this.remembrance.deadline(),
    );
  }

  /** `stats`: the device's, at this moment; the machine keeps no byte counts of its own. */
  snapshot(now: number, stats: DeviceStats): NetworkSnapshot {
    const counters = new Map(stats.peers.map((peer) => [peer.peer, peer]));
    const { own, surroundings } = this.whereabouts;
    const peers = this.members.all();
    return {
      state: this.state,
      id: this.config.identity.peerId,
      isSeeking: this.isSeeking,
      peers: peers.map((peer) => peer.snapshot(now, counters.get(peer.handle))),
      unanswered: this.hellos.statics.unanswered((endpoint) => surroundings.isCandidate(endpoint)),
      relays: this.relays.describe(),
      forwardOnly: own.isForwardOnly,
      problems: this.problemsAt(now),
      handshakes: this.handshakes.list(),
      drops: this.drops.list(),
    };
  }

  private problemsAt(now: number): string[] {
    const records = this.members.all().map(({ record }) => record);
    return [
      ...this.relays.problems(),
      ...this.keys.problems(now),
      ...this.trust.problems(now),
      ...this.addresses.problems(),
      ...this.problems.list(now, this.whereabouts.own.record, records, (ip) => this.claims.holderOf(ip)),
    ];
  }

  details(now: number): NetworkDetails {
    const peers = this.members.all().map((peer) => peer.describe(now));
    return { ...this.whereabouts.describe(now), probes: this.probes.counts(), peers };
  }

  private take(now: number, input: NetworkInput): void {
    switch (input.kind) {
      case 'device':
        this.events.take(now, input.event);
        break;
      case 'tick':
        this.tick(now);
        break;
      case 'interfaces':
        this.whereabouts.setInterfaces(now, input.addresses);
        this.hellos.statics.hurry(now);
        this.each((peer) => peer.addressesChanged(now));
        this.relays.networkChanged(now);
        this.remembrance.recall(now, this.roster);
        break;
      case 'routes':
        this.whereabouts.routesChanged(now);
        this.hellos.statics.hurry(now);
        this.each((peer) => peer.routesChanged(now));
        this.tick(now);
        break;
      case 'overlays':
        if (this.whereabouts.setOverlays(now, input.subnets)) this.each((peer) => peer.surroundingsChanged(now));
        break;
      case 'beacon':
        this.beacon(now, input.payload, input.from);
        break;
      case 'found':
        this.drops.count(this.reception.found(now, input.record, input.source));
        break;
      case 'static-peer':
        this.hellos.statics.set(now, input.name, input.id, input.endpoints);
        if (this.state === 'running') this.tick(now);
        break;
      case 'dht-nodes':
        this.whereabouts.setNodes(now, input.nodes, input.isTrusted);
        break;
      case 'port-mapped':
        this.whereabouts.setForwarded(now, input.external);
        break;
      case 'relay':
        this.relays.set(now, input.relay);
        break;
      case 'drop-relay':
        this.relays.drop(now, input.name);
        break;
      case 'forward-only':
        // What was known of direct ways is forgotten, or learned anew.
        if (this.whereabouts.setForwardOnly(now, input.on)) this.each((peer) => peer.surroundingsChanged(now));
        break;
      case 'profile':
        this.whereabouts.setProfile(now, input.profile);
        break;
      case 'ping':
        this.messages.ping(now, input.peer, input.request);
        break;
      case 'set-addresses':
        this.addresses.set(now, input.addresses, input.dynamic);
        break;
      case 'address-refused':
        this.addresses.refused(now, input.ip, input.error);
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
        this.addresses.membersChanged(now);
        this.claims.reviewAll(now);
        break;
      case 'accept':
        this.trust.accept(now, input.id);
        this.claims.reviewAll(now);
        break;
      case 'leave':
        this.standStill(now);
        this.state = 'left';
        break;
    }
  }

  private tick(now: number): void {
    if (this.keys.deadline() <= now) this.turnKeys(now);
    this.health.tick(now);
    if (this.state !== 'running') return;
    this.each((peer) => peer.tick(now));
    this.claims.tick(now);
    this.hellos.tick(now);
    this.probes.tick(now);
    if (this.memberRelays.deadline() <= now) this.memberRelays.tick(now);
    if (this.relays.deadline() <= now) this.relays.tick(now);
    this.whereabouts.tick(now);
    if (this.gossip.deadline() <= now) this.gossip.tick(now);
    if (this.addresses.deadline() <= now) this.addresses.tick(now);
    if (this.remembrance.deadline() <= now) this.remember();
  }

  private beacon(now: number, payload: Uint8Array, from: Endpoint): void {
    const { own, surroundings } = this.whereabouts;
    if (own.isForwardOnly) this.drops.count('forward-only');
    else if (surroundings.isInside(from)) this.drops.count('beacon-inside-overlay');
    else this.drops.count(this.reception.beacon(now, payload, from));
  }

  private connected(peer: Peer, now: number): void {
    this.chronicle.connected(peer);
    this.setMacs(peer.record.mac);
    this.claims.met(now, peer);
    this.addresses.membersChanged(now);
    this.gossip.greet(now, peer);
    this.memberRelays.hurry(now);
    this.remembrance.changed(now);
  }

  private disconnected(peer: Peer, now: number, why: string | null): void {
    this.chronicle.disconnected(peer, why);
    this.setMacs(peer.record.mac);
    this.claims.met(now, peer);
    this.hellos.statics.lost(now, peer.record.peerId);
  }

  /** Who of those that claim a MAC may use it depends on who is connected. */
  private setMacs(mac: Uint8Array): void {
    for (const peer of this.members.all()) if (sameBytes(peer.record.mac, mac)) peer.setRights();
  }

  /** The key queue moves on; with its last key the network stands still, with another one it goes on. */
  private turnKeys(now: number): void {
    const hasRunOut = this.keys.ring.hasRunOut(now);
    if (hasRunOut && this.state === 'running') {
      this.outbox.notable('warn', 'the last key has ended: the network stands still until p2p set adds another');
      this.outbox.event({ kind: 'key-expired' });
      this.standStill(now);
      this.state = 'key-expired';
    }
    this.keys.turn(now);
    if (!hasRunOut && this.state === 'key-expired') this.goOn(now);
  }

  /** Says goodbye to all members and ends all sessions. */
  private standStill(now: number): void {
    this.each((peer) => peer.farewell(now));
    this.relays.standStill(now);
    this.remember();
  }

  private goOn(now: number): void {
    this.state = 'running';
    this.outbox.notable('info', 'there is a key again: the network goes on');
    this.outbox.event({ kind: 'key-renewed' });
    this.relays.goOn(now);
    this.each((peer) => peer.reach(now));
    this.whereabouts.announce(now);
  }

  private remember(): void {
    this.outbox.push({ kind: 'remember', peers: this.remembrance.take() });
  }

  private each(does: (peer: Peer) => void): void {
    for (const peer of this.members.all()) does(peer);
  }

  private chooseAddresses(now: number): AddressChoice {
    const { config, members, outbox } = this;
    const context = {
      others: () => members.all().filter(({ record }) => !this.trust.isBlocked(record)),
      local: () => this.whereabouts.surroundings.local(),
      wall: (at: number) => this.keys.clock.at(at),
      changed: (at: number) => {
        this.whereabouts.overlayChanged(at);
        this.claims.reviewAll(at);
        this.each((peer) => peer.surroundingsChanged(at));
      },
    };
    return new AddressChoice(config, context, outbox, now);
  }

  private peerContext(session: SessionContext): PeerContext {
    const { own, surroundings } = this.whereabouts;
    return {
      session,
      outbox: this.outbox,
      probes: this.probes,
      kindOf: (endpoint) => surroundings.kindOf(endpoint),
      isBlocked: (record) => this.trust.isBlocked(record),
      knownSince: (id) => this.trust.knownSince(id),
      needs: () => frameNeeds(own.profile.mtu),
      isCandidate: (endpoint) => surroundings.isCandidate(endpoint),
      connected: (peer, now) => this.connected(peer, now),
      disconnected: (peer, now, why) => this.disconnected(peer, now, why),
      moved: (peer, before, path) => this.chronicle.moved(peer, before, path),
      refused: (peer, why) => this.chronicle.refused(peer, why),
      changed: (now) => this.health.mayHaveChanged(now),
      handshakes: this.handshakes,
      macFreed: (mac) => this.setMacs(mac),
      macsOf: (peer) => this.roster.macsOf(peer),
      heldBy: (peer) => this.claims.heldBy(peer),
      claimed: (peer, now, before) => {
        this.trust.moved(peer);
        this.claims.claimed(now, peer, before);
      },
    };
  }
}
