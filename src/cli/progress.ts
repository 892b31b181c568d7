/** Says that something goes on, where it takes over a second: on a terminal as one line that moves and goes again, elsewhere as a plain line after a while. */

/** What's done sooner needs no word, in ms. */
const SHOW_AFTER = 1_000;
/** Off a terminal a line is for the log that it ends up in: only for what really takes long, in ms. */
const TELL_AFTER = 10_000;
const FRAME_MS = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Only the outermost is shown: what it says is what the person waits for. */
let shown: Progress | null = null;

export class Progress {
  private readonly began = performance.now();
  private readonly timer: NodeJS.Timeout;
  private told = '';
  private drawn = false;

  private constructor(
    private text: string,
    private readonly stream: NodeJS.WriteStream,
  ) {
    this.timer = setInterval(() => this.tick(), FRAME_MS).unref();
  }

  /** Runs `task`, and says `text` while that takes long; the task may change what's said. */
  static async during<T>(text: string, task: (say: (text: string) => void) => Promise<T>): Promise<T> {
    if (shown !== null) return task(() => undefined);
    const progress = new Progress(text, process.stderr);
    shown = progress;
    try {
      return await task((other) => {
        progress.text = other;
      });
    } finally {
      shown = null;
      progress.end();
    }
  }

  private tick(): void {
    const ms = performance.now() - this.began;
    if (!this.stream.isTTY) {
      if (ms >= TELL_AFTER && this.text !== this.told) this.stream.write(`p2p: ${this.text}\n`);
      if (ms >= TELL_AFTER) this.told = this.text;
    } else if (ms >= SHOW_AFTER) this.draw(ms);
  }

  private draw(ms: number): void {
    const frame = FRAMES[Math.floor(ms / FRAME_MS) % FRAMES.length];
    const line = `${frame} ${this.text} (${Math.floor(ms / 1000)} s)`;
    this.stream.write(`\r${[...line].slice(0, this.stream.columns - 1).join('')}\x1b[K`);
    this.drawn = true;
  }

  private end(): void {
    clearInterval(this.timer);
    if (this.drawn) this.stream.write('\r\x1b[K');
  }
}
