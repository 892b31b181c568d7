/** Other programs: run to their end, or kept running beside the test. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';

export interface Result {
  /** Exit code; 128 + number of the signal that ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Output of one program that is kept, in characters; of more than that, the end. */
const MAX_OUTPUT = 8_000_000;
/** No program of a test runs for longer, in ms, unless it's started to stay. */
const MAX_RUN = 120_000;

export function runSync(command: string, args: readonly string[]): Result {
  const done = spawnSync(command, args, { encoding: 'utf8', timeout: MAX_RUN });
  return { code: exitCode(done.status, done.signal), stdout: done.stdout ?? '', stderr: done.stderr ?? '' };
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end, whatever its exit code. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const program = new Program(command, args, options.env);
  program.write(options.input ?? '');
  program.closeInput();
  const overrun = setTimeout(() => program.signal('SIGKILL'), MAX_RUN);
  const code = await program.exited;
  clearTimeout(overrun);
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Runs a program that has to succeed; its standard output. */
export async function mustRun(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}

/** This process's environment without what would change what the programs do or say. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('P2P_') && !name.startsWith('NODE_'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/** A program that runs beside the test. */
export class Program {
  /** All programs that run at this moment. */
  static readonly running = new Set<Program>();

  /** Resolves to the exit code when the program has ended and its output is complete. */
  readonly exited: Promise<number>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = plainEnvironment()) {
    this.#child = spawn(command, args, { env, stdio: 'pipe' });
    Program.running.add(this);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout = (this.stdout + text).slice(-MAX_OUTPUT);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-MAX_OUTPUT);
    });
    // A program that ends before it has read its input isn't the test's business.
    this.#child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        Program.running.delete(this);
        resolve(exitCode(code, signal));
      });
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#child.spawnfile} could not be started`);
    return pid;
  }

  get running(): boolean {
    return Program.running.has(this);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end; the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    this.signal(signal);
    return this.exited;
  }
}

function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return signal === null ? 127 : 128 + constants.signals[signal];
}
