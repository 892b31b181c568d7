/** A TCP flow of no set end, which goes on while a test does something to the network, compared by hash in the end. */
import assert from 'node:assert/strict';
import type { Host } from './host.js';
import { PYTHON, TRANSFER_TOOL } from './places.js';
import type { Program } from './shell.js';
import { waitFor } from './wait.js';

/** The end of a transfer waits for TCP's own retransmissions, which back off while nothing gets through; in ms. */
const END_LIMIT = 90_000;
let lastPort = 5_000;

export class Flow {
  private constructor(
    private readonly giver: Program,
    private readonly taker: Program,
  ) {}

  /** Begins to send from one host to an address of another; returns when it has begun. */
  static async start(from: Host, to: Host, address: string): Promise<Flow> {
    const port = String(++lastPort);
    const taker = to.start(PYTHON, TRANSFER_TOOL, 'take', address, port);
    const giver = from.start(PYTHON, TRANSFER_TOOL, 'give', address, port);
    await waitFor('a transfer to begin', () => giver.stdout.startsWith('ready') && taker.stdout.startsWith('ready'));
    return new Flow(giver, taker);
  }

  /** Ends it: what was taken is what was given. The longest pause that the taker saw, in ms. */
  async end(): Promise<number> {
    this.giver.closeInput();
    await waitFor('the end of a transfer', () => !this.giver.running && !this.taker.running, END_LIMIT);
    const [given = '', bytes = ''] = (this.giver.stdout.split('\n')[1] ?? '').split(' ');
    const [taken, takenBytes, pause] = (this.taker.stdout.split('\n')[1] ?? '').split(' ');
    assert.match(given, /^[0-9a-f]{64}$/, `the sender failed: ${this.giver.stderr}`);
    assert.deepEqual([taken, takenBytes], [given, bytes]);
    return Number(pause);
  }
}

/** Both ways at once: what one direction survives, the other may not. */
export async function flowsBetween(one: Host, oneAddress: string, two: Host, twoAddress: string) {
  return [await Flow.start(one, two, twoAddress), await Flow.start(two, one, oneAddress)] as const;
}
