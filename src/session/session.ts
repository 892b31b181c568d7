/**
 * The life of the sessions with one peer: asking for one, answering, replacing it before it's worn, noticing its end.
 *
 * Initiator:  connect → message 1, again by RETRY → message 2 → install `seal-now` → established
 * Responder:  message 1 → message 2, install `seal-when-heard` → first datagram heard → established
 *
 * Pure: it's told what happened and when, and says what to do. Where datagrams go is the paths' matter.
 */
import { backoff } from '../core/backoff.js';
import { MAC_BYTES } from '../core/crypto.js';
import { Deadlines } from '../core/deadlines.js';
import { KEY_BYTES, keyPair } from '../core/noise-state.js';
import { fraction } from '../core/random.js';
import type { Stamp } from '../core/stamp.js';
import type { Way } from '../core/way.js';
import { type Notice, REASON, readCookie, readNotice } from '../wire/replies.js';
import { complete, type Initiation, initiate, type ReceivedInitiation, respond } from './handshake.js';
import type { Remote, SessionContext, SessionOutput } from './io.js';
import type { KeyEntry } from './key-queue.js';
import { type LiveSession, LiveSessions, type Role } from './live-sessions.js';

/** Waits between the tries of a handshake, in ms. */
const RETRY = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000] as const;
/** A session's age, in ms, at which its initiator replaces it, at which its responder does, and at which it ends. */
export const REKEY_AFTER = { initiator: 110_000, jitter: 10_000, responder: 140_000 } as const;
export const SESSION_LIFETIME = 180_000;
/** How long a responder keeps a session of which it heard nothing. */
const UNHEARD_LIFETIME = 10_000;
/** A cookie is asked for at most this often, so that a recorded message 1 isn't a way to make us talk. */
const STALE_COOKIE_INTERVAL = 10_000;
const COOKIE_LIFETIME = 120_000;
/** How many of the peer's messages lose against ours before we take it that ours don't arrive. */
const MAX_OUTVOTED = 3;

interface Attempt {
  tries: number;
  /** Stamps of the peer's messages that lost against ours. */
  readonly outvoted: Set<Stamp>;
  initiation: Initiation | null;
  /** The pre-shared key that `initiation` asks for. */
  key: KeyEntry | null;
}

export class Session {
  private readonly live = new LiveSessions();
  private attempt: Attempt | null = null;
  private cookie: { readonly value: Uint8Array; readonly until: number } | null = null;
  private staleCookieAt = Number.NEGATIVE_INFINITY;
  private readonly deadlines = new Deadlines<'retry' | 'rekey' | 'unheard'>();

  constructor(
    private readonly context: SessionContext,
    private readonly remote: Remote,
    /** The greatest stamp accepted from the peer, also in earlier runs. */
    public lastStamp: Stamp,
  ) {}

  get established(): boolean {
    return this.live.established;
  }

  /** Tries of the handshake under way, 0 if there's none. */
  get tries(): number {
    return this.attempt?.tries ?? 0;
  }

  /** Message 1 of the handshake under way. */
  get initiation(): Uint8Array | null {
    return this.attempt?.initiation?.datagram ?? null;
  }

  /** The sessions that can still be opened, newest first. */
  describe(): readonly LiveSession[] {
    return this.live.all();
  }

  deadline(): number {
    return this.deadlines.next();
  }

  /** Whether `localIndex` is the one that an answer to our message 1 would name. */
  awaits(localIndex: number): boolean {
    return this.attempt?.initiation?.senderIndex === localIndex;
  }

  owns(localIndex: number): boolean {
    return this.awaits(localIndex) || this.live.get(localIndex) !== undefined;
  }

  /** Asks for a session, unless that's being done. */
  connect(now: number): SessionOutput[] {
    if (this.attempt !== null) return [];
    this.attempt = { tries: 0, outvoted: new Set(), initiation: null, key: null };
    return this.send(now, null);
  }

  /** Something new is known of the peer: the next try comes now, and soon again. */
  hurry(now: number): SessionOutput[] {
    if (this.attempt === null) return this.connect(now);
    this.attempt.tries = 0;
    return this.send(now, null);
  }

  /** Stops asking; sessions go on. */
  rest(): void {
    this.attempt = null;
    this.deadlines.clear('retry');
  }

  /** Ends everything. */
  end(): SessionOutput[] {
    this.rest();
    this.deadlines.clear('rekey');
    this.deadlines.clear('unheard');
    return drops(this.live.clear());
  }

  tick(now: number): SessionOutput[] {
    return this.deadlines.due(now).flatMap((name) => {
      if (name === 'retry') return this.send(now, null);
      if (name === 'rekey') return this.connect(now);
      return drops(this.live.dropUnheard());
    });
  }

  /** The key queue has moved on: a session under an older key than today's is replaced, one under a key that's over ends. */
  turnKeys(now: number): SessionOutput[] {
    const before = this.established;
    const dropped = drops(this.live.dropUnder((key) => this.context.psks.isOver(now, key)));
    if (before && !this.established) return [...dropped, { kind: 'lost' }];
    return [...dropped, ...this.catchUp(now)];
  }

  /** The peer's message 1: verified record, and `key` is the one of ours that it asks for. */
  receivedInitiation(
    now: number,
    received: ReceivedInitiation,
    key: KeyEntry,
    datagram: Uint8Array,
    from: Way,
    proven: boolean,
  ): SessionOutput[] {
    if (received.stamp === this.lastStamp) return []; // one message on several ways, or a replay
    if (received.stamp < this.lastStamp && !proven) return this.answerStale(now, received, datagram, from);
    if (this.attempt !== null && this.remote.weWin && this.attempt.outvoted.size < MAX_OUTVOTED) {
      return this.outvote(this.attempt, received.stamp, from);
    }
    this.lastStamp = received.stamp;
    return this.answer(now, received, key, from);
  }

  /** A handshake 2 for one of our attempts. Null if it's not the answer to the one under way. */
  receivedResponse(
    now: number,
    datagram: Uint8Array,
    from: Way,
  ): { readonly record: Uint8Array; readonly outputs: SessionOutput[] } | null {
    const { initiation, key } = this.attempt ?? { initiation: null, key: null };
    if (initiation === null || key === null) return null;
    const done = complete(key, initiation, this.context.ownAdmission, datagram);
    if (done === null) return null;
    this.rest();
    const localIndex = initiation.senderIndex;
    const keys = { localIndex, remoteIndex: done.remoteIndex, sealKey: done.split[0], openKey: done.split[1] };
    const dropped = this.live.add({ localIndex, role: 'initiator', since: now, heard: true, key });
    this.planRekey(now, 'initiator');
    const outputs: SessionOutput[] = [
      { kind: 'install', keys: { ...keys, use: 'seal-now', lifetime: SESSION_LIFETIME } },
      ...drops(dropped),
      { kind: 'established', localIndex, from, role: 'initiator' },
      ...this.catchUp(now),
    ];
    return { record: done.record, outputs };
  }

  receivedCookie(now: number, datagram: Uint8Array): SessionOutput[] {
    const answered = this.attempt?.initiation?.datagram;
    const value = answered === undefined ? null : readCookie(this.context.cookieKeys, answered, datagram);
    if (value === null) return [];
    this.cookie = { value, until: now + COOKIE_LIFETIME };
    return this.send(now, null);
  }

  /** A notice explains why there's no answer; asking goes on at its pace. */
  receivedNotice(datagram: Uint8Array): SessionOutput[] {
    const answered = this.attempt?.initiation?.datagram;
    const notice = answered === undefined ? null : readNotice(this.context.noticeKeys, answered, datagram);
    if (notice === null || this.attempt === null) return [];
    this.attempt.tries = Math.max(this.attempt.tries, RETRY.length - 2);
    return [{ kind: 'refused', notice }];
  }

  /** The device opened the first datagram of a session that we answered. */
  heard(now: number, localIndex: number, from: Way): SessionOutput[] {
    const session = this.live.get(localIndex);
    if (session === undefined || session.heard) return [];
    const dropped = this.live.confirm(localIndex);
    this.deadlines.clear('unheard');
    this.rest();
    this.planRekey(now, 'responder');
    return [...drops(dropped), { kind: 'established', localIndex, from, role: 'responder' }, ...this.catchUp(now)];
  }

  worn(now: number): SessionOutput[] {
    return this.connect(now);
  }

  /** The device dropped a session whose lifetime was over. */
  gone(localIndex: number): SessionOutput[] {
    const before = this.established;
    this.live.remove(localIndex);
    return before && !this.established ? [{ kind: 'lost' }] : [];
  }

  private send(now: number, to: Way | null): SessionOutput[] {
    const { attempt, context, remote } = this;
    if (attempt === null) return [];
    attempt.key = context.psks.offer(now, this.live.key);
    if (attempt.key === null) return []; // all keys have ended: the network stops, and asks again when there's one
    attempt.tries++;
    this.deadlines.set('retry', now + backoff(RETRY, attempt.tries, context.random));
    if (this.cookie !== null && this.cookie.until <= now) this.cookie = null;
    const ephemeral = keyPair(context.random(KEY_BYTES));
    attempt.initiation = initiate(
      context.keys,
      attempt.key,
      remote.responder,
      ephemeral,
      context.newIndex(),
      context.stamp(),
      context.record(),
      this.cookie?.value ?? null,
    );
    return attempt.initiation === null ? [] : [{ kind: 'send', datagram: attempt.initiation.datagram, to }];
  }

  /** Our message wins: the peer gets it once more, at the address that its own came from. */
  private outvote(attempt: Attempt, stamp: Stamp, to: Way): SessionOutput[] {
    if (attempt.outvoted.has(stamp) || attempt.initiation === null) return [];
    attempt.outvoted.add(stamp);
    return [{ kind: 'send', datagram: attempt.initiation.datagram, to }];
  }

  private answer(now: number, received: ReceivedInitiation, key: KeyEntry, from: Way): SessionOutput[] {
    const { context, remote } = this;
    const localIndex = context.newIndex();
    const ephemeral = keyPair(context.random(KEY_BYTES));
    const response = respond(key, received, remote.responder.admissionKey, ephemeral, localIndex, context.record());
    if (response === null) return [];
    const replaced = this.live.dropUnheard();
    this.live.add({ localIndex, role: 'responder', since: now, heard: false, key });
    this.deadlines.set('unheard', now + UNHEARD_LIFETIME);
    const keys = {
      localIndex,
      remoteIndex: received.senderIndex,
      sealKey: response.split[1],
      openKey: response.split[0],
    };
    return [
      ...drops(replaced),
      { kind: 'install', keys: { ...keys, use: 'seal-when-heard', lifetime: SESSION_LIFETIME } },
      { kind: 'send', datagram: response.datagram, to: from },
    ];
  }

  /**
   * A stamp below the last one: a replay, or a machine restored from an older image. While we hear the peer it can only be the first,
   * and nobody gets an answer; else a cookie lets a real one prove itself.
   */
  private answerStale(now: number, received: ReceivedInitiation, datagram: Uint8Array, to: Way): SessionOutput[] {
    if (this.established || now < this.staleCookieAt + STALE_COOKIE_INTERVAL) return [];
    this.staleCookieAt = now;
    return [{ kind: 'send-cookie', to, receiverIndex: received.senderIndex, answered: datagram.slice(-MAC_BYTES) }];
  }

  /** Asks for a session under the key of today if the newest one is older. */
  private catchUp(now: number): SessionOutput[] {
    const held = this.live.key;
    const offered = held === null ? null : this.context.psks.offer(now, held);
    return held === null || offered === null || offered.until <= held.until ? [] : this.connect(now);
  }

  private planRekey(now: number, role: Role): void {
    const wait =
      role === 'initiator'
        ? REKEY_AFTER.initiator + fraction(this.context.random) * REKEY_AFTER.jitter
        : REKEY_AFTER.responder;
    this.deadlines.set('rekey', now + wait);
  }
}

function drops(indices: readonly number[]): SessionOutput[] {
  return indices.map((localIndex) => ({ kind: 'drop', localIndex }));
}

/** A notice in plain words. */
export function explain({ reason, version }: Notice): string {
  if (reason === REASON.keysDiffer) return 'the keys differ: both need the same -key at the same time, or none';
  if (reason === REASON.otherVersion) return `it speaks version ${version} of the protocol`;
  return 'it refuses this machine';
}
