/** A device in a namespace of its own, driven from the test. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DeviceCommand, DeviceConfig, DeviceEvent, DeviceStats } from '../../src/device/device.js';
import { decode, encode, type Request } from './host-program.js';

type Answer = { done: unknown } | { failed: string; code: string | null };

export class Host {
  readonly events: DeviceEvent[] = [];
  /** How often this namespace's addresses were said to have changed, after `watch`. */
  changes = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: ((answer: Answer) => void)[] = [];
  #onEvent: () => void = () => {};

  /** `prelude`: a shell command that's run before, in the program's own mount namespace. */
  constructor(namespace: string, prelude = '') {
    const program = fileURLToPath(new URL('./host-program.js', import.meta.url));
    const command = [process.execPath, program, 'serve'];
    const shell = ['unshare', '--mount', 'sh', '-c', `${prelude} && exec "$@"`, 'sh'];
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...(prelude === '' ? [] : shell), ...command]);
    this.#child.stderr.pipe(process.stderr);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(decode(line)));
    this.#child.once('exit', () => {
      for (const answer of this.#answers.splice(0)) answer({ failed: 'the host program ended', code: null });
    });
  }

  #take(said: unknown): void {
    const message = said as { events: DeviceEvent[] } | { changed: true } | Answer;
    if ('changed' in message) {
      this.changes++;
      return;
    }
    if (!('events' in message)) {
      this.#answers.shift()?.(message);
      return;
    }
    this.events.push(...message.events);
    this.#onEvent();
  }

  async #ask(request: Request): Promise<unknown> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#answers.push(resolve);
      this.#child.stdin.write(`${encode(request)}\n`);
    });
    if ('failed' in answer) throw Object.assign(new Error(answer.failed), { code: answer.code });
    return answer.done;
  }

  async open(config: DeviceConfig): Promise<void> {
    await this.#ask({ do: 'open', config });
  }

  async apply(...commands: DeviceCommand[]): Promise<void> {
    await this.#ask({ do: 'apply', commands });
  }

  async stats(): Promise<DeviceStats> {
    return (await this.#ask({ do: 'stats' })) as DeviceStats;
  }

  async watch(): Promise<void> {
    await this.#ask({ do: 'watch' });
  }

  async close(): Promise<void> {
    await this.#ask({ do: 'close' });
  }

  /** The first event of a kind since the last `forget`, waited for 5 s. */
  async event<K extends DeviceEvent['kind']>(kind: K): Promise<Extract<DeviceEvent, { kind: K }>> {
    const find = () =>
      this.events.find((event) => event.kind === kind) as Extract<DeviceEvent, { kind: K }> | undefined;
    const found = find();
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${kind} event within 5 s`)), 5_000);
      this.#onEvent = () => {
        const event = find();
        if (event === undefined) return;
        clearTimeout(timer);
        resolve(event);
      };
    });
  }

  forget(): void {
    this.events.length = 0;
  }

  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  }
}
