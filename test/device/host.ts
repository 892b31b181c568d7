/** A device, or the data plane of a relay, in a namespace, driven from the test. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DeviceCommand, DeviceConfig, DeviceEvent, DeviceStats } from '../../src/device/device.js';
import type {
  RelayDeviceCommand,
  RelayDeviceConfig,
  RelayDeviceEvent,
  RelayDeviceStats,
} from '../../src/device/relay-device.js';
import { decode, encode, type Request } from './host-program.js';

type Answer = { done: unknown } | { failed: string; code: string | null };

class Remote<Config, Command, Event extends { readonly kind: string }, Stats> {
  readonly events: Event[] = [];
  /** How often this namespace's addresses were said to have changed, after `watch`. */
  changes = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: ((answer: Answer) => void)[] = [];
  #onEvent: () => void = () => {};

  /** `prelude`: a shell command that's run before, in the program's own mount namespace. */
  constructor(role: 'device' | 'relay', namespace: string, prelude = '') {
    const program = fileURLToPath(new URL('./host-program.js', import.meta.url));
    const command = [process.execPath, program, role];
    const shell = ['unshare', '--mount', 'sh', '-c', `${prelude} && exec "$@"`, 'sh'];
    this.#child = spawn('ip', ['netns', 'exec', namespace, ...(prelude === '' ? [] : shell), ...command]);
    this.#child.stderr.pipe(process.stderr);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(decode(line)));
    this.#child.once('exit', () => {
      for (const answer of this.#answers.splice(0)) answer({ failed: 'the host program ended', code: null });
    });
  }

  #take(said: unknown): void {
    const message = said as { events: Event[] } | { changed: true } | Answer;
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

  protected async ask(request: Request): Promise<unknown> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#answers.push(resolve);
      this.#child.stdin.write(`${encode(request)}\n`);
    });
    if ('failed' in answer) throw Object.assign(new Error(answer.failed), { code: answer.code });
    return answer.done;
  }

  async open(config: Config): Promise<void> {
    await this.ask({ do: 'open', config });
  }

  async apply(...commands: Command[]): Promise<void> {
    await this.ask({ do: 'apply', commands });
  }

  async stats(): Promise<Stats> {
    return (await this.ask({ do: 'stats' })) as Stats;
  }

  async close(): Promise<void> {
    await this.ask({ do: 'close' });
  }

  /** Kills the program with all that it holds. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** The first event of a kind since the last `forget`, waited for 5 s. */
  async event<K extends Event['kind']>(kind: K): Promise<Extract<Event, { kind: K }>> {
    const find = () => this.events.find((event) => event.kind === kind) as Extract<Event, { kind: K }> | undefined;
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

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
  }
}

export class Host extends Remote<DeviceConfig, DeviceCommand, DeviceEvent, DeviceStats> {
  constructor(namespace: string, prelude = '') {
    super('device', namespace, prelude);
  }

  async setAddresses(...addresses: string[]): Promise<void> {
    await this.ask({ do: 'set-addresses', addresses });
  }

  async watch(): Promise<void> {
    await this.ask({ do: 'watch' });
  }
}

export class RelayHost extends Remote<RelayDeviceConfig, RelayDeviceCommand, RelayDeviceEvent, RelayDeviceStats> {
  constructor(namespace: string) {
    super('relay', namespace);
  }
}
