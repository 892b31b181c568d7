/** `--dht-listen`: this machine as a DHT of its own. Four nodes, because hyperdht wants to see an address from three before it trusts it. */
import { networkInterfaces } from 'node:os';
import HyperDHT from 'hyperdht';
import { BoundedMap } from '../../core/bounded-map.js';

const EMBEDDED_NODES = 4;
/**
 * Requests that one source may send: an answer can be many times its request, so a node without a limit is a weapon. A member that starts needs about
 * a hundred within a second, and all of a site may start at once behind one address.
 */
const PER_SOURCE = { burst: 1_000, perSecond: 200 } as const;
const MAX_SOURCES = 4_096;

/** Starts the nodes on `port` and the three after it; others reach them at `host`, an IPv4 address of this machine or of the router before it. Rejects if one can't be had, and then none is left. */
export async function listen(host: string, port: number): Promise<{ close(): Promise<void> }> {
  const limiter = new SourceLimiter(PER_SOURCE.burst, PER_SOURCE.perSecond, MAX_SOURCES);
  const nodes: HyperDHT[] = [];
  const close = async () => {
    await Promise.all(nodes.map((node) => node.destroy()));
  };
  try {
    for (let i = 0; i < EMBEDDED_NODES; i++) {
      const bootstrap = i === 0 ? [] : [`${host}:${port}`];
      const node = HyperDHT.bootstrapper(port + i, host, { bootstrap, host: bindAddress(host) });
      nodes.push(node);
      limitRequests(node, limiter);
      await node.fullyBootstrapped();
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

/** An answer has to leave from the address that was asked, also where this machine has several. */
function bindAddress(host: string): string {
  const isOurs = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
  return isOurs ? host : '0.0.0.0';
}

/** Every request that a node answers passes this function of its transport; the library has no limit of its own. */
function limitRequests(node: HyperDHT, limiter: SourceLimiter): void {
  const answer = node.io.onrequest;
  node.io.onrequest = (request, external) => {
    if (limiter.allows(request.from.host, performance.now())) answer(request, external);
  };
}

/** A token bucket per source, for the sources heard last. */
export class SourceLimiter {
  private readonly sources: BoundedMap<string, { readonly tokens: number; readonly at: number }>;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    maxSources: number,
  ) {
    this.sources = new BoundedMap(maxSources);
  }

  /** `now`: ms, monotonic. */
  allows(source: string, now: number): boolean {
    const last = this.sources.get(source) ?? { tokens: this.burst, at: now };
    const tokens = Math.min(this.burst, last.tokens + ((now - last.at) / 1000) * this.perSecond);
    this.sources.set(source, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
    return tokens >= 1;
  }
}
