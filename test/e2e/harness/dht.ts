/** A DHT of the test's own, what daemons say of theirs, and what others can do in it. */
import { nearbyDays } from '../../../src/core/days.js';
import { type RendezvousSecrets, topicOf } from '../../../src/discovery/dht/sealed-record.js';
import { networkSecrets, rootSecret } from '../../../src/network/secrets.js';
import { call } from '../../../src/rpc/client.js';
import type { Stored } from '../programs/dht.js';
import type { Host } from './host.js';
import { DHT_PROGRAM } from './places.js';
import type { Program } from './shell.js';
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

/** A network's topics of yesterday, today and tomorrow, hex. */
export async function topicsOf(hash: string): Promise<readonly [string, string, string]> {
  const [yesterday, today, tomorrow] = nearbyDays(Date.now());
  const secrets = await rendezvousSecrets(hash);
  const topic = (day: string) => Buffer.from(topicOf(secrets, day)).toString('hex');
  return [topic(yesterday), topic(today), topic(tomorrow)];
}

/** What all members of a network share, and an announce secret that's nobody's. */
export async function rendezvousSecrets(hash: string): Promise<RendezvousSecrets> {
  return { ...networkSecrets(await rootSecret(hash)), announceSecret: new Uint8Array(32) };
}

/** What lies in a DHT under these topics. */
export async function lookIntoDht(host: Host, bootstrap: string, topics: readonly string[]): Promise<Stored[]> {
  return JSON.parse(await host.must(process.execPath, DHT_PROGRAM, 'look', bootstrap, ...topics)) as Stored[];
}

/** Makes a host a DHT that, unlike the daemon's own, sets no source a limit. */
export function servesDhtToAnyNumber(host: Host): Promise<Program> {
  return staying(host, 'serve', host.addresses.ipv4, String(DHT_PORT));
}

/** Puts so many records of no member under a topic. */
export function floodsTopic(host: Host, bootstrap: string, count: number, topic: string): Promise<Program> {
  return staying(host, 'flood', bootstrap, String(count), topic);
}

/** Makes a host one more node of a DHT, which takes `ms` for every answer; where it is. */
export async function joinsSlowly(host: Host, bootstrap: string, ms: number): Promise<string> {
  await staying(host, 'delay', bootstrap, dhtAt(host), String(ms));
  return dhtAt(host);
}

async function staying(host: Host, ...args: string[]): Promise<Program> {
  const program = host.start(process.execPath, DHT_PROGRAM, ...args);
  await waitFor(`${host.name} to be ready to ${args[0]}`, () => {
    if (!program.running) throw new GiveUp(program.stderr);
    return program.stdout === 'ready\n';
  });
  return program;
}
