/** One network as the daemon keeps it: saved always, running if it can. */

import { randomBytes } from 'node:crypto';
import { backoff } from '../core/backoff.js';
import type { Acquaintance } from '../network/acquaintances.js';
import type { ChosenAddress } from '../network/addresses/claims.js';
import { deriveIdentity } from '../network/identity.js';
import type { NetworkDetails, RememberedPeer } from '../network/io.js';
import { networkSecrets } from '../network/secrets.js';
import type { Addressing } from '../rpc/address-fields.js';
import type { NetworkDebug } from '../rpc/debug-info.js';
import { RpcError } from '../rpc/errors.js';
import type { NetcheckNetwork, PortMappingInfo } from '../rpc/netcheck.js';
import type { IdentityInfo, NetworkInfo } from '../rpc/network-info.js';
import type { RelayUse } from '../rpc/relay-info.js';
import type { KeyInfo } from '../rpc/schema.js';
import { ownAddresses } from './addresses.js';
import type { Events, LifeEvent } from './events.js';
import { listIdentities } from './identities.js';
import { describeKeys, without } from './keys.js';
import type { Log } from './log.js';
import type { NetworkFigures } from './metrics/figures.js';
import { checkNetwork, type WayOut } from './netcheck.js';
import type { Pins } from './pins.js';
import type { RunningNetwork } from './running.js';
import type { SavedKey, SavedNetwork } from './saved.js';
import type { State } from './state.js';

/** Waits before a network that failed is tried again, in ms. */
const RETRY_MS = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
/** What's remembered of peers is written this long after it changed, in ms, so that many changes are one write. */
const REMEMBER_MS = 2_000;

const NO_PORT_MAPPING: PortMappingInfo = {
  state: 'off',
  gateway: null,
  protocol: null,
  external: null,
  expiresMs: null,
  attempts: [],
};

/** What there is to tell of a network that isn't running. */
const NOT_RUNNING: NetworkDetails = {
  nat: 'unknown',
  outside: { asked: 0, answered: 0, seen: [] },
  endpoints: [],
  probes: { sent: 0, putOff: 0, waiting: 0 },
  peers: [],
};

/** What it needs of the daemon. */
export interface EntryContext {
  readonly state: State;
  readonly log: Log;
  readonly pins: Pins;
  readonly events: Events;
}

export class Entry {
  private error: string | null = null;
  private attempt = 0;
  private retryAt = 0;
  private retryTimer: NodeJS.Timeout | null = null;
  private saveTimer: NodeJS.Timeout | null = null;
  private over = false;

  constructor(
    public saved: SavedNetwork,
    public running: RunningNetwork | null,
    private readonly context: EntryContext,
    private readonly retry: () => void,
  ) {}

  /** Whoever listens is told what became of it. */
  tell(event: LifeEvent): void {
    this.context.events.tell(this.saved, event);
  }

  up(running: RunningNetwork, saved: SavedNetwork): void {
    this.running = running;
    this.saved = { ...saved, ...kept(this.saved) };
    this.error = null;
    this.attempt = 0;
    this.context.log.network(saved.id).info({ device: saved.device, port: saved.port }, 'network is back');
    this.tell({ kind: 'network-started', port: saved.port });
  }

  /** It couldn't come back: tried again after a while. */
  failed(error: unknown): void {
    if (this.over) return;
    this.error = error instanceof Error ? error.message : String(error);
    const wait = backoff(RETRY_MS, this.attempt++, (bytes) => new Uint8Array(randomBytes(bytes)));
    this.retryAt = performance.now() + wait;
    this.retryTimer = setTimeout(this.retry, wait);
    this.context.log
      .network(this.saved.id)
      .warn({ error: this.error, retryMs: Math.round(wait) }, 'network could not come back');
    this.tell({ kind: 'network-failed', why: this.error, retryMs: Math.round(wait) });
  }

  /** Its device has vanished under it. */
  gone(error: string): void {
    const { running } = this;
    if (running === null) return;
    this.running = null;
    this.error = `the network device is gone: ${error}`;
    const again = () => this.failed(this.error);
    running.close().then(again, again);
  }

  async setForwardOnly(on: boolean): Promise<void> {
    this.saved = { ...this.saved, forwardOnly: on };
    await this.context.state.save(this.saved);
    this.running?.setForwardOnly(on);
  }

  /** What it's called, its device's MTU, and its routes, are these from now on; rejects with an `RpcError`, and leaves all as it was, if that can't be. */
  async setProfile(change: Partial<Pick<SavedNetwork, 'name' | 'mtu' | 'routes' | 'acceptRoutes'>>): Promise<void> {
    const before = this.saved;
    const saved = { ...before, ...change };
    this.running?.setMtu(saved.mtu);
    await this.context.state.save(saved).catch((error: Error) => {
      this.running?.setMtu(before.mtu);
      throw new RpcError('state-failed', `what was set can't be saved: ${error.message}`);
    });
    this.saved = saved;
    this.running?.setProfile(saved);
  }

  remember(peers: readonly RememberedPeer[]): void {
    this.saved = { ...this.saved, remembered: peers };
    this.saveTimer ??= setTimeout(() => void this.flush(), REMEMBER_MS);
  }

  /** Keys that ended up to `until` (ms since 1970) go from memory and from disk. */
  wipeKeys(until: number): void {
    if (this.saved.keys === null) return;
    this.saved = { ...this.saved, keys: without(this.saved.keys, until) };
    this.saveTimer ??= setTimeout(() => void this.flush(), REMEMBER_MS);
  }

  /** It chose this address, or has no chosen one now. */
  addressChosen(chosen: ChosenAddress | null): void {
    this.saved = { ...this.saved, chosen };
    this.saveTimer ??= setTimeout(() => void this.flush(), REMEMBER_MS);
  }

  /** These addresses are its own from now on; rejects, and leaves all as it was, if the system refuses one or they can't be saved. */
  async setAddresses({ addresses, dynamic }: Addressing): Promise<void> {
    const next = { ...this.saved, addresses, dynamic, chosen: dynamic ? this.saved.chosen : null };
    this.running?.wear(ownAddresses(next));
    try {
      await this.context.state.save(next);
    } catch (error) {
      this.running?.wear(ownAddresses(this.saved));
      throw error;
    }
    this.saved = { ...this.saved, addresses, dynamic, chosen: dynamic ? this.saved.chosen : null };
    this.running?.setOwnAddresses(addresses, dynamic);
  }

  acquainted(acquaintances: readonly Acquaintance[]): void {
    this.saved = { ...this.saved, acquaintances };
    this.saveTimer ??= setTimeout(() => void this.flush(), REMEMBER_MS);
  }

  /** These peer ids are blocked from now on; rejects, and leaves all as it was, if that can't be saved. */
  async setBlocked(blocked: readonly string[]): Promise<void> {
    await this.context.state.save({ ...this.saved, blocked });
    this.saved = { ...this.saved, blocked };
    this.running?.block(blocked);
  }

  /** That this member has another's overlay address now is as it should be. */
  accept(id: string): void {
    this.running?.accept(id);
  }

  /** All identities that are known here: members, former ones, and those that are blocked without ever having been seen. */
  identities(): IdentityInfo[] {
    return listIdentities(this.saved, this.running?.snapshot().peers ?? []);
  }

  /** The key queue is this one from now on; rejects, and leaves it as it was, if it can't be saved. */
  async setKeys(keys: readonly SavedKey[]): Promise<void> {
    await this.context.state.save({ ...this.saved, keys });
    this.saved = { ...this.saved, keys };
    this.running?.setKeys(keys);
  }

  keys(wall: number): KeyInfo[] {
    return describeKeys(this.saved, wall);
  }

  /** The daemon ends: leaves the network, which stays saved. */
  async suspend(): Promise<void> {
    await this.leave();
    await this.flush();
  }

  /** The network is forgotten: nothing is written any more. */
  async end(): Promise<void> {
    await this.leave();
    this.dropSave();
  }

  /** Whether the member with this overlay address is connected; so is one's own. */
  isConnected(ip: string): boolean {
    if (this.running === null) return false;
    const has = (addresses: readonly string[]) => addresses.some((address) => address.split('/')[0] === ip);
    if (has(ownAddresses(this.saved)) || this.running.ula?.split('/')[0] === ip) return true;
    return this.running.snapshot().peers.some((peer) => peer.state === 'connected' && has(peer.held));
  }

  info(): NetworkInfo {
    const { id, hash, device, mac, name, port, mtu, mssClamp, keys, dynamic } = this.saved;
    const snapshot = this.running?.snapshot();
    const drops = sum(snapshot?.drops ?? {}, this.running?.deviceDrops() ?? {});
    return {
      ...{ id, hash, device, mac, name, hostName: null, port, mtu, mssClamp, dynamic },
      addresses: ownAddresses(this.saved),
      ula: this.running?.ula ?? null,
      seeking: this.running?.isSeeking ?? false,
      keyEnds: keys?.at(-1)?.until ?? null,
      state: snapshot?.state ?? 'failed',
      error: this.error,
      retryMs: this.running === null ? Math.max(0, Math.round(this.retryAt - performance.now())) : null,
      peerId: snapshot?.id ?? this.peerId(),
      lan: this.running?.discovery.lanState() ?? 'off',
      dht: this.running?.discovery.dhtState() ?? 'off',
      portMapping: this.portMapping(),
      relays: this.relays(),
      forwardOnly: this.saved.forwardOnly,
      bridge: this.saved.bridge,
      routes: [...this.saved.routes],
      acceptRoutes: [...this.saved.acceptRoutes],
      memberRoutes: [],
      log: this.context.log.levelOf(id),
      peers: (snapshot?.peers ?? []).map((peer) => ({
        ...peer,
        hostName: null,
        addresses: [...peer.addresses],
        held: [...peer.held],
        routes: [...peer.routes],
      })),
      unanswered: (snapshot?.unanswered ?? []).map((peer) => ({ ...peer, endpoints: [...peer.endpoints] })),
      problems: [...(snapshot?.problems ?? [])],
      drops,
    };
  }

  /** What's measured of it. */
  figures(): NetworkFigures {
    return { info: this.info(), live: this.running?.figures() ?? null };
  }

  /** Everything about it that's no secret: the id stands for the hash. */
  details(): NetworkDebug {
    const { id, device, port } = this.saved;
    const info = this.info();
    const { nat, endpoints, probes, peers } = this.running?.details() ?? NOT_RUNNING;
    return {
      ...{ id, device, port, state: info.state, error: info.error, lan: info.lan, dht: info.dht },
      relays: info.relays,
      forwardOnly: info.forwardOnly,
      nat,
      portMapping: info.portMapping,
      endpoints: [...endpoints],
      probes: { ...probes },
      remembered: this.saved.remembered.length,
      peers: peers.map((peer) => ({ ...peer, sessions: [...peer.sessions], candidates: [...peer.candidates] })),
      unanswered: info.unanswered,
      problems: info.problems,
      drops: info.drops,
    };
  }

  /** Whether and how others can reach it; `way`: this machine's way out. */
  netcheck(way: WayOut): NetcheckNetwork {
    return checkNetwork(this.info(), this.running, way);
  }

  private portMapping(): PortMappingInfo {
    const state = this.running?.discovery.portMapping() ?? NO_PORT_MAPPING;
    return { ...state, attempts: [...state.attempts] };
  }

  private relays(): RelayUse[] {
    const relays = this.running?.snapshot().relays ?? [];
    return relays.map((relay) => ({ ...relay, pinned: this.context.pins.get(relay.name)?.since ?? null }));
  }

  private peerId(): string {
    return deriveIdentity(this.context.state.master, networkSecrets(this.saved.root).networkId).peerId;
  }

  private async leave(): Promise<void> {
    this.over = true;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    const { running } = this;
    if (running !== null) await running.leave();
    this.running = null;
  }

  private async flush(): Promise<void> {
    if (this.saveTimer === null) return;
    this.dropSave();
    await this.context.state.save(this.saved).catch((error: Error) => {
      this.context.log
        .network(this.saved.id)
        .warn({ error: error.message }, 'what is known of members could not be saved');
    });
  }

  private dropSave(): void {
    if (this.saveTimer !== null) clearTimeout(this.saveTimer);
    this.saveTimer = null;
  }
}

/** What may have changed while a network was being opened. */
function kept({ remembered, keys, blocked, acquaintances, addresses, dynamic, chosen }: SavedNetwork) {
  return { remembered, keys, blocked, acquaintances, addresses, dynamic, chosen };
}

function sum(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const result = { ...a };
  for (const [reason, count] of Object.entries(b)) result[reason] = (result[reason] ?? 0) + count;
  return result;
}
