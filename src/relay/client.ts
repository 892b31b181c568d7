/**
 * The machine of one network at one relay: which transport, which key, who else is there. UDP and TLS are raced: if UDP brings no
 * answer in time, TLS is tried as well; UDP goes on being tried, and is preferred as soon as it works.
 */
import { hex, sameBytes } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import { fraction, type Random } from '../core/random.js';
import { type RelayTransport, type RelayWay, relayWay } from '../core/way.js';
import { Link, type LinkOutput } from './link.js';
import { type LoginSecrets, loginKey, tagDays, tagOf } from './tags.js';

/** How long UDP may go without any answer before TLS is tried as well, in ms. */
const RACE_AFTER = 1_500;
/** Names change at midnight; so that not all clients come at once, each waits up to this long, in ms. */
const RENEWAL_SPREAD = 600_000;
/** How often the day is looked at, in ms. */
const DAY_INTERVAL = 60_000;

export interface RelayAddress {
  /** Null: it has no such listener, or it mustn't be used. */
  readonly udp: Endpoint | null;
  readonly tls: Endpoint | null;
}

export type ClientOutput =
  | { readonly kind: 'open' | 'close'; readonly transport: RelayTransport; readonly relay: Endpoint }
  | {
      readonly kind: 'send';
      readonly transport: RelayTransport;
      readonly relay: Endpoint;
      readonly datagram: Uint8Array;
    }
  | {
      readonly kind: 'set-login';
      readonly transport: RelayTransport;
      readonly relay: Endpoint;
      readonly ownIndex: number;
      readonly relayIndex: number;
    }
  /** Whoever can be reached through the relay from now on, or no longer. */
  | { readonly kind: 'joined' | 'left'; readonly ways: readonly RelayWay[] }
  /** The relay sees our data socket there. */
  | { readonly kind: 'seen'; readonly endpoint: Endpoint }
  /** The relay's key is known for the first time: to be kept, 32 bytes. */
  | { readonly kind: 'pin'; readonly key: Uint8Array }
  | { readonly kind: 'up'; readonly transport: RelayTransport }
  | { readonly kind: 'down'; readonly transport: RelayTransport; readonly why: string }
  /** It has another key than the pinned one. */
  | { readonly kind: 'wrong-key'; readonly key: Uint8Array; readonly expected: Uint8Array };

export interface ClientContext {
  readonly random: Random;
  readonly secrets: LoginSecrets;
  /** Ms since 1970. */
  readonly unix: () => number;
}

export interface ClientState {
  readonly state: 'connected' | 'connecting' | 'failing' | 'wrong-key';
  readonly transport: RelayTransport | null;
  readonly endpoint: Endpoint | null;
  /** 64 hex digits; null as long as it's unknown. */
  readonly id: string | null;
  readonly rttMs: number | null;
  /** Others of this network there. */
  readonly others: number;
  readonly lastError: string | null;
}

export class RelayClient {
  private readonly links: ReadonlyMap<RelayTransport, Link>;
  private readonly ways = new Map<RelayWay, RelayTransport>();
  private raceAt = Number.POSITIVE_INFINITY;
  private dayAt = Number.POSITIVE_INFINITY;
  private renewAt = Number.POSITIVE_INFINITY;
  /** The days of the tags that the standing login carries. */
  private days = '';
  private wrongKey: Uint8Array | null = null;
  private isWrongKeyTold = false;

  constructor(
    readonly address: RelayAddress,
    /** The key that it must have, or null: whichever it shows first. */
    private expected: Uint8Array | null,
    private readonly context: ClientContext,
  ) {
    const links = (['udp', 'tls'] as const)
      .filter((transport) => address[transport] !== null)
      .map((transport) => [transport, this.link(transport)] as const);
    this.links = new Map(links);
  }

  deadline(): number {
    const links = [...this.links.values()].map((link) => link.deadline());
    return Math.min(this.raceAt, this.dayAt, this.renewAt, ...links);
  }

  describe(): ClientState {
    const up = this.upLink();
    const shown = up ?? this.firstLink();
    const isFailing = up === undefined && [...this.links.values()].some(({ lastError }) => lastError !== null);
    return {
      state:
        up !== undefined ? 'connected' : this.wrongKey !== null ? 'wrong-key' : isFailing ? 'failing' : 'connecting',
      transport: up?.[0] ?? null,
      endpoint: shown === undefined ? null : this.address[shown[0]],
      id: this.expected === null ? null : hex(this.expected),
      rttMs: up?.[1].rttMs ?? null,
      others: up?.[1].pseudonyms().length ?? 0,
      lastError:
        up !== undefined ? null : ([...this.links.values()].find((l) => l.lastError !== null)?.lastError ?? null),
    };
  }

  /** The key that it showed and mustn't have, or null. */
  get refusedKey(): Uint8Array | null {
    return this.wrongKey;
  }

  /** Whether a datagram from there is this relay's. */
  isAt(transport: RelayTransport, relay: Endpoint): boolean {
    return this.address[transport] === relay;
  }

  /** Whether a way goes through this relay. */
  leads(way: RelayWay): boolean {
    return this.ways.has(way);
  }

  waysBy(transport: RelayTransport): RelayWay[] {
    return [...this.ways].flatMap(([way, of]) => (of === transport ? [way] : []));
  }

  start(now: number): ClientOutput[] {
    this.dayAt = now + DAY_INTERVAL;
    const udp = this.links.get('udp');
    this.raceAt = udp === undefined ? now : now + RACE_AFTER;
    return [...(udp === undefined ? [] : this.carry(now, 'udp', udp.start(now))), ...this.tick(now)];
  }

  stop(now: number): ClientOutput[] {
    this.raceAt = this.dayAt = this.renewAt = Number.POSITIVE_INFINITY;
    return this.each(now, (link) => link.stop());
  }

  /** Whether the relay is still there is asked now: a way through it is in doubt. */
  doubt(now: number): ClientOutput[] {
    return this.each(now, (link) => link.doubt(now));
  }

  /** This machine's addresses changed: what's down may work now, and what was up may not. */
  networkChanged(now: number): ClientOutput[] {
    this.raceAt = now + RACE_AFTER;
    return this.each(now, (link, transport) => {
      if (link.isUp) return link.doubt(now);
      return transport === 'udp' ? link.start(now) : [];
    });
  }

  received(now: number, transport: RelayTransport, datagram: Uint8Array): ClientOutput[] {
    return this.with(now, transport, (link) => link.received(now, datagram));
  }

  opened(now: number, transport: RelayTransport): ClientOutput[] {
    return this.with(now, transport, (link) => link.opened(now));
  }

  closed(now: number, transport: RelayTransport, error: string): ClientOutput[] {
    return this.with(now, transport, (link) => link.closed(now, error));
  }

  tick(now: number): ClientOutput[] {
    const outputs = this.each(now, (link) => (link.deadline() <= now ? link.tick(now) : []));
    if (this.raceAt <= now) outputs.push(...this.race(now));
    if (this.dayAt <= now) this.lookAtDay(now);
    if (this.renewAt <= now) {
      this.renewAt = Number.POSITIVE_INFINITY;
      outputs.push(...this.each(now, (link) => link.renew(now)));
    }
    return outputs;
  }

  private race(now: number): ClientOutput[] {
    this.raceAt = Number.POSITIVE_INFINITY;
    const udp = this.links.get('udp');
    if (udp !== undefined && (udp.isUp || udp.isAnswered)) return [];
    return this.with(now, 'tls', (link) => link.start(now));
  }

  private lookAtDay(now: number): void {
    this.dayAt = now + DAY_INTERVAL;
    if (this.days === '' || this.days === tagDays(this.context.unix()).join()) return;
    if (this.renewAt === Number.POSITIVE_INFINITY) this.renewAt = now + fraction(this.context.random) * RENEWAL_SPREAD;
  }

  private link(transport: RelayTransport): Link {
    const { random } = this.context;
    return new Link({ random, isImmediate: transport === 'udp', credentials: (key) => this.credentials(key) });
  }

  private credentials(relayKey: Uint8Array) {
    const { secrets, unix } = this.context;
    if (this.expected !== null && !sameBytes(this.expected, relayKey)) {
      this.wrongKey = relayKey;
      return null;
    }
    const days = tagDays(unix());
    this.days = days.join();
    const [today = ''] = days;
    return { key: loginKey(secrets, relayKey, today), tags: days.map((day) => tagOf(secrets, relayKey, day)) };
  }

  private with(now: number, transport: RelayTransport, take: (link: Link) => LinkOutput[]): ClientOutput[] {
    const link = this.links.get(transport);
    return link === undefined ? [] : this.carry(now, transport, take(link));
  }

  private each(now: number, take: (link: Link, transport: RelayTransport) => LinkOutput[]): ClientOutput[] {
    return [...this.links].flatMap(([transport, link]) => this.carry(now, transport, take(link, transport)));
  }

  private carry(now: number, transport: RelayTransport, outputs: readonly LinkOutput[]): ClientOutput[] {
    const relay = this.address[transport];
    if (relay === null) return [];
    const carried = outputs.flatMap((output) => this.carryOne(now, transport, relay, output));
    if (this.wrongKey === null || this.expected === null || this.isWrongKeyTold) return carried;
    this.isWrongKeyTold = true;
    return [...carried, { kind: 'wrong-key', key: this.wrongKey, expected: this.expected }];
  }

  private carryOne(now: number, transport: RelayTransport, relay: Endpoint, output: LinkOutput): ClientOutput[] {
    switch (output.kind) {
      case 'up':
        return this.up(now, transport, output.relayKey, output.seenAt);
      case 'down':
        return this.down(now, transport, output.why);
      case 'joined':
      case 'left': {
        const ways = output.pseudonyms.map((pseudonym) => relayWay(transport, relay, pseudonym));
        for (const way of ways) {
          if (output.kind === 'joined') this.ways.set(way, transport);
          else this.ways.delete(way);
        }
        return [{ kind: output.kind, ways }];
      }
      default:
        return [{ ...output, transport, relay }];
    }
  }

  private up(now: number, transport: RelayTransport, relayKey: Uint8Array, seenAt: Endpoint | null): ClientOutput[] {
    const pins: ClientOutput[] = this.expected === null ? [{ kind: 'pin', key: relayKey }] : [];
    this.expected = relayKey;
    this.wrongKey = null;
    this.isWrongKeyTold = false;
    const seen: ClientOutput[] = seenAt === null ? [] : [{ kind: 'seen', endpoint: seenAt }];
    const slower = transport === 'udp' ? this.with(now, 'tls', (link) => (link.isRunning ? link.stop() : [])) : [];
    return [...pins, { kind: 'up', transport }, ...seen, ...slower];
  }

  private down(now: number, transport: RelayTransport, why: string): ClientOutput[] {
    const ways = [...this.ways].filter(([, of]) => of === transport).map(([way]) => way);
    for (const way of ways) this.ways.delete(way);
    this.raceAt = now + RACE_AFTER; // whatever answers first takes over
    return [{ kind: 'down', transport, why }, ...(ways.length === 0 ? [] : [{ kind: 'left', ways } as const])];
  }

  private upLink(): [RelayTransport, Link] | undefined {
    return [...this.links].find(([, link]) => link.isUp);
  }

  private firstLink(): [RelayTransport, Link] | undefined {
    return [...this.links][0];
  }
}
