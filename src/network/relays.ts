/** The relays of a network: logs in at each, learns who else is there, and makes ways of it. */
import { hex, sameBytes } from '../core/bytes.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { isRelayWay, type RelayWay, type Way } from '../core/way.js';
import type { DeviceEvent, RelayProxy } from '../device/device.js';
import { type ClientContext, type ClientOutput, type ClientState, RelayClient } from '../relay/client.js';
import type { HelloBack } from '../wire/hello.js';
import { Introductions } from './introductions.js';
import type { NetworkConfig, RelayChoice, RelaySnapshot } from './io.js';
import type { Outbox } from './outbox.js';

/** Relays of one network; each may be open by UDP and by TLS, and a device has eight open. */
export const MAX_RELAYS = 4;

type RelayEvent = Extract<DeviceEvent, { kind: 'relay-datagram' | 'relay-open' | 'relay-closed' }>;

/** What happens at relays that concerns the rest of the network. */
export interface RelayListener {
  /** A hello is to go to whoever is there. `nonce`: 24 bytes. */
  introduce(to: RelayWay, nonce: Uint8Array): void;
  /** These ways lead nowhere any more. */
  lost(now: number, ways: readonly RelayWay[]): void;
  /** A relay sees our data socket there. */
  seenAt(now: number, endpoint: Endpoint): void;
  /** Whether a member is known to be reached that way. */
  isKnown(way: RelayWay): boolean;
  /** Whether the network may send anything now. */
  isRunning(): boolean;
}

interface Entry {
  readonly choice: RelayChoice;
  readonly client: RelayClient;
}

export class Relays {
  private readonly entries = new Map<string, Entry>();
  private readonly introductions: Introductions;
  private readonly context: ClientContext;

  constructor(
    { identity, secrets, unix }: NetworkConfig,
    private readonly outbox: Outbox,
    random: Random,
    private readonly listener: RelayListener,
  ) {
    this.context = { random, unix, secrets: { loginSecret: identity.loginSecret, tagKey: secrets.relayTagKey } };
    this.introductions = new Introductions(random, (way) => listener.isKnown(way));
  }

  deadline(): number {
    const clients = [...this.entries.values()].map(({ client }) => client.deadline());
    return Math.min(this.introductions.deadline(), ...clients);
  }

  describe(): RelaySnapshot[] {
    return [...this.entries.values()].map(({ choice, client }) => ({
      name: choice.name,
      offeredBy: choice.offeredBy?.name ?? null,
      ...client.describe(),
      refusedId: client.refusedKey === null ? null : hex(client.refusedKey),
    }));
  }

  /** What a person has to look into. */
  problems(): string[] {
    return [...this.entries.values()].flatMap(({ choice, client }) => {
      const shown = client.refusedKey;
      const { id } = client.describe();
      return shown === null || id === null ? [] : [wrongKey(choice, id, hex(shown))];
    });
  }

  /** Uses a relay, or follows it to another address; nothing happens if nothing about it changed. */
  set(now: number, choice: RelayChoice): void {
    const before = this.entries.get(choice.name);
    if (before?.choice.offeredBy === null && choice.offeredBy !== null) return;
    const pinned = before?.client.describe().id ?? null;
    const isJustPinned = before?.choice.key === null && choice.key !== null && pinned === hex(choice.key);
    const isForgotten = choice.key === null && (before?.client.refusedKey ?? null) !== null;
    if (before !== undefined && !isForgotten && isSame(before.choice, isJustPinned ? { ...choice, key: null } : choice))
      return;
    if (!this.makeRoom(now, choice)) return;
    this.drop(now, choice.name);
    const client = new RelayClient({ udp: choice.udp, tls: choice.tls }, choice.key, this.context);
    this.entries.set(choice.name, { choice, client });
    if (this.listener.isRunning()) this.carry(now, choice.name, client.start(now));
  }

  /** How many more there may be. */
  get room(): number {
    return MAX_RELAYS - this.entries.size;
  }

  /** Those in use that members offer, by whom (peer id). */
  offered(): { readonly name: string; readonly by: string; readonly state: ClientState['state'] }[] {
    return [...this.entries.values()].flatMap(({ choice: { name, offeredBy }, client }) =>
      offeredBy === null ? [] : [{ name, by: offeredBy.id, state: client.describe().state }],
    );
  }

  /** Drops it if it's a member's. */
  dropOffered(now: number, name: string): void {
    if ((this.entries.get(name)?.choice.offeredBy ?? null) !== null) this.drop(now, name);
  }

  /** Whether one has its UDP port there. */
  isUsed(endpoint: Endpoint): boolean {
    return [...this.entries.values()].some(({ client }) => client.isAt('udp', endpoint));
  }

  /** Relays that people named come before those that members offer: for those at the same place, and when there are too many. */
  private makeRoom(now: number, { name, udp, offeredBy }: RelayChoice): boolean {
    const others = [...this.entries].filter(([other]) => other !== name);
    const same = others.find(([, { client }]) => udp !== null && client.isAt('udp', udp));
    const full = others.length >= MAX_RELAYS ? others.find(([, { choice }]) => choice.offeredBy !== null) : undefined;
    const gives = same ?? full;
    if (gives === undefined) return others.length < MAX_RELAYS;
    if (offeredBy !== null) return false;
    if (gives[1].choice.offeredBy !== null) this.drop(now, gives[0]);
    return this.entries.size < MAX_RELAYS || this.entries.has(name);
  }

  drop(now: number, name: string): void {
    const entry = this.entries.get(name);
    if (entry !== undefined) this.carry(now, name, entry.client.stop(now));
    this.entries.delete(name);
  }

  /** Leaves all. Those that people named are remembered, with the keys that they showed, since nobody names them again; members offer theirs anew. */
  standStill(now: number): void {
    for (const { name } of this.offered()) this.drop(now, name);
    for (const [name, { client }] of this.entries) this.carry(now, name, client.stop(now));
  }

  /** Uses those that are remembered. */
  goOn(now: number): void {
    for (const [name, { client }] of this.entries) this.carry(now, name, client.start(now));
  }

  networkChanged(now: number): void {
    if (!this.listener.isRunning()) return;
    for (const [name, { client }] of this.entries) this.carry(now, name, client.networkChanged(now));
  }

  /** A way through a relay is in doubt: is the relay still there? */
  doubt(now: number, way: Way): void {
    if (!isRelayWay(way)) return;
    for (const [name, { client }] of this.entries) if (client.leads(way)) this.carry(now, name, client.doubt(now));
  }

  /** Ways through the relay that has its UDP port there. */
  waysBy(endpoint: Endpoint): RelayWay[] {
    return [...this.entries.values()].flatMap(({ client }) =>
      client.isAt('udp', endpoint) ? client.waysBy('udp') : [],
    );
  }

  /** The system says that datagrams can't go there now. */
  unreachable(now: number, to: Way): void {
    for (const [name, { client }] of this.entries) {
      if (!isRelayWay(to) && client.isAt('udp', to)) this.carry(now, name, client.doubt(now));
    }
  }

  event(now: number, event: RelayEvent): void {
    const { relay, transport } = event;
    const found = [...this.entries].find(([, { client }]) => client.isAt(transport, relay));
    if (found === undefined) return;
    const [name, { client }] = found;
    if (event.kind === 'relay-datagram') this.carry(now, name, client.received(now, transport, event.datagram));
    else if (event.kind === 'relay-open') this.carry(now, name, client.opened(now, transport));
    else this.carry(now, name, client.closed(now, transport, event.error));
  }

  tick(now: number): void {
    for (const [name, { client }] of this.entries) {
      if (client.deadline() <= now) this.carry(now, name, client.tick(now));
    }
    for (const { to, nonce } of this.introductions.tick(now)) this.listener.introduce(to, nonce);
  }

  /** Whether a hello back answers a hello that went through a relay. */
  answered(back: HelloBack): boolean {
    return this.introductions.answered(back);
  }

  private proxyOf(name: string): RelayProxy | null {
    return this.entries.get(name)?.choice.proxy ?? null;
  }

  private carry(now: number, name: string, outputs: readonly ClientOutput[]): void {
    for (const output of outputs) this.carryOne(now, name, output);
  }

  private carryOne(now: number, name: string, output: ClientOutput): void {
    const { outbox } = this;
    switch (output.kind) {
      case 'open':
        outbox.command({
          ...output,
          kind: 'open-relay',
          proxy: output.transport === 'tls' ? this.proxyOf(name) : null,
        });
        break;
      case 'close':
        outbox.command({ ...output, kind: 'close-relay' });
        break;
      case 'send':
        outbox.command({ ...output, kind: 'send-relay' });
        break;
      case 'set-login':
        outbox.command({ ...output, kind: 'set-relay-login' });
        break;
      case 'joined':
        this.introductions.joined(now, output.ways);
        for (const { to, nonce } of this.introductions.tick(now)) this.listener.introduce(to, nonce);
        break;
      case 'left':
        this.introductions.left(output.ways);
        this.listener.lost(now, output.ways);
        break;
      case 'seen':
        this.listener.seenAt(now, output.endpoint);
        break;
      case 'pin':
        outbox.push({ kind: 'pin', relay: name, key: output.key });
        break;
      case 'up':
        outbox.notable('info', 'relay connected', { relay: name, transport: output.transport });
        outbox.event({ kind: 'relay-connected', relay: name, transport: output.transport });
        break;
      case 'down':
        outbox.notable('info', 'relay lost', { relay: name, transport: output.transport, why: output.why });
        outbox.event({ kind: 'relay-lost', relay: name, transport: output.transport, why: output.why });
        break;
      case 'wrong-key': {
        const choice = this.entries.get(name)?.choice ?? { name, offeredBy: null };
        outbox.notable('warn', wrongKey(choice, hex(output.expected), hex(output.key)));
        break;
      }
    }
  }
}

function isSame(a: RelayChoice, b: RelayChoice): boolean {
  const key = a.key === null || b.key === null ? a.key === b.key : sameBytes(a.key, b.key);
  const origin = a.offeredBy?.id === b.offeredBy?.id;
  return key && origin && a.udp === b.udp && a.tls === b.tls && a.proxy?.endpoint === b.proxy?.endpoint;
}

function wrongKey(
  { name, offeredBy }: Pick<RelayChoice, 'name' | 'offeredBy'>,
  expected: string,
  shown: string,
): string {
  if (offeredBy !== null)
    return `the relay ${name} has the key ${shown}, not ${expected} as ${offeredBy.name} announces: it isn't used. Somebody may be posing as it.`;
  return (
    `the relay ${name} has the key ${shown}, not ${expected}: it isn't used. Somebody may be posing as it. ` +
    `If its owner says that the new key is right: p2p set -forget-relay ${name}, or name it as ${shown}@${name}`
  );
}
