/** Pings that wait for their answer. */
import type { Pong } from '../network/io.js';

/** What the answer to a ping tells of its path. */
export type PingAnswer = Omit<Pong, 'request'>;

export class Pings {
  private readonly waiting = new Map<number, (pong: Pong) => void>();
  private last = 0;

  /** Has `send` ask under a number of its own; null if no answer comes within `ms`. */
  async ask(ms: number, send: (request: number) => void): Promise<PingAnswer | null> {
    const request = ++this.last;
    const answer = new Promise<Pong | null>((resolve) => {
      const timer = setTimeout(() => resolve(null), ms);
      this.waiting.set(request, (pong) => {
        clearTimeout(timer);
        resolve(pong);
      });
    });
    send(request);
    const pong = await answer;
    this.waiting.delete(request);
    return pong;
  }

  answered(pong: Pong): void {
    this.waiting.get(pong.request)?.(pong);
  }
}
