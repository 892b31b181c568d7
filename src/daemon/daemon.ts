/** The daemon's parts put together, on whatever host it's given. */
import type { Server } from 'node:http';
import type { RelayOffer } from '../network/record.js';
import { type CallListener, createRpcServer } from '../rpc/server.js';
import { SYSTEM } from '../system/this-system.js';
import { claimSocket, refuseIfHeld } from './claim.js';
import type { Config } from './config.js';
import { type DaemonDht, openDht } from './dht.js';
import { Events } from './events.js';
import type { Host } from './host.js';
import { hostsTag } from './hosts/block.js';
import { HostsKeeper } from './hosts/keeper.js';
import { removeLeftover } from './hosts/leftover.js';
import { hostsLines } from './hosts/lines.js';
import type { Log } from './log.js';
import { handlers } from './methods.js';
import { MetricsEndpoint } from './metrics/endpoint.js';
import type { Sources } from './metrics/metrics.js';
import { Networks } from './networks.js';
import { Pins } from './pins.js';
import { RelayHost } from './relay-host.js';
import { socketAccess } from './socket-access.js';
import { State } from './state.js';
import { streams } from './streams.js';

/** Changes of links, addresses and routes are looked at most this often, in ms: at once, and again after that if there were more. */
const LOOK_INTERVAL_MS = 1_000;
/** How long whoever listens may take to read the rest when the daemon ends, in ms. */
const GOODBYE_MS = 500;

interface Closing {
  close(): Promise<void>;
}

export class Daemon {
  private constructor(
    private readonly log: Log,
    private readonly state: State,
    private readonly networks: Networks,
    private readonly server: Server,
    private readonly watch: { close(): void },
    private readonly ending: AbortController,
    private readonly dht: DaemonDht,
    private readonly relay: RelayHost | null,
    private readonly events: Events,
    private readonly hosts: HostsKeeper | null,
    private readonly metrics: Closing | null,
  ) {}

  /** Rejects with a `StartError`; then nothing is left behind. */
  static async start(config: Config, host: Host, log: Log, version: string): Promise<Daemon> {
    const inUse = `another daemon answers at ${config.socket}`;
    await refuseIfHeld(config.socket, inUse); // before its state is found in use: this says more
    const state = await State.open(config.state, config.save);
    const dht = await orClose(state, () => openDht(config, host, log));
    const pins = await Pins.load(state, (problem) => log.daemon.error(problem));
    const relay = await orClose(state, () => openRelay(config, host, log, state));
    const events = new Events(() => host.wall());
    const networks = new Networks({ host, config, state, log, events, dht, pins, relayOffer: offerOf(relay, config) });
    const hosts = await openHosts(config, host, log, networks, state);
    const ending = new AbortController();
    const server = createRpcServer(
      handlers({
        networks,
        log,
        version,
        problems: () => [...state.problems, ...(hosts?.problems() ?? [])],
        dht: () => dht.process.state(),
        relay: () => relay?.info() ?? null,
        ending: ending.signal,
      }),
      streams({ networks, events, log }),
      tell(log),
    );
    let metrics: Closing | null = null;
    try {
      await restore(state, networks, log);
      metrics = await openMetrics(config, {
        version,
        networks: () => networks.figures(),
        relay: () => relay?.info() ?? null,
        problems: state.problems,
        events,
      });
      await claimSocket(server, config.socket, inUse, await socketAccess((problem) => log.daemon.warn(problem)));
    } catch (error) {
      await hosts?.close();
      await metrics?.close();
      await networks.close();
      await relay?.close();
      await dht.process.close();
      await state.close();
      throw error;
    }
    if (dht.choice !== 'off') dht.process.prepare();
    log.daemon.info({ socket: config.socket, state: config.state, version }, 'listening');
    const watch = watchAddresses(host, networks, log);
    return new Daemon(log, state, networks, server, watch, ending, dht, relay, events, hosts, metrics);
  }

  /** Leaves all networks, removes devices and socket, and answers no more. */
  async stop(): Promise<void> {
    this.log.daemon.info('stopping');
    this.ending.abort();
    this.watch.close();
    await this.metrics?.close();
    const closed = new Promise((resolve) => this.server.close(resolve));
    await this.hosts?.close();
    await this.networks.close();
    await this.relay?.close();
    await this.dht.process.close();
    this.events.close();
    this.log.lines.close();
    await soon(closed);
    this.server.closeAllConnections();
    await closed;
    await this.state.close();
    this.log.daemon.info('stopped');
  }
}

/** Keeps the members' names in the hosts file, or removes those that a run with `hosts` left behind. */
async function openHosts(
  { hosts: path }: Config,
  host: Host,
  log: Log,
  networks: Networks,
  state: State,
): Promise<HostsKeeper | null> {
  const tag = hostsTag(state.master);
  if (path === null) {
    await removeLeftover(SYSTEM.hosts, tag).catch((error: Error) => {
      log.daemon.debug({ error: error.message }, 'no names of members were looked for in the hosts file');
    });
    return null;
  }
  const lines = () => hostsLines(networks.list(undefined));
  const keeper = new HostsKeeper({ path, tag, held: host.heldFile('hosts'), log, lines });
  networks.onMembers(() => keeper.touch());
  return keeper;
}

/** Whoever listens gets to hear the end, unless he's slow. */
async function soon(closed: Promise<unknown>): Promise<void> {
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS).unref())]);
}

/** The library is loaded only where it's needed. */
async function openMetrics({ metrics: listen }: Config, sources: Sources): Promise<Closing | null> {
  if (listen === null) return null;
  const { Metrics } = await import('./metrics/metrics.js');
  return MetricsEndpoint.open(listen, new Metrics(sources));
}

async function openRelay(config: Config, host: Host, log: Log, state: State): Promise<RelayHost | null> {
  const { relayListen: listen, relayTls: tlsPort, relayLimits: limits } = config;
  if (listen === null) return null;
  return RelayHost.open({ listen, tlsPort, limits, privateKey: await state.relayKey() }, host, log);
}

/** What member records say of this machine's relay, if it's offered. */
function offerOf(relay: RelayHost | null, { relayOffer }: Config): RelayOffer | null {
  return relayOffer ? (relay?.offer() ?? null) : null;
}

/** The result of `open`; if it throws, the state directory is let go of. */
async function orClose<T>(state: State, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await state.close();
    throw error;
  }
}

/** Before the socket is there: whoever gets an answer finds the networks up. */
async function restore(state: State, networks: Networks, log: Log): Promise<void> {
  const saved = await state.load();
  for (const problem of state.problems) log.daemon.error(problem);
  await networks.restore(saved);
}

function tell(log: Log): CallListener {
  return {
    answered: (method, ms) => log.daemon.debug({ method, ms: Math.round(ms) }, 'call answered'),
    failed: (method, reason, error) => {
      if (reason === 'internal') log.daemon.error({ method, err: error }, 'call failed');
      else log.daemon.debug({ method, reason }, 'call refused');
    },
  };
}

function watchAddresses(host: Host, networks: Networks, log: Log): { close(): void } {
  let timer: NodeJS.Timeout | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const onChange = () => {
    timer ??= setTimeout(
      () => {
        timer = null;
        lookedAt = performance.now();
        networks.networkChanged();
      },
      lookedAt + LOOK_INTERVAL_MS - performance.now(),
    );
  };
  let watch: { close(): void } | null = null;
  try {
    watch = host.watchAddresses(onChange);
  } catch (error) {
    log.daemon.warn({ error: (error as Error).message }, 'changes of addresses will go unnoticed');
  }
  return {
    close: () => {
      if (timer !== null) clearTimeout(timer);
      watch?.close();
    },
  };
}
