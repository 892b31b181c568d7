/** The only thing that drives a network's machine: hands it what happens with the time, and wakes it at its deadline. */
import type { NetworkInput, NetworkOutput } from '../network/io.js';

/** What the loop needs of a machine; `Network` is one. */
export interface Machine {
  handle(now: number, input: NetworkInput): NetworkOutput[];
  deadline(): number;
}

/** The longest that a timer of Node can wait, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Loop {
  private timer: NodeJS.Timeout | null = null;
  private last = Number.NEGATIVE_INFINITY;
  private readonly waiting: { input: NetworkInput; at: number }[] = [];
  private busy = false;
  private stopped = false;

  /** `now` in ms, monotonic; `carryOut` gets the outputs of each input in order. */
  constructor(
    private readonly machine: Machine,
    private readonly now: () => number,
    private readonly carryOut: (outputs: readonly NetworkOutput[]) => void,
  ) {}

  /** `at`: when it happened, now if it isn't said. Inputs that come while outputs are carried out wait for their turn. */
  feed(inputs: readonly NetworkInput[], at = this.now()): void {
    if (this.stopped) return;
    for (const input of inputs) this.waiting.push({ input, at: input.kind === 'device' ? input.event.at : at });
    if (this.busy) return;
    this.busy = true;
    try {
      this.drain();
    } finally {
      this.busy = false;
    }
    this.schedule();
  }

  /** Nothing is handled after this. */
  stop(): void {
    this.stopped = true;
    this.waiting.length = 0;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private drain(): void {
    while (this.waiting.length > 0) {
      const outputs: NetworkOutput[] = [];
      for (const { input, at } of this.waiting.splice(0)) {
        this.last = Math.max(this.last, at); // the machine's time never runs backwards
        outputs.push(...this.machine.handle(this.last, input));
      }
      this.carryOut(outputs);
    }
  }

  private schedule(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const deadline = this.machine.deadline();
    if (this.stopped || deadline === Number.POSITIVE_INFINITY) return;
    // At least 1 ms, so that a deadline in the past can't keep everything else from running.
    const wait = Math.min(Math.max(Math.ceil(deadline - this.now()), 1), MAX_TIMER_MS);
    this.timer = setTimeout(() => this.feed([{ kind: 'tick' }]), wait);
  }
}
