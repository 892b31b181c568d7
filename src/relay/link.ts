/**
 * One way to one relay, by UDP or by TLS: logs in, keeps the login alive, says who else is there.
 *
 *     down → login (attempt.ts) → welcome: up → pings; three unanswered: lost → down, again by RETRY
 *
 * A login is renewed while the old one still stands, so that nothing is lost by it.
 */
import { backoff } from '../core/backoff.js';
import { hex, sameBytes } from '../core/bytes.js';
import { Deadlines } from '../core/deadlines.js';
import type { Endpoint } from '../core/endpoint.js';
import { type Random, randomU32 } from '../core/random.js';
import {
  digestOf,
  openMessages,
  REFUSAL,
  RELAY_KIND,
  type Refusal,
  type RelayMessage,
  sealMessages,
  TOKEN_BYTES,
} from '../wire/relay.js';
import { Attempt, type Credentials, type Proved } from './attempt.js';

/** Others at one relay that are remembered; a relay that names more is lying, or has more than a network holds. */
const MAX_OTHERS = 1_024;
/** Waits, in ms, before a relay that failed is tried again. */
const RETRY = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
const PING_INTERVAL = 15_000;
/** How long a pong may take, in ms, and how many may stay away. */
const PONG_LIMIT = 650;
const MAX_UNANSWERED = 3;
/** A login that was renewed stays this long, in ms: datagrams under its old name are still under way. */
const LINGER = 10_000;
/** Weight of a new RTT sample (RFC 6298 section 2). */
const RTT_WEIGHT = 1 / 8;

export type LinkOutput =
  /** The transport must be there before anything is sent; for TLS `opened` or `closed` follows. */
  | { readonly kind: 'open' }
  | { readonly kind: 'close' }
  | { readonly kind: 'send'; readonly datagram: Uint8Array }
  /** Envelopes go and come from now on. */
  | { readonly kind: 'set-login'; readonly ownIndex: number; readonly relayIndex: number }
  | { readonly kind: 'up'; readonly relayKey: Uint8Array; readonly seenAt: Endpoint | null }
  | { readonly kind: 'down'; readonly why: string }
  | { readonly kind: 'joined' | 'left'; readonly pseudonyms: readonly Uint8Array[] };

interface Login extends Proved {
  sent: bigint;
  received: bigint;
}

/** What's needed for a link besides the time. */
export interface LinkContext {
  readonly random: Random;
  readonly credentials: Credentials;
  /** Whether datagrams can be sent as soon as it's opened, as with UDP. */
  readonly isImmediate: boolean;
}

export class Link {
  private readonly ownIndex: number;
  private attempt: Attempt | null = null;
  private login: Login | null = null;
  private older: Login | null = null;
  private readonly others = new Map<string, Uint8Array>();
  private readonly deadlines = new Deadlines<'retry' | 'ping' | 'pong' | 'linger'>();
  private failures = 0;
  private ping: { readonly token: Uint8Array; readonly at: number; readonly tries: number } | null = null;
  private rtt: number | null = null;
  private reason: string | null = null;
  private isOpen = false;
  private running = false;

  constructor(private readonly context: LinkContext) {
    this.ownIndex = nonZero(context.random);
  }

  get isUp(): boolean {
    return this.login !== null;
  }

  get isRunning(): boolean {
    return this.running;
  }

  /** Whether the login under way was answered, if only by a cookie. */
  get isAnswered(): boolean {
    return this.attempt?.heard ?? this.isUp;
  }

  /** Smoothed, in ms; null as long as no ping was answered. */
  get rttMs(): number | null {
    return this.rtt;
  }

  /** Why it's down, or null. */
  get lastError(): string | null {
    return this.reason;
  }

  /** Pseudonyms of the others at this relay who share a tag with us. */
  pseudonyms(): Uint8Array[] {
    return [...this.others.values()];
  }

  deadline(): number {
    return Math.min(this.deadlines.next(), this.attempt?.deadline() ?? Number.POSITIVE_INFINITY);
  }

  /** Tries now, unless that's being done. */
  start(now: number): LinkOutput[] {
    this.running = true;
    if (this.login !== null || this.attempt !== null) return [];
    this.deadlines.clear('retry');
    if (this.isOpen) return this.begin(now);
    this.isOpen = true;
    return [{ kind: 'open' }, ...(this.context.isImmediate ? this.begin(now) : [])];
  }

  /** Goes away for good, or until the next `start`. */
  stop(): LinkOutput[] {
    const wasUp = this.login !== null;
    const bye = this.login === null ? [] : [this.seal(this.login, [{ type: 'bye' }])];
    this.forget();
    this.running = false;
    const wasOpen = this.isOpen;
    this.isOpen = false;
    return [
      ...bye,
      ...(wasOpen ? [{ kind: 'close' } as const] : []),
      ...(wasUp ? [{ kind: 'down', why: 'closed' } as const] : []),
    ];
  }

  /** The connection is there. */
  opened(now: number): LinkOutput[] {
    return this.running && this.attempt === null && this.login === null ? this.begin(now) : [];
  }

  /** The connection is gone, or couldn't be made. */
  closed(now: number, error: string): LinkOutput[] {
    this.isOpen = false;
    return this.running ? this.fail(now, error) : [];
  }

  /** Logs in anew under today's name while the old login stands. */
  renew(now: number): LinkOutput[] {
    return this.login === null || this.attempt !== null ? [] : this.begin(now);
  }

  /** Whether the relay is still there is asked now. */
  doubt(now: number): LinkOutput[] {
    return this.login === null || this.ping !== null ? [] : this.sendPing(now, 1);
  }

  received(now: number, datagram: Uint8Array): LinkOutput[] {
    if (datagram[0] === RELAY_KIND.message) return this.message(now, datagram);
    const answer = this.attempt?.received(now, datagram) ?? null;
    if (answer === 'other-key') return this.fail(now, 'it has another key than the one that it must have', true);
    if (answer === null) return [];
    const proved = this.attempt?.proved ?? null;
    const sent: LinkOutput = { kind: 'send', datagram: answer };
    // The welcome comes under our index, which must be known by then; a login that stands goes on until its renewal is confirmed.
    return proved === null || this.login !== null ? [sent] : [this.loginAs(proved), sent];
  }

  tick(now: number): LinkOutput[] {
    const sent = this.attempt?.tick(now) ?? null;
    if (sent === 'failed') return this.attemptFailed(now);
    const outputs: LinkOutput[] = sent === null ? [] : [{ kind: 'send', datagram: sent }];
    for (const name of this.deadlines.due(now)) outputs.push(...this.due(now, name));
    return outputs;
  }

  private due(now: number, name: 'retry' | 'ping' | 'pong' | 'linger'): LinkOutput[] {
    if (name === 'retry') return this.start(now);
    if (name === 'ping') return this.sendPing(now, 1);
    if (name === 'pong') return this.unanswered(now);
    const { older } = this;
    this.older = null;
    return older === null ? [] : [this.seal(older, [{ type: 'bye' }])];
  }

  private begin(now: number): LinkOutput[] {
    this.attempt = new Attempt(now, this.ownIndex, this.context.credentials, this.context.random);
    return this.tick(now);
  }

  private attemptFailed(now: number): LinkOutput[] {
    this.attempt = null;
    return this.login === null ? this.fail(now, 'no answer') : [];
  }

  private message(now: number, datagram: Uint8Array): LinkOutput[] {
    const proved = this.attempt?.proved ?? null;
    const opened = proved === null ? null : openMessages(proved.split[1], datagram);
    if (opened !== null && proved !== null) return this.confirmed(now, proved, opened.counter, opened.messages);
    for (const login of [this.login, this.older]) {
      const known = login === null ? null : openMessages(login.split[1], datagram);
      if (login === null || known === null) continue;
      if (known.counter <= login.received) return [];
      login.received = known.counter;
      return login === this.login ? this.take(now, known.messages) : [];
    }
    return [];
  }

  /** The relay's first words under the new keys: welcome, or a refusal. */
  private confirmed(now: number, proved: Proved, counter: bigint, messages: readonly RelayMessage[]): LinkOutput[] {
    const refused = messages.find((message) => message.type === 'refused');
    if (refused !== undefined) return this.fail(now, explainRefusal(refused.reason), true);
    const welcome = messages.find((message) => message.type === 'welcome');
    if (welcome === undefined) return [];
    if (welcome.clientIndex !== this.ownIndex || welcome.relayIndex !== proved.relayIndex)
      return this.fail(now, 'it changed the indices of the login', true);
    this.attempt = null;
    this.older = this.login;
    if (this.older !== null) this.deadlines.set('linger', now + LINGER);
    this.login = { ...proved, sent: 0n, received: counter };
    this.failures = 0;
    this.reason = null;
    this.ping = null;
    return [
      this.loginAs(proved),
      { kind: 'up', relayKey: proved.relayKey, seenAt: welcome.seenAt },
      ...this.take(now, messages),
      ...this.sendPing(now, 1),
    ];
  }

  private loginAs({ relayIndex }: Proved): LinkOutput {
    return { kind: 'set-login', ownIndex: this.ownIndex, relayIndex };
  }

  private take(now: number, messages: readonly RelayMessage[]): LinkOutput[] {
    const isWhole = messages.some(({ type }) => type === 'pong' || type === 'welcome');
    return messages.flatMap((message): LinkOutput[] => {
      switch (message.type) {
        case 'joined':
          return isWhole ? this.replaceOthers(message.pseudonyms) : this.join(message.pseudonyms);
        case 'left':
          return this.leave(message.pseudonyms);
        case 'pong':
          return this.pong(now, message.token);
        case 'bye':
          return this.fail(now, 'it said goodbye');
        default:
          return [];
      }
    });
  }

  /** Beside a pong or a welcome stands who is there, whatever was known before. */
  private replaceOthers(pseudonyms: readonly Uint8Array[]): LinkOutput[] {
    const named = new Set(pseudonyms.map(hex));
    const gone = [...this.others].filter(([name]) => !named.has(name)).map(([, pseudonym]) => pseudonym);
    return [...this.leave(gone), ...this.join(pseudonyms)];
  }

  private join(pseudonyms: readonly Uint8Array[]): LinkOutput[] {
    const news = pseudonyms.filter((pseudonym) => !this.others.has(hex(pseudonym)));
    const taken = news.slice(0, MAX_OTHERS - this.others.size);
    for (const pseudonym of taken) this.others.set(hex(pseudonym), pseudonym);
    return taken.length === 0 ? [] : [{ kind: 'joined', pseudonyms: taken }];
  }

  private leave(pseudonyms: readonly Uint8Array[]): LinkOutput[] {
    const known = pseudonyms.filter((pseudonym) => this.others.delete(hex(pseudonym)));
    return known.length === 0 ? [] : [{ kind: 'left', pseudonyms: known }];
  }

  private sendPing(now: number, tries: number): LinkOutput[] {
    if (this.login === null) return [];
    const token = this.context.random(TOKEN_BYTES);
    this.ping = { token, at: now, tries };
    this.deadlines.set('pong', now + Math.max(PONG_LIMIT, 4 * (this.rtt ?? 0)));
    return [this.seal(this.login, [{ type: 'ping', token, digest: digestOf(this.others.values()) }])];
  }

  private pong(now: number, token: Uint8Array): LinkOutput[] {
    if (this.ping === null || !sameBytes(this.ping.token, token)) return [];
    const sample = now - this.ping.at;
    this.rtt = this.rtt === null || sample < this.rtt ? sample : this.rtt + (sample - this.rtt) * RTT_WEIGHT;
    this.ping = null;
    this.deadlines.clear('pong');
    this.deadlines.set('ping', now + PING_INTERVAL);
    return [];
  }

  private unanswered(now: number): LinkOutput[] {
    const tries = this.ping?.tries ?? MAX_UNANSWERED;
    return tries >= MAX_UNANSWERED ? this.fail(now, 'it stopped answering') : this.sendPing(now, tries + 1);
  }

  /** `isFinal`: asking again soon won't help, so the longest wait begins. */
  private fail(now: number, why: string, isFinal = false): LinkOutput[] {
    const wasUp = this.login !== null;
    const isConnection = !this.context.isImmediate && this.isOpen;
    this.forget();
    this.reason = why;
    if (isConnection) this.isOpen = false;
    const attempt = isFinal ? RETRY.length - 1 : this.failures++;
    this.deadlines.set('retry', now + backoff(RETRY, attempt, this.context.random));
    return [...(isConnection ? [{ kind: 'close' } as const] : []), ...(wasUp ? [{ kind: 'down', why } as const] : [])];
  }

  private forget(): void {
    this.attempt = null;
    this.login = null;
    this.older = null;
    this.ping = null;
    this.others.clear();
    for (const name of ['retry', 'ping', 'pong', 'linger'] as const) this.deadlines.clear(name);
  }

  private seal(login: Login, messages: readonly RelayMessage[]): LinkOutput {
    return { kind: 'send', datagram: sealMessages(login.split[0], login.relayIndex, login.sent++, messages) };
  }
}

/** A refusal in plain words. */
function explainRefusal(reason: Refusal): string {
  if (reason === REFUSAL.full) return 'it is full';
  if (reason === REFUSAL.tooManyOfSource) return 'it has too many clients of our address';
  return 'it does not allow us';
}

function nonZero(random: Random): number {
  return randomU32(random) || 1;
}
