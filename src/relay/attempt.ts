/** One login at a relay, the client's side: cookie, login 1, 2 and 3, until the relay says welcome. */
import { backoff } from '../core/backoff.js';
import { KEY_BYTES, type KeyPair, keyPair, type Split } from '../core/noise-state.js';
import type { Random } from '../core/random.js';
import { readLogin2, readLoginCookie, writeLogin1, writeLogin3, writeTags } from '../wire/relay.js';
import { finishLogin, LOGIN_PROLOGUE, type LoginBegun, readLoginMessage2, writeLoginMessage1 } from './login.js';

/** Waits, in ms, before the datagram under way is sent again; after the last the login has failed. */
const RESEND = [300, 600, 1_000, 1_500, 2_000] as const;

/** Cookies that one login takes: a relay's cookies change now and then, but one that only ever sends cookies is mocking us. */
const MAX_COOKIES = 3;

/** What a login is made with once the relay's key is known; null: that key isn't the one that it must have. */
export type Credentials = (relayKey: Uint8Array) => {
  readonly key: KeyPair;
  readonly tags: readonly Uint8Array[];
} | null;

export interface Proved {
  readonly relayKey: Uint8Array;
  readonly relayIndex: number;
  readonly split: Split;
}

export class Attempt {
  private readonly begun: LoginBegun;
  private datagram: Uint8Array;
  private tries = 0;
  private resendAt: number;
  private cookies = 0;
  private done: Proved | null = null;

  constructor(
    now: number,
    private readonly clientIndex: number,
    private readonly credentials: Credentials,
    private readonly random: Random,
  ) {
    const { begun } = writeLoginMessage1(LOGIN_PROLOGUE, keyPair(random(KEY_BYTES)), new Uint8Array(0));
    this.begun = begun;
    this.datagram = writeLogin1(clientIndex, null, begun.ephemeral.publicKey);
    this.resendAt = now;
  }

  /** Whether the relay said anything at all. */
  get heard(): boolean {
    return this.cookies > 0 || this.done !== null;
  }

  /** The keys, from when login 3 was sent; the relay hasn't confirmed them yet. */
  get proved(): Proved | null {
    return this.done;
  }

  deadline(): number {
    return this.resendAt;
  }

  /** The datagram to send now, or null; `failed` when there was no answer for long enough. */
  tick(now: number): Uint8Array | null | 'failed' {
    if (this.resendAt > now) return null;
    if (this.tries >= RESEND.length) return 'failed';
    this.resendAt = now + backoff(RESEND, this.tries++, this.random);
    return this.datagram;
  }

  /** A login cookie or login 2. Says what to send; `other-key` if the relay has another key than it must have. */
  received(now: number, datagram: Uint8Array): Uint8Array | null | 'other-key' {
    const cookie = readLoginCookie(datagram);
    if (cookie !== null) return this.receivedCookie(now, cookie.clientIndex, cookie.cookie);
    const login = readLogin2(datagram);
    if (login === null || login.clientIndex !== this.clientIndex || this.done !== null) return null;
    const proved = readLoginMessage2(this.begun, login.noise);
    if (proved === null) return null;
    const credentials = this.credentials(proved.remoteStatic);
    if (credentials === null) return 'other-key';
    const finished = finishLogin(proved, credentials.key, writeTags(credentials.tags));
    if (finished === null) return null;
    this.done = { relayKey: proved.remoteStatic, relayIndex: login.relayIndex, split: finished.split };
    return this.next(now, writeLogin3(login.relayIndex, finished.message));
  }

  private receivedCookie(now: number, clientIndex: number, cookie: Uint8Array): Uint8Array | null {
    if (clientIndex !== this.clientIndex || this.done !== null || this.cookies >= MAX_COOKIES) return null;
    this.cookies++;
    return this.next(now, writeLogin1(this.clientIndex, cookie, this.begun.ephemeral.publicKey));
  }

  private next(now: number, datagram: Uint8Array): Uint8Array {
    this.datagram = datagram;
    this.tries = 1;
    this.resendAt = now + backoff(RESEND, 0, this.random);
    return datagram;
  }
}
