/**
 * What somebody can do in a DHT who has hyperdht and perhaps a topic, but isn't a member; run in a network namespace:
 *
 *     serve HOST PORT               is a DHT of four nodes that bear any number of requests of one source; prints `ready`, stays
 *     look  BOOTSTRAP TOPIC…        prints what lies under the topics, and ends
 *     flood BOOTSTRAP COUNT TOPIC   puts as many records of its own making under the topic; prints `ready`, stays
 *     delay BOOTSTRAP HOST:PORT MS  joins as a node that takes its time for every answer; prints `ready`, stays
 */
import { randomBytes } from 'node:crypto';
import HyperDHT from 'hyperdht';
import { MAX_VALUE_BYTES } from '../../../src/discovery/dht/sealed-record.js';

export interface Stored {
  /** Hex, all of them. */
  readonly topic: string;
  readonly key: string;
  readonly value: string | null;
}

const [command, bootstrap = '', ...rest] = process.argv.slice(2);
const ANY_PORT = [0, 0] as const;

if (command === 'serve') await serve(bootstrap, Number(rest[0]));
else if (command === 'look') await look(rest);
else if (command === 'flood') await flood(Number(rest[0]), rest[1] ?? '');
else if (command === 'delay') await delay(rest[0] ?? '', Number(rest[1]));
else if (command !== undefined) throw new Error(`expected serve, look, flood or delay, got ${command}`);

async function serve(host: string, port: number): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const bootstrap = i === 0 ? [] : [`${host}:${port}`];
    await HyperDHT.bootstrapper(port + i, host, { bootstrap, host }).fullyBootstrapped();
  }
  process.stdout.write('ready\n');
}

async function look(topics: readonly string[]): Promise<void> {
  const dht = new HyperDHT({ bootstrap: [bootstrap], port: ANY_PORT });
  const stored: Stored[] = [];
  for (const topic of topics)
    for (const key of await keysUnder(dht, topic)) {
      const found = await dht.mutableGet(Buffer.from(key, 'hex'));
      stored.push({ topic, key, value: found === null ? null : Buffer.from(found.value).toString('hex') });
    }
  process.stdout.write(JSON.stringify(stored));
  await dht.destroy();
}

async function keysUnder(dht: HyperDHT, topic: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const { peers } of dht.lookup(Buffer.from(topic, 'hex')))
    for (const { publicKey } of peers) keys.add(Buffer.from(publicKey).toString('hex'));
  return [...keys];
}

/** Values of every kind: a member's own under another key, the right form and length, too long, too short, empty. */
async function flood(count: number, topic: string): Promise<void> {
  const dht = new HyperDHT({ bootstrap: [bootstrap], port: ANY_PORT });
  const [member] = await keysUnder(dht, topic);
  const stolen = member === undefined ? null : await dht.mutableGet(Buffer.from(member, 'hex'));
  const forms = [
    () => stolen?.value ?? randomBytes(941),
    () => Buffer.concat([Buffer.of(1), randomBytes(940)]),
    () => randomBytes(MAX_VALUE_BYTES),
    () => randomBytes(7),
    () => Buffer.alloc(0),
  ];
  for (let i = 0; i < count; i++) {
    const keyPair = HyperDHT.keyPair(randomBytes(32));
    await dht.announce(Buffer.from(topic, 'hex'), keyPair, []).finished();
    await dht.mutablePut(keyPair, forms[i % forms.length]?.() ?? Buffer.of(), { seq: Number.MAX_SAFE_INTEGER });
  }
  process.stdout.write('ready\n');
}

async function delay(at: string, ms: number): Promise<void> {
  const [host = '', port = ''] = at.split(':');
  const node = HyperDHT.bootstrapper(Number(port), host, { bootstrap: [bootstrap], host });
  const answer = node.io.onrequest;
  node.io.onrequest = (request, external) => void setTimeout(() => answer(request, external), ms);
  await node.fullyBootstrapped();
  process.stdout.write('ready\n');
}
