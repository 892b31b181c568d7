/**
 * This machine's overlay addresses: those that people gave it, the IPv6 address that it always has, and the IPv4 address that it chooses by
 * itself, if it was told to. Listens who is there, picks an address that nobody has, asks for it by ARP (RFC 5227), and claims it in its record;
 * gives way if somebody turns out to have it with more right (`claims.ts`), or if the network is in another subnet.
 */
import { BoundedMap } from '../../core/bounded-map.js';
import { hex } from '../../core/bytes.js';
import { type Cidr, formatCidr, isIpv6, networkOf, parseCidr } from '../../core/ip.js';
import { formatMac } from '../../core/mac.js';
import type { NetworkConfig } from '../io.js';
import type { Outbox } from '../outbox.js';
import type { MemberRecord } from '../record.js';
import { type Claim, claimsOf, outranks } from './claims.js';
import { defaultSubnet, inOwnOrder, ulaOf } from './derived.js';
import { chosenSubnets, givenSubnets, isAcceptable } from './subnet.js';

/** How long it's listened who is there before an address is chosen, in ms: without anybody, with members that are known but not connected… */
const LISTEN = 4_000;
const LISTEN_LONGER = 8_000;
/** …and from the first that's connected on: the others' records come with it. */
const LISTEN_CONNECTED = 1_500;
/** ARP probes, and the time between them and after the last, in ms. RFC 5227 has one to two seconds, for links that are up at that moment only. */
const PROBES = 3;
const PROBE_INTERVAL = 300;
const PROBE_WAIT = 700;
/** A claim is announced twice, so long apart, in ms (RFC 5227 section 2.3). */
const ANNOUNCE_INTERVAL = 2_000;
/** After so many addresses lost, one a minute is tried (RFC 5227 section 2.1.1, MAX_CONFLICTS and RATE_LIMIT_INTERVAL). */
const MAX_CONFLICTS = 10;
const CONFLICT_INTERVAL = 60_000;
/** When it's looked again for a free address where there was none, in ms. */
const RETRY = 30_000;
/** An address that another turned out to have isn't tried again for so long, in ms; one that another was about to take, for so long. */
const LOST_FOR = 3_600_000;
const YIELDED_FOR = 10_000;
const MAX_LOST = 256;
/** Records that come together are looked at together, in ms. */
const GATHER = 50;

/** What the choice rests on. */
export interface ChoiceContext {
  /** The other members that this one deals with. */
  others(): readonly { readonly record: MemberRecord; readonly isConnected: boolean }[];
  /** Subnets that this machine is in otherwise: on the underlay, and in other networks. */
  local(): readonly Cidr[];
  /** ms since 1970. */
  wall(now: number): number;
  /** The addresses are others from now on. */
  changed(now: number): void;
}

type Phase =
  | { readonly kind: 'given' | 'held' }
  /** Who is there? Until then, or shorter once somebody is connected. */
  | { readonly kind: 'listening'; readonly since: number; until: number }
  | { readonly kind: 'probing'; readonly candidate: Cidr; sent: number; next: number }
  /** Nothing can be done before. */
  | { readonly kind: 'waiting'; readonly until: number; readonly why: string };

export class AddressChoice {
  private given: readonly Cidr[];
  private chosen: { readonly address: Cidr; readonly since: number } | null;
  private readonly ula: Cidr | null;
  private phase: Phase;
  /** Addresses that aren't tried, and until when. */
  private readonly lost = new BoundedMap<string, number>(MAX_LOST);
  private conflicts: number[] = [];
  private lookAt = Number.POSITIVE_INFINITY;
  private announceAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly config: NetworkConfig,
    private readonly context: ChoiceContext,
    private readonly outbox: Outbox,
    now: number,
  ) {
    this.given = cidrs(config.addresses);
    this.ula = config.ula ? ulaOf(config.secrets.networkId, config.identity.publicKey) : null;
    const address = config.chosen === null ? null : parseCidr(config.chosen.address);
    this.chosen = config.chosen === null || address === null ? null : { address, since: config.chosen.since };
    this.phase = config.dynamic ? (this.chosen === null ? listening(now) : { kind: 'held' }) : { kind: 'given' };
  }

  /** All addresses, as they stand in our record: the chosen one first. */
  get addresses(): readonly Cidr[] {
    const chosen = this.chosen === null ? [] : [this.chosen.address];
    return [...chosen, ...this.given, ...(this.ula === null ? [] : [this.ula])];
  }

  /** When the first of them was chosen, in ms since 1970; null: it was given. */
  get claimedAt(): number | null {
    return this.chosen?.since ?? null;
  }

  /** Whether it looks for an address and has none so far. */
  get isSeeking(): boolean {
    return this.phase.kind !== 'given' && this.phase.kind !== 'held';
  }

  deadline(): number {
    return Math.min(this.lookAt, this.announceAt, this.phaseDeadline());
  }

  tick(now: number): void {
    if (this.lookAt <= now) this.look(now);
    if (this.phaseDeadline() <= now) this.proceed(now);
    if (this.announceAt <= now) this.announce(Number.POSITIVE_INFINITY);
  }

  /** Other members came, went, or say something else of themselves. */
  membersChanged(now: number): void {
    if (this.phase.kind !== 'given') this.lookAt = Math.min(this.lookAt, now + GATHER);
  }

  /** Frames from this MAC say that the address is theirs, or ask for it as we do: then the one with the lower MAC goes on. */
  answered(now: number, ip: string, mac: Uint8Array, asks: boolean): void {
    if (this.phase.kind !== 'probing' || this.phase.candidate.ip !== ip) return;
    if (!asks) this.lose(now, ip, `${formatMac(mac)} answers for it`);
    else if (hex(mac) < hex(this.config.mac)) {
      this.lost.set(ip, now + YIELDED_FOR);
      this.choose(now);
    }
  }

  /** The system refuses to give our device this address. */
  refused(now: number, ip: string, error: string): void {
    if (this.chosen?.address.ip === ip) this.lose(now, ip, `the system refuses it: ${error}`);
  }

  /** People want other addresses than before, or that one is chosen (again). */
  set(now: number, addresses: readonly string[], dynamic: boolean): void {
    this.given = cidrs(addresses);
    this.announceAt = Number.POSITIVE_INFINITY;
    if (!dynamic) {
      this.chosen = null;
      this.phase = { kind: 'given' };
    } else if (this.phase.kind === 'given') this.phase = listening(now);
    this.publish(now);
    this.membersChanged(now);
  }

  /** What's wrong, in words. */
  problems(): string[] {
    const waiting = this.phase.kind === 'waiting' ? [this.phase.why] : [];
    if (this.phase.kind === 'given') return waiting;
    const claims = this.claims();
    const given = givenSubnets(claims);
    if (given.length === 0 || given.some((subnet) => this.accepts(subnet))) return waiting;
    const where = given.map(formatCidr).join(', ');
    return [
      ...waiting,
      `members have addresses in ${where}, where this machine takes none by itself: it's no private subnet of a usual size, or this machine is connected to the same; p2p set -ip gives it one`,
    ];
  }

  private phaseDeadline(): number {
    if (this.phase.kind === 'probing') return this.phase.next;
    return this.phase.kind === 'listening' || this.phase.kind === 'waiting'
      ? this.phase.until
      : Number.POSITIVE_INFINITY;
  }

  private look(now: number): void {
    this.lookAt = Number.POSITIVE_INFINITY;
    const { phase } = this;
    if (phase.kind === 'held') this.giveWay(now);
    else if (phase.kind === 'listening' && this.isAnyConnected())
      phase.until = Math.min(phase.until, now + LISTEN_CONNECTED);
    else if (phase.kind === 'probing' && this.claims().some(({ ip }) => ip === phase.candidate.ip)) this.choose(now);
  }

  /** Whether somebody has our address with more right, or the members with given ones are all elsewhere. */
  private giveWay(now: number): void {
    if (this.chosen === null) return;
    const { address, since } = this.chosen;
    const own: Claim = { ...address, by: this.config.identity.peerId, chosenAt: since };
    const rival = this.claims().find((claim) => claim.ip === address.ip && outranks(claim, own));
    const better = this.elsewhere(address);
    if (rival !== undefined) this.lose(now, address.ip, `${rival.by} has it with more right`);
    else if (better !== null) this.lose(now, address.ip, `the network is in ${formatCidr(better)}`);
  }

  /** The subnet in which connected members were given addresses, if nobody at all was given one in ours. */
  private elsewhere(address: Cidr): Cidr | null {
    const mine = formatCidr(networkOf(address));
    if (givenSubnets(this.claims()).some((subnet) => formatCidr(subnet) === mine)) return null;
    const connected = this.context.others().filter(({ isConnected }) => isConnected);
    const there = givenSubnets(connected.flatMap(({ record }) => claimsOf(record)));
    return there.find((subnet) => this.accepts(subnet)) ?? null;
  }

  private proceed(now: number): void {
    const { phase } = this;
    if (phase.kind === 'probing') this.probe(now, phase);
    else if (phase.kind === 'waiting') this.choose(now);
    else if (phase.kind === 'listening') {
      const mayBeThere = !this.isAnyConnected() && this.context.others().length > 0;
      const longer = phase.since + LISTEN_LONGER;
      if (mayBeThere && now < longer) phase.until = longer;
      else this.choose(now);
    }
  }

  private choose(now: number): void {
    this.conflicts = this.conflicts.filter((at) => at > now - CONFLICT_INTERVAL).slice(-MAX_CONFLICTS);
    const [first] = this.conflicts;
    if (this.conflicts.length >= MAX_CONFLICTS && first !== undefined) {
      const why = `${MAX_CONFLICTS} addresses in a row turned out to be others': the next one is tried in a minute`;
      this.phase = { kind: 'waiting', until: now + CONFLICT_INTERVAL, why };
      return;
    }
    const subnet = this.subnet();
    const ip = this.firstFree(now, subnet);
    if (ip === null) {
      const why = `no address is free in ${formatCidr(subnet)}: p2p set -ip gives this machine another`;
      this.phase = { kind: 'waiting', until: now + RETRY, why };
      return;
    }
    this.phase = { kind: 'probing', candidate: { ip, prefix: subnet.prefix }, sent: 0, next: now };
    if (!this.isAnyConnected()) this.claim(now, this.phase.candidate);
  }

  /** Where members were given addresses, else where some chose theirs, else what follows from the network. */
  private subnet(): Cidr {
    const claims = this.claims();
    const learned = [...givenSubnets(claims), ...chosenSubnets(claims)].find((subnet) => this.accepts(subnet));
    return learned ?? defaultSubnet(this.config.secrets.networkId);
  }

  private firstFree(now: number, subnet: Cidr): string | null {
    const taken = new Set([...this.claims(), ...this.given].map(({ ip }) => ip));
    const { secrets, identity } = this.config;
    for (const ip of inOwnOrder(subnet, secrets.networkId, identity.publicKey))
      if (!taken.has(ip) && (this.lost.get(ip) ?? 0) <= now) return ip;
    return null;
  }

  private probe(now: number, phase: Extract<Phase, { kind: 'probing' }>): void {
    if (phase.sent === PROBES) {
      this.claim(now, phase.candidate);
      return;
    }
    this.outbox.command({ kind: 'probe-address', ip: phase.candidate.ip });
    phase.sent++;
    phase.next = now + (phase.sent === PROBES ? PROBE_WAIT : PROBE_INTERVAL);
  }

  private claim(now: number, address: Cidr): void {
    this.chosen = { address, since: Math.max(0, Math.floor(this.context.wall(now))) };
    this.phase = { kind: 'held' };
    this.outbox.notable('info', 'address claimed', { address: formatCidr(address) });
    this.publish(now);
    this.announce(now + ANNOUNCE_INTERVAL);
    this.membersChanged(now);
  }

  private lose(now: number, ip: string, why: string): void {
    this.lost.set(ip, now + LOST_FOR);
    this.conflicts.push(now);
    this.outbox.notable('warn', 'taking another address', { address: ip, why });
    const had = this.chosen !== null;
    this.chosen = null;
    this.announceAt = Number.POSITIVE_INFINITY;
    if (had) this.publish(now);
    this.choose(now);
  }

  /** Tells whoever remembers another MAC for the address; `again`: when it's told once more. */
  private announce(again: number): void {
    this.announceAt = again;
    if (this.chosen !== null) this.outbox.command({ kind: 'announce-address', ip: this.chosen.address.ip });
  }

  private publish(now: number): void {
    const chosen = this.chosen && { address: formatCidr(this.chosen.address), since: this.chosen.since };
    this.context.changed(now);
    this.outbox.push({ kind: 'addresses', addresses: this.addresses.map(formatCidr), chosen });
  }

  private claims(): Claim[] {
    return this.context.others().flatMap(({ record }) => claimsOf(record).filter(({ ip }) => !isIpv6(ip)));
  }

  private isAnyConnected(): boolean {
    return this.context.others().some(({ isConnected }) => isConnected);
  }

  private accepts(subnet: Cidr): boolean {
    return isAcceptable(subnet, this.context.local());
  }
}

function listening(now: number): Phase {
  return { kind: 'listening', since: now, until: now + LISTEN };
}

function cidrs(addresses: readonly string[]): Cidr[] {
  return addresses.flatMap((address) => parseCidr(address) ?? []);
}
