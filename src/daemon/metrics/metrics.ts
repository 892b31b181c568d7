/** All that the daemon measures, as Prometheus reads it. Taken when somebody asks: nothing is counted, looked at or woken for it otherwise. */
import { readdir } from 'node:fs/promises';
import { Counter, Gauge, Registry } from 'prom-client';
import type { RelayInfo } from '../../rpc/relay-info.js';
import { loopLag } from '../loop-lag.js';
import { DAEMON_FAMILIES } from './daemon-families.js';
import type { Family } from './family.js';
import type { Figures, NetworkFigures, ProcessFigures } from './figures.js';
import { NETWORK_FAMILIES } from './network-families.js';
import { PeerLabels } from './peer-labels.js';
import { TrafficTotals } from './traffic-totals.js';

/** What's measured, as the rest of the daemon has it. */
export interface Sources {
  readonly version: string;
  networks(): readonly NetworkFigures[];
  relay(): RelayInfo | null;
  readonly problems: readonly string[];
  readonly events: { readonly subscribers: number; readonly lostItems: number };
}

export const FAMILIES: readonly Family[] = [...NETWORK_FAMILIES, ...DAEMON_FAMILIES];

export class Metrics {
  private readonly registry = new Registry();
  private readonly fill: readonly ((figures: Figures) => void)[];
  private readonly totals = new TrafficTotals();
  private readonly labels = new PeerLabels();
  private underWay: Promise<string> | null = null;

  constructor(private readonly sources: Sources) {
    this.fill = FAMILIES.map((family) => register(family, this.registry));
  }

  /** Of the text below. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** Text as Prometheus has it. Who asks while another does gets the same. */
  text(): Promise<string> {
    this.underWay ??= this.take().finally(() => {
      this.underWay = null;
    });
    return this.underWay;
  }

  private async take(): Promise<string> {
    const figures = this.figures(await processFigures());
    for (const fill of this.fill) fill(figures);
    return this.registry.metrics();
  }

  private figures(ofProcess: ProcessFigures): Figures {
    const { version, events, problems } = this.sources;
    const networks = this.sources.networks();
    const infos = networks.map(({ info }) => info);
    const traffic = this.totals.measure(infos);
    const none = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
    return {
      version,
      networks: networks.map((network, i) => ({ ...network, traffic: traffic[i] ?? none })),
      ...this.labels.choose(infos),
      relay: this.sources.relay(),
      problems: problems.length,
      subscribers: events.subscribers,
      lostEvents: events.lostItems,
      process: ofProcess,
    };
  }
}

/** Makes the library know a metric; what it gives sets that to what the figures say, and forgets what was before. */
function register({ name, type, help, labels, samples }: Family, registry: Registry): (figures: Figures) => void {
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  const metric = type === 'counter' ? new Counter(options) : new Gauge(options);
  return (figures) => {
    const taken = samples(figures);
    metric.reset();
    if (taken.length === 0 && labels.length === 0) metric.remove(); // it would be 0 otherwise
    for (const sample of taken) metric.inc({ ...sample.labels }, sample.value);
  };
}

async function processFigures(): Promise<ProcessFigures> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    loopLagMs: await loopLag(),
    loopBusyMs: performance.eventLoopUtilization().active,
    cpuSeconds: (user + system) / 1e6,
    startedSeconds: performance.timeOrigin / 1000,
    residentBytes: rss,
    heapBytes: heapUsed,
    openDescriptors: await readdir('/proc/self/fd').then(
      (names) => names.length,
      () => null,
    ),
  };
}
