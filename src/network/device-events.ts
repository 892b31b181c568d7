/** What the device tells: hands each event to whom it concerns, and keeps out what comes from where nothing may come from. */
import type { Endpoint } from '../core/endpoint.js';
import { isRelayWay } from '../core/way.js';
import type { DeviceEvent } from '../device/device.js';
import { DHT_REPLY } from '../wire/dht-ping.js';
import { ENVELOPE_BYTES } from '../wire/relay.js';
import type { AddressChoice } from './addresses/choice.js';
import type { Drops } from './drops.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { PeerMessages } from './peer-messages.js';
import type { Reception } from './reception.js';
import type { Relays } from './relays.js';
import type { Whereabouts } from './whereabouts.js';

type Datagram = Extract<DeviceEvent, { kind: 'datagram' }>;
type PeerEvent = Extract<DeviceEvent, { peer: number }>;

export class DeviceEvents {
  constructor(
    private readonly whereabouts: Whereabouts,
    private readonly reception: Reception,
    private readonly messages: PeerMessages,
    private readonly members: Members,
    private readonly relays: Relays,
    private readonly addresses: AddressChoice,
    private readonly drops: Drops,
    private readonly outbox: Outbox,
  ) {}

  take(now: number, event: DeviceEvent): void {
    switch (event.kind) {
      case 'datagram':
        this.datagram(now, event);
        break;
      case 'unreachable':
        for (const peer of this.members.connected()) peer.carryPaths(now, peer.paths.unreachable(now, event.to));
        this.relays.unreachable(now, event.to);
        break;
      case 'too-large':
        this.tooLarge(now, event.to, event.bytes);
        break;
      case 'unmarked':
        this.warn('the system refuses to mark our datagrams; going on without', event.error);
        break;
      case 'fallback':
        this.warn(`the system refuses ${event.help}; going on without it`, event.error);
        break;
      case 'address-in-use':
        this.addresses.answered(now, event.ip, event.mac, event.asks);
        break;
      case 'device-gone':
        break;
      case 'relay-datagram':
      case 'relay-open':
      case 'relay-closed':
        this.relays.event(now, event);
        break;
      default:
        this.ofPeer(now, event);
    }
  }

  private datagram(now: number, { datagram, from, proven }: Datagram): void {
    const { own, surroundings } = this.whereabouts;
    if (surroundings.isInside(from)) this.drops.count('inside-overlay');
    else if (own.isForwardOnly && !isRelayWay(from)) this.drops.count('forward-only');
    else if (datagram[0] !== DHT_REPLY) this.drops.count(this.reception.datagram(now, datagram, from, proven));
    else if (isRelayWay(from)) this.drops.count('unknown-kind');
    else this.whereabouts.nodeAnswered(now, datagram, from);
  }

  /** What a relay doesn't take, no way through it does; what a way may carry is counted without the envelope. */
  private tooLarge(now: number, to: Endpoint, bytes: number): void {
    const ways = this.relays.waysBy(to);
    for (const peer of this.members.connected()) {
      peer.carryPaths(now, peer.paths.tooLarge(now, to, bytes));
      for (const way of ways) peer.carryPaths(now, peer.paths.tooLarge(now, way, bytes - ENVELOPE_BYTES));
    }
  }

  private ofPeer(now: number, event: PeerEvent): void {
    const peer = this.members.withHandle(event.peer);
    if (peer === undefined) return;
    switch (event.kind) {
      case 'control':
        this.messages.received(now, peer, event.messages, event);
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
        this.silent(now, peer);
        break;
      case 'bulk':
        peer.carryPaths(now, peer.paths.bulk(now));
        break;
    }
  }

  private silent(now: number, peer: Peer): void {
    if (peer.paths.current !== null) this.relays.doubt(now, peer.paths.current.endpoint);
    peer.carryPaths(now, peer.paths.doubt(now));
  }

  private warn(message: string, error: string): void {
    this.outbox.notable('warn', message, { error });
  }
}
