/** What this machine says of itself: its member record, signed anew whenever something in it changes. */
import { BoundedMap } from '../core/bounded-map.js';
import { type Endpoint, endpointParts, makeEndpoint } from '../core/endpoint.js';
import { type Cidr, formatCidr, isLinkLocal, isUsable } from '../core/ip.js';
import { isContainerBridge, type LocalAddress } from '../core/local-address.js';
import type { Random } from '../core/random.js';
import type { MemberProfile, NetworkConfig } from './io.js';
import { type MemberRecord, RECORD_FLAG, sequenceOf, signRecord } from './record.js';

/** Addresses, one endpoint each, that peers saw us at which we keep. */
const MAX_OBSERVED = 4;
/**
 * An endpoint that peers see is kept this long, in ms, before another port of the same address takes its place: behind a NAT that maps every
 * destination anew, telling each new one would make the others try it, and so make yet another.
 */
const OBSERVED_FOR = 30_000;
/** Two machines with one identity outdo each other's record at most this often, in ms. */
const OUTDO_INTERVAL = 20_000;

/** Our addresses in the network. */
export interface OverlayAddresses {
  readonly addresses: readonly Cidr[];
  /** As in a member record. */
  readonly claimedAt: number | null;
}

export class OwnMember {
  private change = 0;
  private forwardOnly: boolean;
  private said: MemberProfile;
  /** No record of ours has a sequence below this one. */
  private floor = 0n;
  private outdidAt = Number.NEGATIVE_INFINITY;
  private readonly instance: Uint8Array;
  private local: readonly Endpoint[] = [];
  private mapped: readonly Endpoint[] = [];
  /** By a port mapping on the router. */
  private forwarded: Endpoint | null = null;
  private readonly observed = new BoundedMap<string, { readonly endpoint: Endpoint; readonly at: number }>(
    MAX_OBSERVED,
  );
  private signed: MemberRecord;

  constructor(
    private readonly config: NetworkConfig,
    private readonly overlay: OverlayAddresses,
    random: Random,
  ) {
    this.instance = random(8);
    this.forwardOnly = config.forwardOnly;
    this.said = config;
    this.signed = this.sign();
  }

  get record(): MemberRecord {
    return this.signed;
  }

  /**
   * This machine's addresses changed. Says whether the record did. Those of container bridges are told only if there are no others: the next
   * machine has the same ones. A container on the bridge finds us by our beacons there.
   */
  setLocal(addresses: readonly LocalAddress[]): boolean {
    const told = addresses.filter(({ device }) => !isContainerBridge(device));
    const endpoints = (told.length > 0 ? told : addresses)
      .filter(({ ip }) => !isLinkLocal(ip))
      .map(({ ip }) => makeEndpoint(ip, this.config.port));
    const usable = endpoints.filter((endpoint, i) => isUsable(endpoint) && endpoints.indexOf(endpoint) === i);
    return this.update(() => {
      if (usable.join() !== this.local.join()) this.observed.clear(); // seen through addresses that may be gone
      this.local = usable;
    });
  }

  /** A peer saw our datagrams come from there. Says whether the record changed. */
  seenAt(now: number, endpoint: Endpoint): boolean {
    const { ip } = endpointParts(endpoint);
    const last = this.observed.get(ip);
    if (last !== undefined && last.at + OBSERVED_FOR > now) return false;
    if (!isUsable(endpoint) || isLinkLocal(ip) || this.isOwn(endpoint)) return false;
    return this.update(() => {
      this.observed.set(ip, { endpoint, at: now });
    });
  }

  /** Forgets what peers saw where `isWrong` holds. Says whether the record changed. */
  forgetObserved(isWrong: (endpoint: Endpoint) => boolean): boolean {
    return this.update(() => {
      for (const [ip, { endpoint }] of [...this.observed]) if (isWrong(endpoint)) this.observed.delete(ip);
    });
  }

  /** Nodes outside saw us there. Says whether the record changed. */
  setMapped(endpoints: readonly Endpoint[]): boolean {
    return this.update(() => {
      this.mapped = endpoints.filter((endpoint) => !this.local.includes(endpoint));
    });
  }

  /** A router lets datagrams in to us there, or no longer. Says whether the record changed. */
  setForwarded(external: Endpoint | null): boolean {
    return this.update(() => {
      this.forwarded = external;
    });
  }

  /**
   * Someone else's record under our identity is as new as ours: a machine that was copied, or our own past where this one was restored from
   * an older image. Ours becomes the newer one, so that both sides of a copy get to see the other. Says whether the record changed.
   */
  outdo(now: number, sequence: bigint): boolean {
    if (this.outdidAt + OUTDO_INTERVAL > now) return false;
    this.outdidAt = now;
    this.floor = sequence + 1n;
    this.signed = this.sign();
    return true;
  }

  /** Our overlay addresses are others. */
  overlayChanged(): void {
    this.resign();
  }

  isLocal(endpoint: Endpoint): boolean {
    return this.local.includes(endpoint);
  }

  isOwn(endpoint: Endpoint): boolean {
    return this.endpoints().includes(endpoint);
  }

  /** Whether nobody is to reach us but through relays. */
  get isForwardOnly(): boolean {
    return this.forwardOnly;
  }

  /** Says whether the record changed. A record that says so names no endpoint. */
  setForwardOnly(on: boolean): boolean {
    if (on === this.forwardOnly) return false;
    this.forwardOnly = on;
    this.resign();
    return true;
  }

  get profile(): MemberProfile {
    return this.said;
  }

  /** Says whether the record changed. */
  setProfile(profile: MemberProfile): boolean {
    const { name, mtu, routes } = this.said;
    const isSame =
      profile.name === name &&
      profile.mtu === mtu &&
      profile.routes.map(formatCidr).join() === routes.map(formatCidr).join();
    if (isSame) return false;
    this.said = profile;
    this.resign();
    return true;
  }

  private update(change: () => void): boolean {
    const before = this.endpoints().join();
    change();
    if (this.endpoints().join() === before) return false;
    this.resign();
    return true;
  }

  private resign(): void {
    this.change++;
    if (this.floor > 0n) this.floor++;
    this.signed = this.sign();
  }

  private endpoints(): Endpoint[] {
    if (this.forwardOnly) return [];
    const forwarded = this.forwarded === null ? [] : [this.forwarded];
    const observed = [...this.observed.values()].map(({ endpoint }) => endpoint);
    return [...new Set([...forwarded, ...this.local, ...this.mapped, ...observed])];
  }

  private sequence(): bigint {
    const sequence = sequenceOf(this.config.bootCounter, this.change);
    if (sequence < this.floor) return this.floor;
    return sequence;
  }

  private sign(): MemberRecord {
    const { config, said } = this;
    return signRecord(config.secrets.networkId, config.identity, {
      flags:
        RECORD_FLAG.offload |
        (this.forwardOnly ? RECORD_FLAG.forwardOnly : 0) |
        (config.bridge ? RECORD_FLAG.bridge : 0),
      mtu: said.mtu,
      staticKey: config.identity.staticPublic,
      sequence: this.sequence(),
      instance: this.instance,
      mac: config.mac,
      name: said.name,
      addresses: this.overlay.addresses,
      claimedAt: this.overlay.claimedAt,
      endpoints: this.endpoints(),
      relay: config.relayOffer,
      routes: said.routes,
    });
  }
}
