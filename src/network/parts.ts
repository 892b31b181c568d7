/** The parts of a network's machine, and what each hears of the others. */
import { sameBytes } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { Stamper } from '../core/stamp.js';
import type { SessionContext } from '../session/io.js';
import { AddressClaims } from './address-claims.js';
import { AddressChoice } from './addresses/choice.js';
import { Chronicle } from './chronicle.js';
import { DeviceEvents } from './device-events.js';
import { Drops } from './drops.js';
import { frameNeeds } from './frame-needs.js';
import { GossipExchange } from './gossip-exchange.js';
import { HandshakeCounter } from './handshake-counts.js';
import { Hellos } from './hellos.js';
import type { NetworkConfig } from './io.js';
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

/** What the parts ask of the whole. */
export interface Whole {
  /** Whether it may send: it has a key, and hasn't left. */
  isRunning(): boolean;
  /** What's wrong may be another matter now. */
  mayHaveChanged(now: number): void;
}

export class Parts {
  readonly outbox = new Outbox();
  readonly members = new Members();
  readonly problems = new Problems();
  private readonly stamps = new Stamps();
  readonly drops = new Drops();
  readonly addresses: AddressChoice;
  readonly handshakes = new HandshakeCounter();
  private readonly chronicle = new Chronicle(this.outbox);
  readonly whereabouts: Whereabouts;
  readonly keys: Keys;
  readonly trust: Trust;
  readonly claims: AddressClaims;
  readonly probes: ProbeQueue;
  readonly hellos: Hellos;
  readonly roster: Roster;
  readonly relays: Relays;
  readonly memberRelays: MemberRelays;
  readonly gossip: GossipExchange;
  readonly reception: Reception;
  readonly messages: PeerMessages;
  readonly events: DeviceEvents;
  readonly remembrance: Remembrance;

  constructor(
    private readonly config: NetworkConfig,
    private readonly whole: Whole,
    random: Random,
    now: number,
  ) {
    const { outbox, members, problems, stamps, drops } = this;
    const stamper = new Stamper(config.bootCounter);
    const seenAt = (at: number, endpoint: Endpoint) => this.whereabouts.seenAt(at, endpoint);
    const told = {
      isRunning: () => whole.isRunning(),
      recordChanged: () => this.gossip.spread(own.record, null),
    };
    this.addresses = this.chooseAddresses(now);
    this.whereabouts = new Whereabouts(config, this.addresses, stamper, outbox, told, random, now);
    const { own, surroundings } = this.whereabouts;
    this.keys = new Keys(config, members, outbox, random, now);
    this.trust = new Trust(config, members, outbox, this.keys.clock);
    this.claims = new AddressClaims(own, this.trust);
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

  /** Does it to every peer. */
  each(does: (peer: Peer) => void): void {
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
      changed: (now) => this.whole.mayHaveChanged(now),
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
}
