/** Hands what happens to whoever listens. Nobody who listens slowly holds up anything: its oldest items go, and it's told how many. */
import { RpcError } from '../rpc/errors.js';
import type { Lost } from '../rpc/streams.js';

/** How many may listen to one feed at once. */
export const MAX_SUBSCRIBERS = 32;
/** How many items wait for one of them at most. */
export const MAX_QUEUED = 1_024;

export interface Subscription<T> {
  /** Items that it begins with. */
  readonly begin?: readonly T[];
  readonly wants?: (item: T) => boolean;
  /** Aborted when nobody listens any more. */
  readonly gone: AbortSignal;
}

export class Feed<T extends object> {
  private readonly queues = new Set<Queue<T>>();
  private closed = false;
  private lost = 0;

  /** `what`: of what it is, for the error that there are too many who listen. */
  constructor(private readonly what: string) {}

  get subscribers(): number {
    return this.queues.size;
  }

  /** Items that were left out because somebody was slow, in all. */
  get lostItems(): number {
    return this.lost;
  }

  publish(item: T): void {
    for (const queue of this.queues) this.lost += queue.push(item);
  }

  /** From now on. Throws an `RpcError` if too many listen already. It ends when its listener is gone, or the feed is closed. */
  subscribe({ begin = [], wants = () => true, gone }: Subscription<T>): AsyncIterable<T | Lost> {
    if (this.closed) throw new RpcError('stopping', 'the daemon is stopping');
    if (this.queues.size >= MAX_SUBSCRIBERS)
      throw new RpcError('too-many', `expected at most ${MAX_SUBSCRIBERS} who listen to ${this.what} at once`);
    const queue = new Queue(wants);
    for (const item of begin) queue.push(item);
    this.queues.add(queue);
    const leave = () => {
      this.queues.delete(queue);
      queue.end();
    };
    if (gone.aborted) leave();
    else gone.addEventListener('abort', leave, { once: true });
    return queue.items();
  }

  /** Whoever listens gets what waits, and then the end. */
  close(): void {
    this.closed = true;
    for (const queue of this.queues) queue.end();
    this.queues.clear();
  }
}

/** What waits for one who listens. */
class Queue<T extends object> {
  private readonly waiting: T[] = [];
  private dropped = 0;
  private ended = false;
  private wake = (): void => undefined;

  constructor(private readonly wants: (item: T) => boolean) {}

  /** How many had to go. */
  push(item: T): number {
    if (this.ended || !this.wants(item)) return 0;
    this.waiting.push(item);
    const excess = this.waiting.length > MAX_QUEUED ? 1 : 0;
    if (excess > 0) this.waiting.shift();
    this.dropped += excess;
    this.wake();
    return excess;
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *items(): AsyncGenerator<T | Lost> {
    for (;;) {
      if (this.dropped > 0) {
        const lost = this.dropped;
        this.dropped = 0;
        yield { lost };
      }
      const next = this.waiting.shift();
      if (next !== undefined) yield next;
      else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }
}
