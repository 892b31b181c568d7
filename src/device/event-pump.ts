/** Fetches what a native device has to tell. */
interface Source<Raw> {
  takeEvents(): Raw[];
}

/** Fetches waiting events when the addon says that there are some. */
export class EventPump<Raw, Event> {
  readonly #parse: (raw: Raw) => readonly Event[];
  readonly #onEvents: (events: readonly Event[]) => void;
  #native: Source<Raw> | null = null;

  constructor(parse: (raw: Raw) => readonly Event[], onEvents: (events: readonly Event[]) => void) {
    this.#parse = parse;
    this.#onEvents = onEvents;
  }

  from(native: Source<Raw>): void {
    this.#native = native;
  }

  stop(): void {
    this.#native = null;
  }

  pump(): void {
    const events = this.#native?.takeEvents().flatMap((raw) => this.#parse(raw)) ?? [];
    if (events.length > 0) onOwnStack(() => this.#onEvents(events));
  }
}

/** What a callback throws surfaces as an uncaught exception with its stack, not as a failure inside the addon. */
export function onOwnStack(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
