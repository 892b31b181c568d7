/** The keys of relays, pinned when each was first used: a relay that shows another later isn't the same. */
import type { Pin } from './saved-pins.js';
import type { State } from './state.js';

/** Relays whose keys are kept; the one pinned longest ago makes room. */
const MAX_PINS = 1_024;

export class Pins {
  private constructor(
    private readonly state: State,
    private readonly pins: Map<string, Pin>,
    private readonly onProblem: (message: string) => void,
  ) {}

  static async load(state: State, onProblem: (message: string) => void): Promise<Pins> {
    return new Pins(state, await state.loadPins(), onProblem);
  }

  /** `name`: `HOST:PORT` as people write it. */
  get(name: string): Pin | null {
    return this.pins.get(name) ?? null;
  }

  /** The first key holds. */
  add(name: string, key: Uint8Array): void {
    if (this.pins.has(name)) return;
    const [oldest] = this.pins.keys();
    if (this.pins.size >= MAX_PINS && oldest !== undefined) this.pins.delete(oldest);
    this.pins.set(name, { id: Buffer.from(key).toString('hex'), since: Math.floor(Date.now() / 1000) });
    this.save();
  }

  /** False if there was none. */
  forget(name: string): boolean {
    const had = this.pins.delete(name);
    if (had) this.save();
    return had;
  }

  private save(): void {
    this.state
      .savePins(this.pins)
      .catch((error: Error) => this.onProblem(`the keys of relays can't be saved: ${error.message}`));
  }
}
