/**
 * Meeting in the DHT, for one network: says when to publish our record, when to look for others, and what was found.
 *
 *     publish (announce + put) → look → get each key that's new → found
 *                 ▲                │
 *                 └── forgotten ◄──┴── our own record isn't there any more
 *
 * Pure: requests go out as outputs, what became of them comes back as inputs. Publishing comes before looking, so of two members that start at
 * once at least one sees the other.
 */
import { backoff } from '../../core/backoff.js';
import { BoundedMap } from '../../core/bounded-map.js';
import { hex, sameBytes } from '../../core/bytes.js';
import { XAES_NONCE_BYTES } from '../../core/crypto.js';
import { type Day, dayOf, fromMidnight, isPlausible, nearbyDays } from '../../core/days.js';
import type { Random } from '../../core/random.js';
import { announceSeed, openRecord, type RendezvousSecrets, sealRecord, topicOf } from './sealed-record.js';

/** Announcements live for 20 minutes and a restarted node has lost everything: publish this often, in ms. */
const PUBLISH_INTERVAL = 5 * 60_000;
const PUBLISH_RETRY = [0, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
/** Waits between two looks, in ms: soon after the start, when others start too, then at leisure. */
const LOOK = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/** Of so many looks one goes to the neighbouring days as well; near midnight, and while there's nobody, all do. */
const NEIGHBOURS_EVERY = 5;
const NEAR_MIDNIGHT = 60 * 60_000;
/** Waits, in ms, before a record that was opened is fetched again: soon at first, as a member that just began changes its own. */
const FETCH = [2_000, 5_000, 10_000, 30_000, 60_000, 5 * 60_000] as const;
/** How long a member counts as found after its record was opened, in ms. */
const FOUND_FOR = 15 * 60_000;
/** Announce keys that are remembered, and fetched for one look. */
const MAX_KEYS = 512;
const MAX_FETCHES = 64;
/** Yesterday, today, tomorrow, and one that's just over. */
const MAX_DAYS = 4;
/** A request that isn't answered in this time, in ms, never will be. */
const REQUEST_LIMIT = 30_000;

export type RendezvousRequest =
  | {
      readonly kind: 'publish';
      readonly day: Day;
      readonly topic: Uint8Array;
      /** Of the announce key. */
      readonly seed: Uint8Array;
      readonly sequence: number;
      readonly value: Uint8Array;
    }
  | { readonly kind: 'look'; readonly day: Day; readonly topic: Uint8Array }
  | { readonly kind: 'fetch'; readonly day: Day; readonly key: Uint8Array };

export type RendezvousInput =
  /** Our member record, first or changed. */
  | { readonly kind: 'record'; readonly record: Uint8Array }
  /** There's a DHT node to ask, also after one was lost. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'published'; readonly day: Day; readonly error: string | null }
  | { readonly kind: 'looked'; readonly day: Day; readonly keys: readonly Uint8Array[] }
  | {
      readonly kind: 'fetched';
      readonly day: Day;
      readonly key: Uint8Array;
      readonly value: Uint8Array | null;
      readonly sequence: number;
    };

export type RendezvousOutput =
  | { readonly kind: 'request'; readonly request: RendezvousRequest }
  /** A member's record, not yet verified. */
  | { readonly kind: 'found'; readonly record: Uint8Array }
  | { readonly kind: 'problem'; readonly text: string }
  /** A value that no member of this network sealed for that day and key. */
  | { readonly kind: 'dropped' };

/** Makes the announce key's public half (32 bytes) from its seed. */
export type PublicKeyOf = (seed: Uint8Array) => Uint8Array;

export class Rendezvous {
  private record: Uint8Array | null = null;
  private isReady = false;
  private sequence: number;
  private published: { readonly day: Day; readonly at: number; readonly value: Uint8Array } | null = null;
  private publishAt = Number.POSITIVE_INFINITY;
  private publishTries = 0;
  private publishing: { readonly day: Day; readonly since: number; readonly value: Uint8Array } | null = null;
  private lookAt = Number.POSITIVE_INFINITY;
  private looks = 0;
  /** Announce keys, and when and how often a record under them was opened. */
  private readonly opened = new BoundedMap<string, { readonly at: number; readonly times: number }>(MAX_KEYS);
  private readonly ownKeys = new BoundedMap<Day, Uint8Array>(MAX_DAYS);
  private lastError: string | null = null;

  constructor(
    private readonly secrets: RendezvousSecrets,
    private readonly publicKeyOf: PublicKeyOf,
    private readonly random: Random,
    /** Greater than any sequence that earlier runs published: the boot counter in front, whatever the clock says. */
    bootCounter: number,
  ) {
    this.sequence = bootCounter * 2 ** 20;
  }

  deadline(): number {
    if (!this.isReady || this.record === null) return Number.POSITIVE_INFINITY;
    const stuck = this.publishing === null ? Number.POSITIVE_INFINITY : this.publishing.since + REQUEST_LIMIT;
    return Math.min(this.publishAt, this.lookAt, stuck);
  }

  /** `now`: ms, monotonic; `unix`: ms since 1970, which may be wrong and may jump. */
  handle(now: number, unix: number, input: RendezvousInput): RendezvousOutput[] {
    switch (input.kind) {
      case 'record':
        return this.changed(now, unix, input.record);
      case 'ready':
        this.isReady = true;
        return this.restart(now, unix);
      case 'lost':
        this.isReady = false;
        this.published = null;
        return [];
      case 'tick':
        return this.work(now, unix);
      case 'published':
        return this.wasPublished(now, unix, input.day, input.error);
      case 'looked':
        return this.looked(now, unix, input.day, input.keys);
      case 'fetched':
        return this.fetched(now, unix, input);
    }
  }

  /** Members whose records were found lately, and how long ago we were announced, in ms; null if we aren't. */
  figures(now: number): { readonly found: number; readonly announcedMs: number | null } {
    return { found: this.found(now), announcedMs: this.published === null ? null : now - this.published.at };
  }

  /** In words; null as long as there's no node to ask. */
  state(now: number): string | null {
    if (!this.isReady) return null;
    const members = this.found(now);
    const found = `${members} member${members === 1 ? '' : 's'} found`;
    if (this.published === null)
      return `not announced${this.lastError === null ? ' yet' : `: ${this.lastError}`}, ${found}`;
    return `announced ${Math.round((now - this.published.at) / 1000)} s ago, ${found}`;
  }

  private changed(now: number, unix: number, record: Uint8Array): RendezvousOutput[] {
    const isFirst = this.record === null;
    this.record = record;
    if (isFirst) return this.restart(now, unix);
    this.publishAt = Math.min(this.publishAt, now);
    return this.work(now, unix);
  }

  private restart(now: number, unix: number): RendezvousOutput[] {
    this.publishAt = now;
    this.publishTries = 0;
    this.lookAt = now;
    this.looks = 0;
    return this.work(now, unix);
  }

  private work(now: number, unix: number): RendezvousOutput[] {
    if (!this.isReady || this.record === null) return [];
    if (this.publishing !== null && this.publishing.since + REQUEST_LIMIT <= now) {
      this.publishing = null;
      this.publishAt = Math.min(this.publishAt, now);
    }
    if (this.published !== null && this.published.day !== dayOf(unix)) this.publishAt = Math.min(this.publishAt, now);
    const outputs: RendezvousOutput[] = [];
    if (this.publishAt <= now) outputs.push(...this.publish(now, unix, this.record));
    if (this.lookAt <= now) outputs.push(...this.look(now, unix));
    return outputs;
  }

  private publish(now: number, unix: number, record: Uint8Array): RendezvousOutput[] {
    if (this.publishing !== null) {
      this.publishAt = now + 1_000;
      return [];
    }
    const day = dayOf(unix);
    const seed = announceSeed(this.secrets, day);
    const nonce = this.random(XAES_NONCE_BYTES);
    const value = sealRecord(this.secrets, day, this.ownKey(day), nonce, record);
    this.publishing = { day, since: now, value };
    this.publishAt = now + PUBLISH_INTERVAL;
    const request = {
      kind: 'publish',
      day,
      topic: topicOf(this.secrets, day),
      seed,
      sequence: ++this.sequence,
      value,
    } as const;
    const doubt = isPlausible(unix)
      ? []
      : [problem(`this machine's clock says ${day}: members can't be found over the DHT until it's right`)];
    return [...doubt, { kind: 'request', request }];
  }

  private wasPublished(now: number, unix: number, day: Day, error: string | null): RendezvousOutput[] {
    if (this.publishing?.day !== day) return [];
    const { value } = this.publishing;
    this.publishing = null;
    this.lastError = error;
    if (error !== null) {
      this.publishAt = now + backoff(PUBLISH_RETRY, ++this.publishTries, this.random);
      return [];
    }
    this.publishTries = 0;
    const first = this.published === null;
    this.published = { day, at: now, value };
    if (first) this.lookAt = now; // whoever published before us is found now, whoever comes later finds us
    return this.work(now, unix);
  }

  private look(now: number, unix: number): RendezvousOutput[] {
    const [yesterday, today, tomorrow] = nearbyDays(unix);
    const everywhere =
      this.looks % NEIGHBOURS_EVERY === 0 || this.found(now) === 0 || fromMidnight(unix) < NEAR_MIDNIGHT;
    this.looks++;
    this.lookAt = now + backoff(LOOK, this.looks, this.random);
    const days = everywhere ? [today, yesterday, tomorrow] : [today];
    const looks = days.map((day): RendezvousRequest => ({ kind: 'look', day, topic: topicOf(this.secrets, day) }));
    const own = this.published === null ? [] : [this.fetchOwn(this.published.day)];
    return [...looks, ...own].map((request) => ({ kind: 'request', request }));
  }

  /** Our announce key of that day. Kept, because every key that's found is compared with it, and making it costs half a millisecond. */
  private ownKey(day: Day): Uint8Array {
    const key = this.ownKeys.get(day) ?? this.publicKeyOf(announceSeed(this.secrets, day));
    this.ownKeys.set(day, key);
    return key;
  }

  /** The canary: a DHT that has lost our own record has lost us. */
  private fetchOwn(day: Day): RendezvousRequest {
    return { kind: 'fetch', day, key: this.ownKey(day) };
  }

  private looked(now: number, unix: number, day: Day, keys: readonly Uint8Array[]): RendezvousOutput[] {
    if (!nearbyDays(unix).includes(day)) return [];
    const own = this.ownKey(day);
    const wanted = keys.filter((key) => !sameBytes(key, own) && this.isWorthFetching(now, key)).slice(0, MAX_FETCHES);
    return wanted.map((key) => ({ kind: 'request', request: { kind: 'fetch', day, key } }));
  }

  private isWorthFetching(now: number, key: Uint8Array): boolean {
    const last = this.opened.get(hex(key));
    return last === undefined || last.at + backoff(FETCH, last.times - 1, this.random) <= now;
  }

  private fetched(
    now: number,
    unix: number,
    fetched: Extract<RendezvousInput, { kind: 'fetched' }>,
  ): RendezvousOutput[] {
    const { day, key, value } = fetched;
    const isOwn = sameBytes(key, this.ownKey(day));
    if (isOwn) return this.fetchedOwn(now, unix, fetched);
    if (value === null) return [];
    const record = openRecord(this.secrets, day, key, value);
    if (record === null) return [{ kind: 'dropped' }];
    this.opened.set(hex(key), { at: now, times: (this.opened.get(hex(key))?.times ?? 0) + 1 });
    return [{ kind: 'found', record }, ...this.offByADay(unix, day)];
  }

  private fetchedOwn(
    now: number,
    unix: number,
    { value, sequence, day }: Extract<RendezvousInput, { kind: 'fetched' }>,
  ): RendezvousOutput[] {
    if (this.published === null || this.published.day !== day) return [];
    if (value !== null && sameBytes(value, this.published.value)) return [];
    // Somebody else's value under our key: an older run whose counter was ahead, or a machine with our identity.
    this.sequence = Math.max(this.sequence, sequence);
    this.published = null;
    this.publishAt = Math.min(this.publishAt, now);
    const foreign = value === null ? null : openRecord(this.secrets, day, this.ownKey(day), value);
    return [...(foreign === null ? [] : [{ kind: 'found', record: foreign } as const]), ...this.work(now, unix)];
  }

  /** Members whose records were opened lately. */
  private found(now: number): number {
    return [...this.opened.values()].filter(({ at }) => at + FOUND_FOR > now).length;
  }

  private offByADay(unix: number, day: Day): RendezvousOutput[] {
    const today = dayOf(unix);
    if (day === today || fromMidnight(unix) < NEAR_MIDNIGHT) return [];
    return [problem(`a member announces itself under ${day}, and it's ${today} here: one of the clocks is a day off`)];
  }
}

function problem(text: string): RendezvousOutput {
  return { kind: 'problem', text };
}
