/** A terminal that a program runs in, by tmux(1): what's typed, and what stands there then. */

import { uniqueName } from './owner.js';
import { mustRun, plainEnvironment, run } from './shell.js';
import { waitFor } from './wait.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export class Terminal {
  private constructor(private readonly name: string) {}

  /** Opens one and runs `command` in it, by sh(1); the terminal stays when that has ended, and says its exit code. */
  static async open(
    command: string,
    env: Readonly<Record<string, string>>,
    { columns, rows }: Size,
  ): Promise<Terminal> {
    const terminal = new Terminal(uniqueName('terminal'));
    const size = ['-x', String(columns), '-y', String(rows)];
    // As arguments of its own, so that no login shell comes between and sets another path.
    const told = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const program = ['env', ...told, 'sh', '-c', `trap : INT; ${command}; echo "ended with $?"; exec cat`];
    await terminal.tmux('new-session', '-d', ...size, ...program);
    return terminal;
  }

  /** Keys by their names in tmux(1), e.g. `Tab`, `C-c`; anything else as it is. */
  async type(...keys: readonly string[]): Promise<void> {
    await this.tmux('send-keys', ...keys);
  }

  async resize({ columns, rows }: Size): Promise<void> {
    await this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The lines that can be seen, without the empty ones below. */
  async screen(): Promise<string> {
    return (await this.tmux('capture-pane', '-p')).trimEnd();
  }

  /** Waits until the screen shows that; the screen. */
  shows(what: RegExp): Promise<string> {
    let last = '';
    return waitFor(`${what} on the terminal`, async () => {
      last = await this.screen();
      if (!what.test(last)) throw new Error(`the screen:\n${last}`);
      return last;
    });
  }

  async close(): Promise<void> {
    await run('tmux', ['-L', this.name, 'kill-server']);
  }

  private tmux(...args: readonly string[]): Promise<string> {
    // UTF-8, or tmux draws underscores.
    const env = { ...plainEnvironment(), LC_ALL: 'C.UTF-8' };
    return mustRun('tmux', ['-u', '-L', this.name, '-f', '/dev/null', ...args], { env });
  }
}
