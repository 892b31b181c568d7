/** The composition root: real device, real LAN, real signals. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DaemonFlags } from '../core/daemon-flags.js';
import { monotonicMs, openNative } from '../device/native.js';
import { nativeMapping } from '../device/native-mapping.js';
import { lockDown, sendUnixDatagram } from '../device/native-process.js';
import { openNativeRelay } from '../device/native-relay.js';
import { addRoute, removeRoute } from '../device/native-routes.js';
import { DhtProcess } from '../discovery/dht/process.js';
import { openLan } from '../discovery/lan.js';
import type { Looker } from '../discovery/look/looker.js';
import { systemLooker } from '../discovery/look/system-looker.js';
import { inTurns } from '../discovery/port-mapping/turns.js';
import { resolvePeer } from '../discovery/static.js';
import { SYSTEM } from '../system/this-system.js';
import { Daemon } from './daemon.js';
import { makePrivate } from './directories.js';
import type { Host } from './host.js';
import { loadConfig } from './load-config.js';
import { Log } from './log.js';
import { LogFile } from './log-file.js';
import { outlets } from './outlets.js';
import { beginProfiling } from './profiling.js';
import { heldFiles, type Manager, ServiceManager } from './service-manager.js';
import { askedSurroundings, readSurroundings } from './surroundings.js';
import { WindowsService } from './windows/service.js';

/** Leaving all networks may take this long, in ms; then the process ends anyway. */
const STOP_MS = 10_000;

/** Files that the service manager has handed over. */
let held: ReadonlyMap<string, number> = new Map();

/** `looker`: of a system that's asked by programs, or null. */
const hostOf = (looker: Looker | null): Host => ({
  openDevice: openNative,
  openRelay: openNativeRelay,
  now: monotonicMs,
  wall: Date.now,
  ...(looker === null ? readSurroundings : askedSurroundings(looker)),
  routes: { addRoute, removeRoute },
  heldFile: (name) => held.get(name) ?? null,
  mapping: inTurns(nativeMapping),
  openLan,
  openDht: (options) => new DhtProcess(options),
  resolvePeer,
});

/** Runs until SIGTERM, SIGINT or the service manager ends it; resolves with the exit code. Rejects with a `StartError` if it can't begin. */
export async function runDaemon(given: DaemonFlags): Promise<number> {
  const stop = new AbortController();
  if (given.asService !== true) return serve(given, null, stop.signal);
  // First of all: the manager doesn't wait long for it. There's no log yet, and nobody who'd see a terminal.
  const service = WindowsService.begin(
    () => stop.abort(),
    (problem) => note(given, problem),
  );
  try {
    const code = await serve(given, service, stop.signal);
    service.ended(code);
    return code;
  } catch (error) {
    note(given, error instanceof Error ? error.message : String(error));
    service.ended(1);
    throw error;
  }
}

/** A line in the log of a service that has no log, or none yet. */
function note({ logFile }: DaemonFlags, problem: string): void {
  if (logFile !== undefined) new Log(new LogFile(logFile, () => undefined), 'INFO').daemon.error(problem);
}

/** `service`: what's told how it goes, if it isn't systemd. */
async function serve(given: DaemonFlags, service: Manager | null, stop: AbortSignal): Promise<number> {
  const warnings: string[] = [];
  // Before anything in it is believed.
  if (SYSTEM.name === 'windows' && given.state === undefined) await makePrivate(dirname(SYSTEM.state));
  const config = await loadConfig(withProxy(given, process.env), (warning) => warnings.push(warning));
  const log = new Log(outlets(config), config.log);
  const warn = (problem: string) => log.daemon.warn(problem);
  for (const warning of warnings) warn(warning);
  const manager = service ?? ServiceManager.of(process.env, process.pid, sendUnixDatagram, warn);
  held = heldFiles(process.env, process.pid);
  for (const refused of lockDown()) warn(refused);
  const profiling = await beginProfiling(config, log);
  const end = untilEnd(log, stop);
  const looker = systemLooker();
  await looker?.look();
  const daemon = await Daemon.start(config, hostOf(looker), log, await version());
  manager.ready();
  const code = await end;
  manager.stopping();
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await daemon.stop();
  await profiling?.end();
  return code;
}

/** The proxy that other programs use as well, unless another was named. */
function withProxy(given: DaemonFlags, environment: NodeJS.ProcessEnv): DaemonFlags {
  const proxy = given.proxy ?? (environment['https_proxy'] || environment['HTTPS_PROXY']);
  return proxy === undefined || proxy === '' ? given : { ...given, proxy };
}

/** Signals that end the daemon. Windows has none that comes from another process: these are Ctrl-C, Ctrl-Break and the end of its terminal. */
const ENDS: readonly NodeJS.Signals[] =
  SYSTEM.name === 'windows' ? ['SIGINT', 'SIGBREAK', 'SIGHUP'] : ['SIGTERM', 'SIGINT'];

/** Resolves with 0 for a signal or when `stop` is aborted, with 1 after an error that nothing caught. A second signal ends at once. */
function untilEnd(log: Log, stop: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    let signals = 0;
    if (stop.aborted) resolve(0);
    stop.addEventListener('abort', () => resolve(0));
    for (const signal of ENDS)
      process.on(signal, () => {
        if (++signals > 1) process.exit(1);
        resolve(0);
      });
    for (const event of ['uncaughtException', 'unhandledRejection'] as const)
      process.on(event, (error: unknown) => {
        log.daemon.error({ err: error }, 'unexpected error');
        resolve(1);
      });
  });
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
