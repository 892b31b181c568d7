/** One client of one DHT, on hyperdht: every answer bounded in number, size and time. Runs in the child. */
import HyperDHT from 'hyperdht';
import { MAX_KEYS_PER_LOOK, MAX_NODES_TOLD } from './messages.js';
import { MAX_VALUE_BYTES } from './sealed-record.js';
import { whyUnheard } from './unheard.js';

/** What a query may take, in ms; a lying node can only be slow, not endless. */
const QUERY_LIMIT = 20_000;
/** A port of the system's choice: a number, also 0, would mean the library's own default. */
const ANY_PORT = [0, 0] as const;
/** Changes of the nodes that it knows come in bursts: they're told this long after the first, in ms. */
const SETTLE = 200;

export class DhtClient {
  private readonly dht: HyperDHT;
  private telling: NodeJS.Timeout | null = null;

  constructor(
    private readonly bootstrap: readonly string[],
    private readonly onNodes: (count: number, some: string[]) => void,
  ) {
    if (!Array.isArray(bootstrap)) throw new TypeError('expected a list of DHT nodes that someone chose, got none');
    this.dht = new HyperDHT({ bootstrap, port: ANY_PORT });
    for (const event of ['add-node', 'remove-node']) this.dht.on(event, () => this.tellSoon());
  }

  /** Announces the key of `seed` under `topic` and puts `value` under it. Null, or why it didn't work. */
  async publish(topic: Uint8Array, seed: Uint8Array, sequence: number, value: Uint8Array): Promise<string | null> {
    const keyPair = HyperDHT.keyPair(seed);
    const problem = await limited(async () => {
      const announced = this.dht.announce(topic, keyPair, []);
      const [, put] = await Promise.all([announced.finished(), this.dht.mutablePut(keyPair, value, { seq: sequence })]);
      return put.closestNodes.length === 0 ? 'no DHT node answered' : null;
    }, messageOf);
    return problem !== null && this.dht.nodes.length === 0 ? await whyUnheard(this.bootstrap) : problem;
  }

  /** Keys announced under `topic`, each once. */
  async look(topic: Uint8Array): Promise<Uint8Array[]> {
    const keys = new Map<string, Uint8Array>();
    const query = this.dht.lookup(topic);
    const read = async () => {
      for await (const { peers } of query) {
        for (const { publicKey } of peers) {
          if (publicKey.length === 32 && keys.size < MAX_KEYS_PER_LOOK)
            keys.set(Buffer.from(publicKey).toString('hex'), new Uint8Array(publicKey));
        }
      }
    };
    await limited(read, () => undefined);
    return [...keys.values()];
  }

  /** The newest value under a key, if any node has one. */
  async fetch(key: Uint8Array): Promise<{ readonly value: Uint8Array | null; readonly sequence: number }> {
    const found = await limited(
      () => this.dht.mutableGet(key),
      () => null,
    );
    if (found === null || found.value.length > MAX_VALUE_BYTES || !Number.isSafeInteger(found.seq))
      return { value: null, sequence: 0 };
    return { value: new Uint8Array(found.value), sequence: found.seq };
  }

  private tellSoon(): void {
    this.telling ??= setTimeout(() => {
      this.telling = null;
      const some = this.dht.toArray({ limit: MAX_NODES_TOLD }).map(({ host, port }) => `${host}:${port}`);
      this.onNodes(this.dht.nodes.length, some);
    }, SETTLE);
  }

  async close(): Promise<void> {
    if (this.telling !== null) clearTimeout(this.telling);
    await this.dht.destroy();
  }
}

/** The result of `work`, or what `otherwise` makes of its failure or its taking too long. */
async function limited<T, U>(work: () => Promise<T>, otherwise: (error: unknown) => U): Promise<T | U> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${QUERY_LIMIT / 1000} s`)), QUERY_LIMIT);
  });
  try {
    return await Promise.race([work(), limit]);
  } catch (error) {
    return otherwise(error);
  } finally {
    clearTimeout(timer);
  }
}

export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
