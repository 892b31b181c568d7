/** All networks of this daemon: made, brought back, left. Changes happen one after the other. */
import type { LocalAddress } from '../core/local-address.js';
import type { RelayOffer } from '../network/record.js';
import type { Addressing } from '../rpc/address-fields.js';
import type { NetworkDebug } from '../rpc/debug-info.js';
import { RpcError } from '../rpc/errors.js';
import type { Netcheck } from '../rpc/netcheck.js';
import type { NetworkInfo } from '../rpc/network-info.js';
import type { Parsed, StartParams } from '../rpc/schema.js';
import { addressWarnings, ownAddresses } from './addresses.js';
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
import { openFirstFree } from './opening.js';
import type { Pins } from './pins.js';
import { checkStart, describes, planStart, startWarnings } from './plan.js';
import { forwardingProblems } from './routes/forwarding.js';
import { RouteKeeper } from './routes/keeper.js';
import { RunningNetwork } from './running.js';
import type { SavedNetwork } from './saved.js';
import { Settings } from './settings.js';
import { Soon } from './soon.js';
import type { State } from './state.js';
import { Table } from './table.js';

/** How long whoever starts a network waits for the address that it chooses, in ms. */
const ADDRESS_MS = 30_000;
/** How long after something has happened the members are looked at, in ms: what comes together is looked at once. */
const FOLLOW_MS = 250;
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
  /** Which there are. */
  readonly table: Table;
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
    this.table = new Table(around.host, () => this.routes.subnets());
    this.addresses = this.table.localAddresses();
    const { up, down, socket } = around.config;
    this.hooks = new Hooks({ commands: { up, down }, socket, log: around.log });
    this.routes = new RouteKeeper({
      table: around.host.routes,
      log: around.log,
      now: () => around.host.now(),
      networks: () => this.infos(),
      links: () => this.table.localAddresses(),
      routed: () => this.table.tellOverlays(),
    });
    const list = () => this.list(undefined);
    this.settings = new Settings(around, (task) => this.change(task), this.table, list);
  }

  /** Brings saved networks back. One that can't come back now is tried again until it can. */
  async restore(saved: readonly SavedNetwork[]): Promise<void> {
    for (const network of saved) {
      this.table.set(this.entry(network, null));
      this.restored.add(network.hash);
    }
    for (const entry of this.table.all()) await this.bringBack(entry);
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
    this.table.tellOverlays();
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
      const entry = this.table.get(saved.hash);
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
      this.addresses = this.table.localAddresses();
      checkStart(params, this.around.config, this.addresses, this.around.host.wall());
      const warnings = [
        ...startWarnings(params, this.addresses),
        ...forwardingProblems(params.route, this.around.host),
      ];
      const plan = await planStart(params, this.around.config, this.around.state.master);
      const { running, saved } = await openFirstFree(plan, this.table.taken(null), (network) => this.open(network));
      const entry = this.entry(saved, running);
      await this.keep(entry);
      this.table.set(entry);
      this.around.log.network(saved.id).info({ device: saved.device, port: saved.port }, 'network started');
      entry.tell({ kind: 'network-started', port: saved.port });
      return { entry, warnings, isNew: true };
    });
  }

  /** Leaves and forgets the network with this hash, the one on this device, or all. Rejects with an `RpcError`. */
  async stop({ hash, dev, all }: Parsed<'network.stop'>): Promise<Entry[]> {
    const stopped = all ? this.table.all() : [dev === undefined ? this.table.find(hash ?? '') : this.table.on(dev)];
    for (const entry of stopped) await this.forget(entry.saved.hash);
    return stopped;
  }

  private forget(hash: string): Promise<void> {
    return this.change(async () => {
      const entry = this.table.find(hash);
      // The file first: a kill between the two leaves a network that's gone at the next start, not one that comes back.
      await this.around.state.remove(entry.saved.id).catch((error: Error) => {
        throw new RpcError('state-failed', `the saved network can't be removed: ${error.message}`);
      });
      if (entry.running !== null) await this.hooks.run('down', entry.saved);
      this.table.delete(hash);
      this.restored.delete(hash);
      await entry.end();
      entry.tell({ kind: 'network-stopped', why: 'it was left' });
      this.table.tellOverlays();
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
    return this.table.all().map((entry) => {
      const info = entry.info();
      const problems = [...info.problems, ...forwardingProblems(info.routes, this.around.host)];
      return { ...info, memberRoutes: this.routes.of(info.id), problems };
    });
  }

  figures(): NetworkFigures[] {
    return this.table.all().map((entry) => entry.figures());
  }

  debug(): NetworkDebug[] {
    return this.table.all().map((entry) => entry.details());
  }

  /** How others can reach this machine: what holds for all networks, and each of them. */
  netcheck(): Omit<Netcheck, 'version' | 'dht'> {
    const { host, config } = this.around;
    const addresses = this.table.localAddresses();
    const route = host.defaultRoute(addresses);
    const networks = this.table.all().map((entry) => entry.netcheck({ addresses, route }));
    const ipv6 = host.defaultRoute6(addresses);
    return { ...describeMachine(addresses, route, ipv6), portMapping: config.portMapping, networks };
  }

  /** Forgets a relay's pinned key. Says whether there was one. */
  forgetRelay(name: string): boolean {
    const had = this.around.pins.forget(name);
    for (const { running } of this.table.all()) running?.discovery.pinsChanged();
    return had;
  }

  /** This machine's links, addresses or routes may have changed. */
  networkChanged(): void {
    const addresses = this.table.localAddresses();
    const route = this.around.host.defaultRoute(addresses);
    for (const { running } of this.table.all()) running?.discovery.setRoute(route);
    this.routes.restore();
    this.routes.look(); // first: what's on-link from now on mustn't lead into an overlay
    if (JSON.stringify(addresses) === JSON.stringify(this.addresses)) {
      for (const { running } of this.table.all()) running?.routesChanged();
      return;
    }
    this.addresses = addresses;
    this.around.log.daemon.debug({ count: addresses.length }, 'the addresses of this machine have changed');
    for (const { running } of this.table.all()) {
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
    await Promise.all(this.table.all().map((entry) => this.suspend(entry)));
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
    if (this.table.get(saved.hash) !== entry || entry.running !== null) return;
    try {
      const opened = await openFirstFree(saved, this.table.taken(saved), (network) => this.open(network));
      entry.up(opened.running, opened.saved);
      void this.hooks.run('up', entry.saved);
      if (opened.saved.port !== saved.port) await this.around.state.save(opened.saved);
    } catch (error) {
      entry.failed(error);
    }
  }

  private open(saved: SavedNetwork): Promise<RunningNetwork> {
    const { host, state, log, events } = this.around;
    return this.table.whileOpening(saved, async () => {
      const addresses = this.table.localAddresses();
      const running = await RunningNetwork.open({
        ...chosenFor(saved, this.around),
        host,
        saved,
        master: state.master,
        bootCounter: await state.nextBoot(),
        addresses,
        route: host.defaultRoute(addresses),
        overlays: this.table.overlays(saved.hash),
        log: log.network(saved.id),
        onEvent: (event) => events.tell(saved, event),
        onWipeKeys: (until) => this.table.get(saved.hash)?.wipeKeys(until),
        onChosen: (chosen) => {
          this.table.get(saved.hash)?.addressChosen(chosen);
          this.table.tellOverlays();
        },
        onAcquaintances: (list) => this.table.get(saved.hash)?.acquainted(list),
        onRemember: (peers) => this.table.get(saved.hash)?.remember(peers),
        onGone: (error) => this.gone(saved.hash, error),
      });
      this.routes.deviceMade(saved.device);
      running.on('activity', () => this.membersChanged());
      return running;
    });
  }

  /** Calls back when the members may be others than before. */
  onMembers(listener: () => void): void {
    this.listeners.push(listener);
    listener();
  }

  private membersChanged(): void {
    if (this.stopping) return;
    for (const listener of this.listeners) listener();
    const accepts = this.table.all().some(({ saved }) => saved.acceptRoutes.length > 0);
    if (accepts || this.routes.subnets().length > 0) this.follow.touch();
  }

  private gone(hash: string, error: string): void {
    const entry = this.table.get(hash);
    if (entry === undefined || entry.running === null) return;
    entry.gone(error);
    void this.hooks.run('down', entry.saved);
    this.membersChanged();
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
    const entry = this.table.get(params.hash);
    if (entry === undefined || !this.restored.has(params.hash) || entry.running === null) return null;
    return (await describes(params, entry.saved, this.around.host.wall())) ? entry : null;
  }

  private refuseIfUsed({ hash }: StartParams): void {
    if (this.stopping) throw new RpcError('stopping', 'the daemon is stopping');
    this.table.refuseIfUsed(hash);
  }

  private change<T>(task: () => Promise<T>): Promise<T> {
    const done = this.changing.then(task, task);
    this.changing = done.catch(() => undefined);
    return done;
  }
}

/** What the daemon's configuration and the network's own say of how it finds members and carries frames. */
function chosenFor(saved: SavedNetwork, { config, dht, pins, relayOffer }: Surroundings) {
  const { tapOffload, udpGso, udpGro, threads, fwmark } = config;
  return {
    ...{ lan: config.lan, portMapping: config.portMapping, proxy: config.proxy, pins, relayOffer },
    choices: { tapOffload, udpGso, udpGro, threads, fwmark },
    dht: dhtOf(saved, dht),
    relays: [...saved.relays, ...config.relays.filter((relay) => !saved.relays.includes(relay))],
  };
}

/** The network's own DHT, or the daemon's; null if it's off. */
function dhtOf(saved: SavedNetwork, dht: DaemonDht) {
  const choice = saved.dht ?? dht.choice;
  if (choice === 'off') return null;
  return { process: dht.process, bootstrap: choice === 'public' ? null : choice };
}
