/**
 * The machine of one network: takes what happened and when, says what to do. Its parts do the work:
 *
 *     what the device tells → DeviceEvents ─┬ datagrams from outside a session → Reception ─┐
 *                                           └ control messages of a peer → PeerMessages ────┼→ Roster → Peer (Session + Paths), one per member
 *     beacons, records of the DHT, the last run's ─────────────────────────────────────────┘
 *     this machine's addresses, what's seen from outside → Whereabouts → our record, beacons, gossip
 */
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import type { DeviceStats } from '../device/device.js';
import { Health } from './health.js';
import type { NetworkConfig, NetworkDetails, NetworkInput, NetworkOutput, NetworkSnapshot } from './io.js';
import { Parts } from './parts.js';

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
  private readonly parts: Parts;
  private readonly health: Health;
  private state: NetworkSnapshot['state'] = 'running';

  constructor(
    private readonly config: NetworkConfig,
    random: Random,
    now: number,
  ) {
    const whole = {
      isRunning: () => this.state === 'running',
      mayHaveChanged: (at: number) => this.health.mayHaveChanged(at),
    };
    this.parts = new Parts(config, whole, random, now);
    this.health = new Health((at) => this.problemsAt(at), this.parts.outbox);
    if (this.parts.keys.ring.hasRunOut(now)) this.state = 'key-expired';
  }

  /** Takes what happened at `now` (ms, monotonic) and says what to do. Never throws for what a peer sent. */
  handle(now: number, input: NetworkInput): NetworkOutput[] {
    if (this.state === 'running' || (this.state === 'key-expired' && STANDING.has(input.kind))) this.take(now, input);
    if (this.parts.outbox.takeNews() || MATTERS_TO_HEALTH.has(input.kind)) this.health.mayHaveChanged(now);
    return this.parts.outbox.drain();
  }

  /** Whether it looks for an address and has none so far. */
  get isSeeking(): boolean {
    return this.parts.addresses.isSeeking;
  }

  /** When it wants its next `tick` (ms, monotonic); Infinity for never. */
  deadline(): number {
    const { members, addresses, whereabouts, keys, claims, probes, hellos, relays, memberRelays, gossip, remembrance } =
      this.parts;
    if (this.state === 'left') return Number.POSITIVE_INFINITY;
    if (this.state === 'key-expired') return Math.min(keys.deadline(), this.health.deadline());
    return Math.min(
      this.health.deadline(),
      keys.deadline(),
      claims.deadline(),
      members.deadline(),
      hellos.deadline(),
      probes.deadline(),
      relays.deadline(),
      memberRelays.deadline(),
      whereabouts.deadline(),
      gossip.deadline(),
      addresses.deadline(),
      remembrance.deadline(),
    );
  }

  /** `stats`: the device's, at this moment; the machine keeps no byte counts of its own. */
  snapshot(now: number, stats: DeviceStats): NetworkSnapshot {
    const { members, drops, handshakes, whereabouts, hellos, relays } = this.parts;
    const counters = new Map(stats.peers.map((peer) => [peer.peer, peer]));
    const { own, surroundings } = whereabouts;
    const peers = members.all();
    return {
      state: this.state,
      id: this.config.identity.peerId,
      isSeeking: this.isSeeking,
      peers: peers.map((peer) => peer.snapshot(now, counters.get(peer.handle))),
      unanswered: hellos.statics.unanswered((endpoint) => surroundings.isCandidate(endpoint)),
      relays: relays.describe(),
      forwardOnly: own.isForwardOnly,
      problems: this.problemsAt(now),
      handshakes: handshakes.list(),
      drops: drops.list(),
    };
  }

  private problemsAt(now: number): string[] {
    const { members, problems, addresses, whereabouts, keys, trust, claims, relays } = this.parts;
    const records = members.all().map(({ record }) => record);
    return [
      ...relays.problems(),
      ...keys.problems(now),
      ...trust.problems(now),
      ...addresses.problems(),
      ...problems.list(now, whereabouts.own.record, records, (ip) => claims.holderOf(ip)),
    ];
  }

  details(now: number): NetworkDetails {
    const { members, whereabouts, probes } = this.parts;
    const peers = members.all().map((peer) => peer.describe(now));
    return { ...whereabouts.describe(now), probes: probes.counts(), peers };
  }

  private take(now: number, input: NetworkInput): void {
    const { parts } = this;
    switch (input.kind) {
      case 'device':
        parts.events.take(now, input.event);
        break;
      case 'tick':
        this.tick(now);
        break;
      case 'interfaces':
        parts.whereabouts.setInterfaces(now, input.addresses);
        parts.hellos.statics.hurry(now);
        parts.each((peer) => peer.addressesChanged(now));
        parts.relays.networkChanged(now);
        parts.remembrance.recall(now, parts.roster);
        break;
      case 'routes':
        parts.whereabouts.routesChanged(now);
        parts.hellos.statics.hurry(now);
        parts.each((peer) => peer.routesChanged(now));
        this.tick(now);
        break;
      case 'overlays':
        if (parts.whereabouts.setOverlays(now, input.subnets)) parts.each((peer) => peer.surroundingsChanged(now));
        break;
      case 'beacon':
        this.beacon(now, input.payload, input.from);
        break;
      case 'found':
        parts.drops.count(parts.reception.found(now, input.record, input.source));
        break;
      case 'static-peer':
        parts.hellos.statics.set(now, input.name, input.id, input.endpoints);
        if (this.state === 'running') this.tick(now);
        break;
      case 'dht-nodes':
        parts.whereabouts.setNodes(now, input.nodes, input.isTrusted);
        break;
      case 'port-mapped':
        parts.whereabouts.setForwarded(now, input.external);
        break;
      case 'relay':
        parts.relays.set(now, input.relay);
        break;
      case 'drop-relay':
        parts.relays.drop(now, input.name);
        break;
      case 'forward-only':
        // What was known of direct ways is forgotten, or learned anew.
        if (parts.whereabouts.setForwardOnly(now, input.on)) parts.each((peer) => peer.surroundingsChanged(now));
        break;
      case 'profile':
        parts.whereabouts.setProfile(now, input.profile);
        break;
      case 'ping':
        parts.messages.ping(now, input.peer, input.request);
        break;
      case 'set-addresses':
        parts.addresses.set(now, input.addresses, input.dynamic);
        break;
      case 'address-refused':
        parts.addresses.refused(now, input.ip, input.error);
        break;
      case 'clock':
        parts.keys.clock.set(now, input.wall);
        this.turnKeys(now);
        break;
      case 'keys':
        parts.keys.replace(now, input.keys);
        this.turnKeys(now);
        break;
      case 'block':
        parts.trust.block(now, input.ids);
        parts.addresses.membersChanged(now);
        parts.claims.reviewAll(now);
        break;
      case 'accept':
        parts.trust.accept(now, input.id);
        parts.claims.reviewAll(now);
        break;
      case 'leave':
        this.standStill(now);
        this.state = 'left';
        break;
    }
  }

  private tick(now: number): void {
    const { parts } = this;
    const { addresses, whereabouts, keys, claims, probes, hellos, relays, memberRelays, gossip, remembrance } = parts;
    if (keys.deadline() <= now) this.turnKeys(now);
    this.health.tick(now);
    if (this.state !== 'running') return;
    parts.each((peer) => peer.tick(now));
    claims.tick(now);
    hellos.tick(now);
    probes.tick(now);
    if (memberRelays.deadline() <= now) memberRelays.tick(now);
    if (relays.deadline() <= now) relays.tick(now);
    whereabouts.tick(now);
    if (gossip.deadline() <= now) gossip.tick(now);
    if (addresses.deadline() <= now) addresses.tick(now);
    if (remembrance.deadline() <= now) this.remember();
  }

  private beacon(now: number, payload: Uint8Array, from: Endpoint): void {
    const { drops, whereabouts, reception } = this.parts;
    const { own, surroundings } = whereabouts;
    if (own.isForwardOnly) drops.count('forward-only');
    else if (surroundings.isInside(from)) drops.count('beacon-inside-overlay');
    else drops.count(reception.beacon(now, payload, from));
  }

  /** The key queue moves on; with its last key the network stands still, with another one it goes on. */
  private turnKeys(now: number): void {
    const { outbox, keys } = this.parts;
    const hasRunOut = keys.ring.hasRunOut(now);
    if (hasRunOut && this.state === 'running') {
      outbox.notable('warn', 'the last key has ended: the network stands still until p2p set adds another');
      outbox.event({ kind: 'key-expired' });
      this.standStill(now);
      this.state = 'key-expired';
    }
    keys.turn(now);
    if (!hasRunOut && this.state === 'key-expired') this.goOn(now);
  }

  /** Says goodbye to all members and ends all sessions. */
  private standStill(now: number): void {
    const { parts } = this;
    const { relays } = parts;
    parts.each((peer) => peer.farewell(now));
    relays.standStill(now);
    this.remember();
  }

  private goOn(now: number): void {
    const { parts } = this;
    const { outbox, whereabouts, relays } = parts;
    this.state = 'running';
    outbox.notable('info', 'there is a key again: the network goes on');
    outbox.event({ kind: 'key-renewed' });
    relays.goOn(now);
    parts.each((peer) => peer.reach(now));
    whereabouts.announce(now);
  }

  private remember(): void {
    this.parts.outbox.push({ kind: 'remember', peers: this.parts.remembrance.take() });
  }
}
