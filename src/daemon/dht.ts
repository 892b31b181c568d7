/** The daemon's part in a DHT: where its networks meet unless they say otherwise, and the DHT of its own if it was asked for one. */
import type { DhtProcess } from '../discovery/dht/process.js';
import type { DhtChoice } from '../rpc/fields.js';
import type { Config } from './config.js';
import type { Host } from './host.js';
import type { Log } from './log.js';
import { StartError } from './start-error.js';

export interface DaemonDht {
  readonly process: DhtProcess;
  readonly choice: DhtChoice | 'public';
}

/** A machine that is a DHT of its own meets there, unless it was told where. Throws a `StartError` if no address can be found for it. */
export function openDht(config: Config, host: Host, log: Log): DaemonDht {
  const listen =
    config.dhtListen === null ? null : { host: config.dhtListen.host ?? ownIpv4(host), port: config.dhtListen.port };
  const process = host.openDht({ listen, onProblem: (message) => log.daemon.warn(message) });
  const meetsAtHome = listen !== null && config.dht === 'public';
  return { process, choice: meetsAtHome ? [`${listen.host}:${listen.port}`] : config.dht };
}

function ownIpv4(host: Host): string {
  const address = host.localAddresses(() => false).find(({ ip }) => !ip.includes(':'));
  if (address === undefined)
    throw new StartError(
      'bad-config',
      'dht-listen: this machine has no IPv4 address that others could use; give one as HOST:PORT',
    );
  return address.ip;
}
