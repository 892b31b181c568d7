/** All networks of this daemon: made, brought back, left. Changes happen one after the other. */
import type { Cidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { RelayOffer } from '../network/record.js';
import type { Addressing } from '../rpc/address-fields.js';
import type { NetworkDebug } from '../rpc/debug-info.js';
import { RpcError } from '../rpc/errors.js';
import type { Netcheck } from '../rpc/netcheck.js';
import type { NetworkInfo } from '../rpc/network-info.js';
import type { Parsed, StartParams } from '../rpc/schema.js';
import { addressWarnings, ownAddresses, subnetsOf } from './addresses.js';
import type { Config } from './config.js';
import type { DaemonDht } from './dht.js';
import { Entry } from './entry.js';
import type { Events } from './events.js';
import { Hooks } from './hooks.js';
import type { Host } from './host.js';
import type { Log } from './log.js';
import type { NetworkFigures } from './metrics/figures.js';
import { withHostNames } from './names/host-names.js';
import { describeMachine } from './netcheck.js';
import { openFirstFree, type Taken } from './opening.js';
import type { Pins } from './pins.js';
import { checkStart, describes, planStart, startWarnings } from './plan.js';
import { forwardingProblems } from './routes/forwarding.js';
import { RouteKeeper } from './routes/keeper.js';
import { RunningNetwork } from './running.js';
import type { SavedNetwork } from './saved.js';
import { Settings } from './settings.js';
import { Soon } from './soon.js';
import type { State } from './state.js';

/** How long whoever starts a network waits for the address that it chooses, in ms. */
const ADDRESS_MS = 30_000;
/** How long after something has happened the members are looked at, in ms: what comes together is looked at once. */
const FOLLOW_MS = 250;
/** How many networks a daemon has at most. */
const MAX_NETWORKS = 256;

export interface Surroundings {
  readonly host: Host;
  readonly config: Config;
  readonly state: State;
  readonly log: Log;
  readonly events: Events;
  readonly dht: DaemonDht;
  readonly pins: Pins;
  /** The relay that this machine serves and offers to members, or null. */
  readonly relayOffer: RelayOffer | null;
}

export class Networks {
  readonly settings: Settings;
  private readonly entries = new Map<string, Entry>();
  /** Devices that are being opened: theirs are overlay addresses too. */
  private readonly opening = new Map<string, SavedNetwork>();
  /** Hashes of networks that the last run left, and that nobody has stopped since. */
  private readonly restored = new Set<string>();
  private changing: Promise<unknown> = Promise.resolve();
  private addresses: readonly LocalAddress[] = [];
  private stopping = false;
  private readonly listeners: (() => void)[] = [];
  private readonly hooks: Hooks;
  private readonly routes: RouteKeeper;
  /** Routes are looked at a moment after something has happened to the members. */
  private readonly follow = new Soon(FOLLOW_MS, () => this.routes.look());

  constructor(private readonly around: Surroundings) {
    this.addresses = this.lookAtAddresses();
    const { up, down, socket } = around.config;
    this.hooks = new Hooks({ commands: { up, down }, socket, log: around.log });
    this.routes = new RouteKeeper({
      table: around.host.routes,
      log: around.log,
      now: () => around.host.now(),
      networks: () => this.infos(),
      links: () => this.lookAtAddresses(),
      routed: () => this.tellOverlays(),
    });
    this.settings = new Settings(around, (task) => this.change(task), {
      find: (hash) => this.find(hash),
      some: (hash) => this.some(hash),
      all: () => [...this.entries.values()],
      localAddresses: () => this.lookAtAddresses(),
      list: () => this.list(undefined),
    });
  }

  /** Brings saved networks back. One that can't come back now is tried again until it can. */
  async restore(saved: readonly SavedNetwork[]): Promise<void> {
    for (const network of saved) {
      this.entries.set(network.hash, this.entry(network, null));
      this.restored.add(network.hash);
    }
    for (const entry of this.entries.values()) await this.bringBack(entry);
  }

  /** Rejects with an `RpcError`; then nothing has changed. */
  async start(params: StartParams): Promise<{ network: NetworkInfo; warnings: string[] }> {
    const { entry, warnings, isNew } = await this.begin(params);
    const more = await this.addressed(entry);
    if (isNew) void this.hooks.run('up', entry.saved);
    return { network: this.list(params.hash)[0] ?? entry.info(), warnings: [...warnings, ...more] };
  }

  /** Gives the network with this hash these addresses and no others. Rejects with an `RpcError`; then nothing has changed. */
  async setAddresses(hash: string, addressing: Addressing): Promise<{ network: NetworkInfo; warnings: string[] }> {
    const { entry, warnings } = await this.settings.setAddresses(hash, addressing);
    this.tellOverlays();
    const more = await this.addressed(entry);
    return { network: this.list(hash)[0] ?? entry.info(), warnings: [...warnings, ...more] };
  }

  /** Waits for an address that's being looked for; what there's to say of it. Other changes go on meanwhile. */
  private async addressed({ saved, running }: Entry): Promise<string[]> {
    if (!saved.dynamic || running === null) return [];
    await running.addressed(ADDRESS_MS);
    const why = running.snapshot().problems.map((problem) => `; ${problem}`);
    if (running.isSeeking) return [`no address is found so far${why.join('')}`];
    return this.change(async () => {
      const entry = this.entries.get(saved.hash);
      if (entry === undefined) return [];
      await this.around.state.save(entry.saved).catch(() => undefined); // a kill right now must not lose it
      return addressWarnings(ownAddresses(entry.saved).slice(0, 1), this.addresses);
    });
  }

  private begin(params: StartParams): Promise<{ entry: Entry; warnings: string[]; isNew: boolean }> {
    return this.change(async () => {
      const restored = await this.restoredAs(params);
      if (restored !== null) return { entry: restored, warnings: [], isNew: false };
      this.refuseIfUsed(params);
      this.addresses = this.lookAtAddresses();
      checkStart(params, this.around.config, this.addresses, this.around.host.wall());
      const warnings = [
        ...startWarnings(params, this.addresses),
        ...forwardingProblems(params.route, this.around.host),
      ];
      const plan = await planStart(params, this.around.config, this.around.state.master);
      const { running, saved } = await openFirstFree(plan, this.taken(null), (network) => this.open(network));
      const entry = this.entry(saved, running);
      await this.keep(entry);
      this.entries.set(saved.hash, entry);
      this.around.log.network(saved.id).info({ device: saved.device, port: saved.port }, 'network started');
      entry.tell({ kind: 'network-started', port: saved.port });
      return { entry, warnings, isNew: true };
    });
  }

  /** Leaves and forgets the network with this hash, the one on this device, or all. Rejects with an `RpcError`. */
  async stop({ hash, dev, all }: Parsed<'network.stop'>): Promise<Entry[]> {
    const stopped = all ? [...this.entries.values()] : [dev === undefined ? this.find(hash ?? '') : this.on(dev)];
    for (const entry of stopped) await this.forget(entry.saved.hash);
    return stopped;
  }

  private forget(hash: string): Promise<void> {
    return this.change(async () => {
      const entry = this.find(hash);
      // The file first: a kill between the two leaves a network that's gone at the next start, not one that comes back.
      await this.around.state.remove(entry.saved.id).catch((error: Error) => {
        throw new RpcError('state-failed', `the saved network can't be removed: ${error.message}`);
      });
      if (entry.running !== null) await this.hooks.run('down', entry.saved);
      this.entries.delete(hash);
      this.restored.delete(hash);
      await entry.end();
      entry.tell({ kind: 'network-stopped', why: 'it was left' });
      this.tellOverlays();
      this.membersChanged();
      this.around.log.network(entry.saved.id).info('network stopped');
      this.around.log.forget(entry.saved.id);
    });
  }

  list(hash: string | undefined): NetworkInfo[] {
    const all = withHostNames(this.infos());
    return all.filter((info) => hash === undefined || info.hash === hash);
  }

  private infos(): NetworkInfo[] {
    return [...this.entries.values()].map((entry) => {
      const info = entry.info();
      const problems = [...info.problems, ...forwardingProblems(info.routes, this.around.host)];
      return { ...info, memberRoutes: this.routes.of(info.id), problems };
    });
  }

  figures(): NetworkFigures[] {
    return [...this.entries.values()].map((entry) => entry.figures());
  }

  debug(): NetworkDebug[] {
    return [...this.entries.values()].map((entry) => entry.details());
  }

  /** How others can reach this machine: what holds for all networks, and each of them. */
  netcheck(): Omit<Netcheck, 'version' | 'dht'> {
    const { host, config } = this.around;
    const addresses = this.lookAtAddresses();
    const route = host.defaultRoute(addresses);
    const networks = [...this.entries.values()].map((entry) => entry.netcheck({ addresses, route }));
    const ipv6 = host.defaultRoute6(addresses);
    return { ...describeMachine(addresses, route, ipv6), portMapping: config.portMapping, networks };
  }

  /** The network with this hash; throws an `RpcError` if there's none. */
  find(hash: string): Entry {
    const entry = this.entries.get(hash);
    if (entry === undefined) throw new RpcError('no-such-network', 'no network has this hash');
    return entry;
  }

  /** The network whose device has this name, also one that isn't up; throws an `RpcError` if there's none. */
  private on(device: string): Entry {
    const entry = [...this.entries.values()].find(({ saved }) => saved.device === device);
    if (entry === undefined) throw new RpcError('no-such-network', `no network has the device ${device}`);
    return entry;
  }

  /** The network with this hash, or all; throws an `RpcError` if there's none. */
  some(hash: string | undefined): Entry[] {
    if (hash !== undefined) return [this.find(hash)];
    if (this.entries.size === 0) throw new RpcError('no-such-network', 'there is no network');
    return [...this.entries.values()];
  }

  /** Forgets a relay's pinned key. Says whether there was one. */
  forgetRelay(name: string): boolean {
    const had = this.around.pins.forget(name);
    for (const { running } of this.entries.values()) running?.discovery.pinsChanged();
    return had;
  }

  /** This machine's links, addresses or routes may have changed. */
  networkChanged(): void {
    const addresses = this.lookAtAddresses();
    const route = this.around.host.defaultRoute(addresses);
    for (const { running } of this.entries.values()) running?.discovery.setRoute(route);
    this.routes.restore();
    this.routes.look(); // first: what's on-link from now on mustn't lead into an overlay
    if (JSON.stringify(addresses) === JSON.stringify(this.addresses)) {
      for (const { running } of this.entries.values()) running?.routesChanged();
      return;
    }
    this.addresses = addresses;
    this.around.log.daemon.debug({ count: addresses.length }, 'the addresses of this machine have changed');
    for (const { running } of this.entries.values()) {
      running?.setAddresses(addresses);
      running?.discovery.lookAgain();
    }
  }

  /** Leaves all networks, which stay saved. */
  async close(): Promise<void> {
    this.stopping = true;
    await this.changing.catch(() => undefined);
    this.follow.stop();
    this.routes.close();
    await Promise.all([...this.entries.values()].map((entry) => this.suspend(entry)));
  }

  private async suspend(entry: Entry): Promise<void> {
    const wasUp = entry.running !== null;
    if (wasUp) await this.hooks.run('down', entry.saved);
    await entry.suspend();
    if (wasUp) entry.tell({ kind: 'network-stopped', why: 'the daemon ends' });
  }

  private entry(saved: SavedNetwork, running: RunningNetwork | null): Entry {
    const entry: Entry = new Entry(saved, running, this.around, () => {
      if (!this.stopping) void this.change(() => this.bringBack(entry)).catch(() => undefined);
    });
    return entry;
  }

  private async bringBack(entry: Entry): Promise<void> {
    const { saved } = entry;
    if (this.entries.get(saved.hash) !== entry || entry.running !== null) return;
    try {
      const opened = await openFirstFree(saved, this.taken(saved), (network) => this.open(network));
      entry.up(opened.running, opened.saved);
      void this.hooks.run('up', entry.saved);
      if (opened.saved.port !== saved.port) await this.around.state.save(opened.saved);
    } catch (error) {
      entry.failed(error);
    }
  }

  private async open(saved: SavedNetwork): Promise<RunningNetwork> {
    const { host, state, config, log, events, pins } = this.around;
    this.opening.set(saved.device, saved);
    this.tellOverlays();
    try {
      const addresses = this.lookAtAddresses();
      const running = await RunningNetwork.open({
        host,
        saved,
        master: state.master,
        bootCounter: await state.nextBoot(),
        lan: config.lan,
        portMapping: config.portMapping,
        choices: {
          tapOffload: config.tapOffload,
          udpGso: config.udpGso,
          udpGro: config.udpGro,
          threads: config.threads,
          fwmark: config.fwmark,
        },
        dht: this.dhtOf(saved),
        addresses,
        route: host.defaultRoute(addresses),
        overlays: this.overlays(saved.hash),
        log: log.network(saved.id),
        relays: [...saved.relays, ...config.relays.filter((relay) => !saved.relays.includes(relay))],
        pins,
        relayOffer: this.around.relayOffer,
        proxy: config.proxy,
        onEvent: (event) => events.tell(saved, event),
        onWipeKeys: (until) => this.entries.get(saved.hash)?.wipeKeys(until),
        onChosen: (chosen) => {
          this.entries.get(saved.hash)?.addressChosen(chosen);
          this.tellOverlays();
        },
        onAcquaintances: (list) => this.entries.get(saved.hash)?.acquainted(list),
        onRemember: (peers) => this.entries.get(saved.hash)?.remember(peers),
        onGone: (error) => this.gone(saved.hash, error),
      });
      this.routes.deviceMade(saved.device);
      running.on('activity', () => this.membersChanged());
      return running;
    } catch (error) {
      this.opening.delete(saved.device);
      this.tellOverlays();
      throw error;
    } finally {
      this.opening.delete(saved.device);
    }
  }

  /** Calls back when the members may be others than before. */
  onMembers(listener: () => void): void {
    this.listeners.push(listener);
    listener();
  }

  private membersChanged(): void {
    if (this.stopping) return;
    for (const listener of this.listeners) listener();
    const accepts = [...this.entries.values()].some(({ saved }) => saved.acceptRoutes.length > 0);
    if (accepts || this.routes.subnets().length > 0) this.follow.touch();
  }

  private gone(hash: string, error: string): void {
    const entry = this.entries.get(hash);
    if (entry === undefined || entry.running === null) return;
    entry.gone(error);
    void this.hooks.run('down', entry.saved);
    this.membersChanged();
  }

  /** The network's own DHT, or the daemon's. */
  private dhtOf(saved: SavedNetwork) {
    const { dht } = this.around;
    const choice = saved.dht ?? dht.choice;
    if (choice === 'off') return null;
    return { process: dht.process, bootstrap: choice === 'public' ? null : choice };
  }

  /** Saves a new network; if that fails, it's undone. */
  private async keep(entry: Entry): Promise<void> {
    try {
      await this.around.state.save(entry.saved);
    } catch (error) {
      await this.around.state.remove(entry.saved.id).catch(() => undefined);
      await entry.end();
      const reason = error instanceof Error ? error.message : String(error);
      throw new RpcError('state-failed', `the network can't be saved: ${reason}`);
    }
  }

  /** The network that came back from the last run as these parameters describe it: whoever starts it at every boot finds it started. */
  private async restoredAs(params: StartParams): Promise<Entry | null> {
    const entry = this.entries.get(params.hash);
    if (entry === undefined || !this.restored.has(params.hash) || entry.running === null) return null;
    return (await describes(params, entry.saved, this.around.host.wall())) ? entry : null;
  }

  private refuseIfUsed({ hash }: StartParams): void {
    if (this.stopping) throw new RpcError('stopping', 'the daemon is stopping');
    if (this.entries.has(hash)) throw new RpcError('hash-in-use', 'the hash is already in use on this machine');
    if (this.entries.size >= MAX_NETWORKS)
      throw new RpcError('too-many', `expected at most ${MAX_NETWORKS} networks, and there are as many already`);
  }

  private taken(but: SavedNetwork | null): Taken {
    const others = [...this.entries.values()].map(({ saved }) => saved).filter((saved) => saved !== but);
    return { devices: new Set(others.map((o) => o.device)), ports: new Set(others.map((o) => o.port)) };
  }

  private lookAtAddresses(): LocalAddress[] {
    const overlay = new Set([...this.entries.values()].filter((e) => e.running !== null).map((e) => e.saved.device));
    return this.around.host.localAddresses((device) => overlay.has(device) || this.opening.has(device));
  }

  /** Subnets of all networks but this one that are up or about to be, and those behind members to which there are routes: all that lies in an overlay. */
  private overlays(but: string): Cidr[] {
    const up = [...this.entries.values()].filter(({ running }) => running !== null).map(({ saved }) => saved);
    const others = [...up, ...this.opening.values()].filter(({ hash }) => hash !== but);
    return [...others.flatMap(subnetsOf), ...this.routes.subnets()];
  }

  private tellOverlays(): void {
    for (const { running, saved } of this.entries.values()) running?.setOverlays(this.overlays(saved.hash));
  }

  private change<T>(task: () => Promise<T>): Promise<T> {
    const done = this.changing.then(task, task);
    this.changing = done.catch(() => undefined);
    return done;
  }
}
