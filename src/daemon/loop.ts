/** The only thing that drives a machine: hands it what happens with the time, and wakes it at its deadline. */

/** What every machine takes: its deadline has come. */
interface Tick {
  readonly kind: 'tick';
}

/** What the loop needs of a machine; `Network` is one. */
export interface Machine<Input, Output> {
  handle(now: number, input: Input | Tick): Output[];
  deadline(): number;
}

/** The longest that a timer of Node can wait, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Loop<Input, Output> {
  private timer: NodeJS.Timeout | null = null;
  private last = Number.NEGATIVE_INFINITY;
  private readonly waiting: (Input | Tick)[] = [];
  private busy = false;
  private stopped = false;

  /** `now` in ms, monotonic; `carryOut` gets the outputs of each input in order. */
  constructor(
    private readonly machine: Machine<Input, Output>,
    private readonly now: () => number,
    private readonly carryOut: (outputs: readonly Output[]) => void,
  ) {}

  /** Inputs that come while outputs are carried out wait for their turn. */
  feed(inputs: readonly (Input | Tick)[]): void {
    if (this.stopped) return;
    this.waiting.push(...inputs);
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

  /** Carries out the outputs of each input before the next: what's sent should leave close to the time that the machine noted. */
  private drain(): void {
    for (let input = this.waiting.shift(); input !== undefined; input = this.waiting.shift()) {
      this.last = Math.max(this.last, this.now()); // the machine's time never runs backwards
      this.carryOut(this.machine.handle(this.last, input));
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
