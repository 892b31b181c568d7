/** A DHT of the test's own, and what daemons say of theirs. */
import { call } from '../../../src/rpc/client.js';
import type { Host } from './host.js';
import { GiveUp, waitFor } from './wait.js';

/** The first port of a DHT's four. */
export const DHT_PORT = 49_737;

/** What members give to `--dht` or `-dht`. */
export function dhtAt(host: Host, port = DHT_PORT): string {
  return `${host.addresses.ipv4}:${port}`;
}

/** Makes a host a DHT of four nodes, and waits until they answer. */
export async function servesDht(host: Host, port = DHT_PORT): Promise<void> {
  const daemon = await host.daemon({ args: ['--no-lan', '--dht-listen', dhtAt(host, port)] });
  await waitFor(`the DHT on ${host.name}`, async () => {
    if (!daemon.running) throw new GiveUp(daemon.log);
    return (await dhtProcess(host)).includes(`DHT of its own at ${dhtAt(host, port)}`);
  });
}

/** What the daemon says of its DHT process. */
export async function dhtProcess(host: Host): Promise<string> {
  return (await call(host.socket, 'daemon.debug', {})).dht;
}

/** Waits until what a host says of a network's DHT matches. */
export function dhtSays(host: Host, hash: string, expected: RegExp, limit?: number): Promise<string> {
  return waitFor(
    `${host.name} to say ${expected} of its DHT`,
    async () => {
      const { dht } = await host.network(hash);
      if (!expected.test(dht)) throw new Error(dht);
      return dht;
    },
    limit,
  );
}
