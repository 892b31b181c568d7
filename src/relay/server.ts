/**
 * The machine of a relay: logs clients in, tells those who share a tag of each other, keeps to its limits. Frames never come
 * here: the data plane forwards them by the table that this machine installs.
 *
 * Login:  login 1 (its cookie is the data plane's matter) → login 2; login 3 → install-client, welcome, joined
 */
import { BoundedMap } from '../core/bounded-map.js';
import { hex, sameBytes } from '../core/bytes.js';
import { type Endpoint, endpointParts } from '../core/endpoint.js';
import { KEY_BYTES, type KeyPair, keyPair } from '../core/noise-state.js';
import { type Random, randomU32 } from '../core/random.js';
import {
  digestOf,
  messageReceiver,
  openMessages,
  PSEUDONYMS_PER_MESSAGE,
  REFUSAL,
  RELAY_KIND,
  type Refusal,
  type RelayMessage,
  readLogin1,
  readLogin3,
  readTags,
  sealMessages,
  writeLogin2,
} from '../wire/relay.js';
import { Groups } from './groups.js';
import { acceptLogin, answerLogin, LOGIN_PROLOGUE, type LoginAnswered } from './login.js';
import type { Origin, RelayClientState, RelayInput, RelayLimits, RelayOutput } from './server-io.js';
import { pseudonymOf } from './tags.js';

/** Logins that are waiting for their login 3; the oldest goes. */
const MAX_PENDING = 1_024;
/** How long a login may take, and how long a client may be silent, in ms. */
const LOGIN_LIMIT = 10_000;
const SILENT_LIMIT = 60_000;
/** What a client is told to ping by, in seconds. */
const KEEP_ALIVE = 15;

interface Pending {
  readonly from: Origin;
  readonly clientIndex: number;
  readonly answered: LoginAnswered;
  readonly at: number;
}

interface Client {
  readonly from: Origin;
  readonly address: Endpoint;
  readonly index: number;
  readonly clientIndex: number;
  readonly pseudonym: Uint8Array;
  readonly tags: readonly Uint8Array[];
  /** Its login 3: the same again means that the welcome was lost. */
  readonly login: Uint8Array;
  readonly sealKey: Uint8Array;
  readonly openKey: Uint8Array;
  readonly since: number;
  heardAt: number;
  sent: bigint;
  /** The greatest counter that came, -1 before the first. */
  received: bigint;
}

export class RelayServer {
  private readonly pending = new BoundedMap<number, Pending>(MAX_PENDING);
  private readonly clients = new Map<number, Client>();
  private readonly byPseudonym = new Map<string, Client>();
  private readonly groups = new Groups<Client>();
  private readonly drops = new Map<string, number>();
  private outputs: RelayOutput[] = [];

  constructor(
    private readonly localStatic: KeyPair,
    private readonly limits: RelayLimits,
    private readonly random: Random,
  ) {}

  /** Takes what happened at `now` (ms, monotonic) and says what to do. Never throws for what a client sent. */
  handle(now: number, input: RelayInput): RelayOutput[] {
    if (input.kind === 'datagram') this.count(this.datagram(now, input.from, input.address, input.datagram));
    else if (input.kind === 'gone') this.gone(input.from);
    else if (input.kind === 'tick') this.expire(now);
    else this.close();
    const { outputs } = this;
    this.outputs = [];
    return outputs;
  }

  /** When it wants its next `tick`; Infinity for never. */
  deadline(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { heardAt } of this.clients.values()) oldest = Math.min(oldest, heardAt);
    return oldest + SILENT_LIMIT;
  }

  /** Datagrams that led to nothing, by reason. */
  dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.drops);
  }

  describe(now: number): RelayClientState[] {
    return [...this.clients.values()].map((client) => ({
      index: client.index,
      pseudonym: hex(client.pseudonym),
      address: client.address,
      transport: client.from.startsWith('tls/') ? 'tls' : 'udp',
      others: this.groups.others(client).length,
      sinceMs: now - client.since,
    }));
  }

  private datagram(now: number, from: Origin, address: Endpoint, datagram: Uint8Array): string | null {
    switch (datagram[0]) {
      case RELAY_KIND.login1:
        return this.login1(now, from, datagram);
      case RELAY_KIND.login3:
        return this.login3(now, from, address, datagram);
      case RELAY_KIND.message:
        return this.message(now, from, datagram);
      default:
        return 'unknown-kind';
    }
  }

  private login1(now: number, from: Origin, datagram: Uint8Array): string | null {
    const login = readLogin1(datagram);
    if (login === null) return 'login-malformed';
    const ephemeral = keyPair(this.random(KEY_BYTES));
    const done = answerLogin(LOGIN_PROLOGUE, login.ephemeral, this.localStatic, ephemeral, new Uint8Array());
    if (done === null) return 'login-malformed';
    const index = this.freeIndex();
    this.pending.set(index, { from, clientIndex: login.clientIndex, answered: done.answered, at: now });
    this.send(from, writeLogin2(login.clientIndex, index, done.message));
    return null;
  }

  private login3(now: number, from: Origin, address: Endpoint, datagram: Uint8Array): string | null {
    const login = readLogin3(datagram);
    if (login === null) return 'login-malformed';
    const known = this.clients.get(login.relayIndex);
    if (known !== undefined) return this.welcomeAgain(known, from, datagram);
    const pending = this.pending.get(login.relayIndex);
    if (pending === undefined || pending.from !== from || pending.at + LOGIN_LIMIT < now) return 'login-unasked';
    const accepted = acceptLogin(pending.answered, login.noise);
    const tags = accepted === null ? null : readTags(accepted.payload);
    if (accepted === null || tags === null) return 'login-forged';
    this.pending.delete(login.relayIndex);
    const [openKey, sealKey] = accepted.split;
    const client: Client = {
      ...{ from, address, tags, openKey, sealKey, since: now, heardAt: now, sent: 0n, received: -1n },
      index: login.relayIndex,
      clientIndex: pending.clientIndex,
      pseudonym: pseudonymOf(accepted.remoteStatic),
      login: datagram.slice(),
    };
    const refusal = this.refusal(client);
    if (refusal === null) this.admit(client);
    else this.tell(client, [{ type: 'refused', reason: refusal }]);
    return refusal === null ? null : 'login-refused';
  }

  /** Our answer was lost on the way. */
  private welcomeAgain(client: Client, from: Origin, datagram: Uint8Array): string | null {
    if (client.from !== from || !sameBytes(client.login, datagram)) return 'login-unasked';
    this.welcome(client);
    return null;
  }

  /** Why a client can't be taken, or null. One that logs in anew takes its own place. */
  private refusal({ pseudonym, address }: Client): Refusal | null {
    if (this.byPseudonym.has(hex(pseudonym))) return null;
    if (this.clients.size >= this.limits.clients) return REFUSAL.full;
    const { ip } = endpointParts(address);
    const ofSource = [...this.clients.values()].filter((client) => endpointParts(client.address).ip === ip).length;
    return ofSource >= this.limits.clientsPerSource ? REFUSAL.tooManyOfSource : null;
  }

  private admit(client: Client): void {
    const name = hex(client.pseudonym);
    const before = this.byPseudonym.get(name);
    const knew = new Set(before === undefined ? [] : this.groups.others(before));
    if (before !== undefined) this.forget(before);
    const { from, index, clientIndex, pseudonym, tags } = client;
    this.clients.set(index, client);
    this.byPseudonym.set(name, client);
    this.groups.add(client);
    const bytesPerSecond = this.limits.bytesPerSecondPerClient;
    this.outputs.push({ kind: 'install-client', from, index, clientIndex, pseudonym, tags, bytesPerSecond });
    this.welcome(client);
    const others = this.groups.others(client);
    for (const other of others) if (!knew.has(other)) this.tell(other, [{ type: 'joined', pseudonyms: [pseudonym] }]);
    for (const other of knew)
      if (!others.includes(other)) this.tell(other, [{ type: 'left', pseudonyms: [pseudonym] }]);
  }

  private welcome(client: Client): void {
    const { clientIndex, index: relayIndex, address, from } = client;
    const seenAt = from.startsWith('udp/') ? address : null;
    this.tellAll(client, { type: 'welcome', clientIndex, relayIndex, seenAt, keepAlive: KEEP_ALIVE });
  }

  /** `first`, and with it all who share a tag with the client, in as many datagrams as it takes. */
  private tellAll(client: Client, first: RelayMessage): void {
    const pseudonyms = this.groups.others(client).map(({ pseudonym }) => pseudonym);
    this.tell(client, [first, { type: 'joined', pseudonyms: pseudonyms.slice(0, PSEUDONYMS_PER_MESSAGE) }]);
    for (let i = PSEUDONYMS_PER_MESSAGE; i < pseudonyms.length; i += PSEUDONYMS_PER_MESSAGE)
      this.tell(client, [{ type: 'joined', pseudonyms: pseudonyms.slice(i, i + PSEUDONYMS_PER_MESSAGE) }]);
  }

  private message(now: number, from: Origin, datagram: Uint8Array): string | null {
    const client = this.clients.get(messageReceiver(datagram) ?? 0);
    if (client === undefined || client.from !== from) return 'message-unknown';
    const opened = openMessages(client.openKey, datagram);
    if (opened === null) return 'message-forged';
    if (opened.counter <= client.received) return 'message-replayed';
    client.received = opened.counter;
    client.heardAt = now;
    for (const message of opened.messages) this.take(client, message);
    return null;
  }

  private take(client: Client, message: RelayMessage): void {
    if (message.type === 'ping') this.pong(client, message.token, message.digest);
    else if (message.type === 'bye') this.leave(client);
  }

  private pong(client: Client, token: Uint8Array, digest: Uint8Array): void {
    const others = this.groups.others(client).map(({ pseudonym }) => pseudonym);
    if (sameBytes(digest, digestOf(others))) this.tell(client, [{ type: 'pong', token }]);
    else this.tellAll(client, { type: 'pong', token });
  }

  private gone(from: Origin): void {
    for (const client of [...this.clients.values()]) if (client.from === from) this.leave(client);
  }

  private expire(now: number): void {
    for (const client of [...this.clients.values()]) if (client.heardAt + SILENT_LIMIT <= now) this.leave(client);
  }

  private close(): void {
    for (const client of [...this.clients.values()]) {
      this.tell(client, [{ type: 'bye' }]);
      this.forget(client);
    }
  }

  private leave(client: Client): void {
    const others = this.groups.others(client);
    this.forget(client);
    for (const other of others) this.tell(other, [{ type: 'left', pseudonyms: [client.pseudonym] }]);
  }

  private forget(client: Client): void {
    this.clients.delete(client.index);
    this.byPseudonym.delete(hex(client.pseudonym));
    this.groups.remove(client);
    this.outputs.push({ kind: 'drop-client', index: client.index });
  }

  private tell(client: Client, messages: readonly RelayMessage[]): void {
    this.send(client.from, sealMessages(client.sealKey, client.clientIndex, client.sent++, messages));
  }

  private send(to: Origin, datagram: Uint8Array): void {
    this.outputs.push({ kind: 'send', to, datagram });
  }

  private freeIndex(): number {
    for (;;) {
      const index = randomU32(this.random);
      if (index !== 0 && !this.clients.has(index) && !this.pending.has(index)) return index;
    }
  }

  private count(reason: string | null): void {
    if (reason !== null) this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}
