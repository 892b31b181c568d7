/** Lets only so many requests be under way at once: a router is a small machine, and a daemon may have many networks. */
import type { MappingAnswer, MappingClient } from '../../core/port-mapping.js';

const MAX_REQUESTS = 4;

export function inTurns(client: MappingClient): MappingClient {
  const turns = new Turns();
  return {
    map: (request) => turns.take(() => client.map(request)),
    release: (request) => turns.take(() => client.release(request)),
  };
}

class Turns {
  private running = 0;
  /** Bounded by the networks, each of which waits for one request, or one after its last. */
  private readonly waiting: (() => void)[] = [];

  async take(ask: () => Promise<MappingAnswer>): Promise<MappingAnswer> {
    if (this.running >= MAX_REQUESTS) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await ask();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }
}
