/** Which relays of members are used, of those that members offer in their records: few, and such that two members choose some in common. */
import { BoundedMap } from '../core/bounded-map.js';
import { type Endpoint, endpointParts, makeEndpoint } from '../core/endpoint.js';
import { isRelayWay } from '../core/way.js';
import type { RelayChoice } from './io.js';
import type { Members } from './members.js';
import type { Peer } from './peer.js';
import type { MemberRecord } from './record.js';
import type { Relays } from './relays.js';

/** Relays of members that one network uses at once. */
export const MAX_MEMBER_RELAYS = 3;
/** Of these so many are the first by peer id, which all members agree on; the others are those with the shortest round trip. */
const AGREED = 2;
/** How often it's looked at who offers one, in ms; also when a member connects. */
const LOOK_INTERVAL = 5_000;
/** One that doesn't let us in for this long, in ms, makes room for another… */
const PATIENCE = 60_000;
/** …and isn't tried again for this long, in ms. */
const AVOIDED_FOR = 600_000;
const MAX_AVOIDED = 64;

type Offered = RelayChoice & { readonly udp: Endpoint; readonly offeredBy: { readonly id: string } };

interface Offer {
  readonly choice: Offered;
  readonly rtt: number;
}

export class MemberRelays {
  private lookAt: number;
  /** When a relay was first seen not to be connected, by its name; never more than are used. */
  private readonly downSince = new Map<string, number>();
  /** Peer ids, and until when. */
  private readonly avoided = new BoundedMap<string, number>(MAX_AVOIDED);

  constructor(
    private readonly isOn: boolean,
    private readonly members: Members,
    private readonly relays: Relays,
    private readonly isBlocked: (record: MemberRecord) => boolean,
  ) {
    this.lookAt = isOn ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  deadline(): number {
    return this.lookAt;
  }

  /** A member connected. */
  hurry(now: number): void {
    if (this.isOn) this.lookAt = Math.min(this.lookAt, now);
  }

  tick(now: number): void {
    this.lookAt = now + LOOK_INTERVAL;
    for (const used of this.relays.offered()) if (!this.isKept(now, used)) this.relays.dropOffered(now, used.name);
    const wanted = this.wanted(now);
    const names = new Set(wanted.map(({ name }) => name));
    for (const { name } of this.relays.offered()) if (!names.has(name)) this.relays.dropOffered(now, name);
    for (const choice of wanted) this.relays.set(now, choice);
  }

  /** Whether a relay in use goes on being one that we may use: it's offered as it was, and there, or was just chosen. */
  private isKept(now: number, { name, state, by }: ReturnType<Relays['offered']>[number]): boolean {
    const peer = this.members.withId(by);
    const offer = peer === undefined ? null : this.offerAt(peer, endpointParts(name as Endpoint).ip);
    if (offer === null || offer.name !== name) return false;
    if (state === 'connected') {
      this.downSince.delete(name);
      return true;
    }
    const since = this.downSince.get(name) ?? now;
    this.downSince.set(name, since);
    if (now - since < PATIENCE) return true;
    this.downSince.delete(name);
    this.avoided.set(by, now + AVOIDED_FOR);
    return false;
  }

  private wanted(now: number): Offered[] {
    const kept = this.relays.offered();
    const room = Math.min(MAX_MEMBER_RELAYS, this.relays.room + kept.length);
    const byId = this.offers(now).sort((a, b) => (a.choice.offeredBy.id < b.choice.offeredBy.id ? -1 : 1));
    const agreed = byId.slice(0, Math.min(AGREED, room));
    const isKept = ({ choice }: Offer) => kept.some(({ name }) => name === choice.name);
    const others = byId
      .slice(agreed.length)
      .sort((a, b) => Number(isKept(b)) - Number(isKept(a)) || a.rtt - b.rtt)
      .slice(0, room - agreed.length);
    return [...agreed, ...others].map(({ choice }) => choice);
  }

  /** What may be used: relays in use, and those of members who answer directly, at the address from which they do. */
  private offers(now: number): Offer[] {
    const kept = new Map(this.relays.offered().map(({ by, name }) => [by, endpointParts(name as Endpoint).ip]));
    return this.members.all().flatMap((peer) => {
      const { peerId } = peer.record;
      const ip = kept.get(peerId) ?? addressOf(peer);
      if (ip === null || (this.avoided.get(peerId) ?? now) > now) return [];
      const choice = this.offerAt(peer, ip);
      if (choice === null || (!kept.has(peerId) && this.relays.isUsed(choice.udp))) return [];
      return [{ choice, rtt: peer.paths.current?.rtt ?? Number.POSITIVE_INFINITY }];
    });
  }

  /** The relay that a member offers at one of the addresses that it announces. */
  private offerAt({ record }: Peer, ip: string): Offered | null {
    const { relay, endpoints, peerId, name } = record;
    const isAnnounced = endpoints.some((endpoint) => endpointParts(endpoint).ip === ip);
    if (relay === null || !isAnnounced || this.isBlocked(record)) return null;
    const udp = makeEndpoint(ip, relay.udpPort);
    const tls = relay.tlsPort === null ? null : makeEndpoint(ip, relay.tlsPort);
    return { name: udp, udp, tls, key: relay.key, proxy: null, offeredBy: { id: peerId, name } };
  }
}

/** The address at which a member answered a sealed challenge, not through a relay. */
function addressOf(peer: Peer): string | null {
  const { current } = peer.paths;
  return !peer.isConnected || current === null || isRelayWay(current.endpoint)
    ? null
    : endpointParts(current.endpoint).ip;
}
