/** The composition root: real device, real LAN, real signals. */
import { readFile } from 'node:fs/promises';
import type { DaemonFlags } from '../core/daemon-flags.js';
import { monotonicMs, openNative, watchAddresses } from '../device/native.js';
import { nativeMapping } from '../device/native-mapping.js';
import { lockDown, sendUnixDatagram } from '../device/native-process.js';
import { openNativeRelay } from '../device/native-relay.js';
import { addRoute, removeRoute } from '../device/native-routes.js';
import { localAddresses } from '../discovery/addresses.js';
import { DhtProcess } from '../discovery/dht/process.js';
import { forwards } from '../discovery/forwarding.js';
import { openLan } from '../discovery/lan.js';
import { defaultRoute, defaultRoute6 } from '../discovery/port-mapping/routes.js';
import { inTurns } from '../discovery/port-mapping/turns.js';
import { resolvePeer } from '../discovery/static.js';
import { SYSTEM } from '../system/this-system.js';
import type { Config } from './config.js';
import { Daemon } from './daemon.js';
import type { Host } from './host.js';
import { loadConfig } from './load-config.js';
import { Log, type LogStream, standardError } from './log.js';
import { beginProfiling } from './profiling.js';
import { heldFiles, ServiceManager } from './service-manager.js';
import { StartError } from './start-error.js';
import { Syslog } from './syslog.js';

/** Leaving all networks may take this long, in ms; then the process ends anyway. */
const STOP_MS = 10_000;

/** Files that the service manager has handed over. */
let held: ReadonlyMap<string, number> = new Map();

const HOST: Host = {
  openDevice: openNative,
  openRelay: openNativeRelay,
  now: monotonicMs,
  wall: Date.now,
  watchAddresses,
  localAddresses,
  defaultRoute,
  defaultRoute6,
  routes: { addRoute, removeRoute },
  forwards,
  heldFile: (name) => held.get(name) ?? null,
  mapping: inTurns(nativeMapping),
  openLan,
  openDht: (options) => new DhtProcess(options),
  resolvePeer,
};

/** Runs until SIGTERM or SIGINT; resolves with the exit code. Rejects with a `StartError` if it can't begin. */
export async function runDaemon(given: DaemonFlags): Promise<number> {
  const warnings: string[] = [];
  const config = await loadConfig(withProxy(given, process.env), (warning) => warnings.push(warning));
  const log = new Log(outlets(config), config.log);
  const warn = (problem: string) => log.daemon.warn(problem);
  for (const warning of warnings) warn(warning);
  const manager = ServiceManager.of(process.env, process.pid, sendUnixDatagram, warn);
  held = heldFiles(process.env, process.pid);
  for (const refused of lockDown()) warn(refused);
  const profiling = await beginProfiling(config, log);
  const end = untilEnd(log);
  const daemon = await Daemon.start(config, HOST, log, await version());
  manager.ready();
  const code = await end;
  manager.stopping();
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await daemon.stop();
  await profiling?.end();
  return code;
}

/** Where the log goes. */
function outlets({ logFormat, syslog }: Config): LogStream {
  const stderr = standardError(logFormat);
  if (!syslog) return stderr;
  const complain = (problem: string) => process.stderr.write(`p2p: warning: ${problem}\n`);
  if (SYSTEM.syslog === null)
    throw new StartError(
      'bad-config',
      'syslog: this system has none; expected false, or --log-file for a log in a file',
    );
  const system = new Syslog(SYSTEM.syslog, process.pid, sendUnixDatagram, complain);
  return {
    write: (line) => {
      stderr.write(line);
      system.write(line);
    },
  };
}

/** The proxy that other programs use as well, unless another was named. */
function withProxy(given: DaemonFlags, environment: NodeJS.ProcessEnv): DaemonFlags {
  const proxy = given.proxy ?? (environment['https_proxy'] || environment['HTTPS_PROXY']);
  return proxy === undefined || proxy === '' ? given : { ...given, proxy };
}

/** Resolves with 0 for a signal, with 1 after an error that nothing caught. A second signal ends at once. */
function untilEnd(log: Log): Promise<number> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
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
