/** A `p2p daemon` of one host, and what became of it. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from './namespace.js';
import { P2P } from './places.js';
import { type Program, plainEnvironment } from './shell.js';
import { GiveUp, waitFor } from './wait.js';

export interface DaemonOptions {
  /** More arguments, e.g. `-no-lan`. */
  readonly args?: readonly string[];
  /** Text of the configuration file. */
  readonly config?: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text of its /etc/hosts, which is then all that it knows of names: no server answers. */
  readonly hosts?: string;
  /** A program with its first arguments that runs the daemon, which it's given as the last ones. */
  readonly through?: readonly string[];
  /** Another version's p2p, which the host's commands are then as well. */
  readonly p2p?: string;
}

export class Daemon {
  readonly #program: Program;
  #meantToEnd = false;

  private constructor(
    readonly host: string,
    readonly socket: string,
    /** The p2p that it is. */
    readonly p2p: string,
    program: Program,
  ) {
    this.#program = program;
  }

  /** Starts one that keeps all its files in `directory`, and waits for its socket. */
  static async start(namespace: Namespace, host: string, directory: string, options: DaemonOptions): Promise<Daemon> {
    const daemon = await Daemon.launch(namespace, host, directory, options);
    await waitFor(`the socket of ${host}'s daemon`, () => {
      if (!daemon.running) throw new GiveUp(`${host}'s daemon ended:\n${daemon.log}`);
      // A stale socket file may lie there: what counts is that the daemon says it answers.
      return namespace.run(daemon.p2p, ['status', '--socket', daemon.socket]).then(({ code }) => code === 0);
    });
    return daemon;
  }

  /** Starts one and doesn't wait. */
  static async launch(namespace: Namespace, host: string, directory: string, options: DaemonOptions): Promise<Daemon> {
    const [state, socket, config] = ['state', 'p2p.sock', 'config.yaml'].map((name) => join(directory, name));
    if (config === undefined || state === undefined || socket === undefined)
      throw new Error('three names give three paths');
    if (options.config !== undefined || !existsSync(config)) await writeFile(config, options.config ?? '');
    const args = ['daemon', '--state', state, '--socket', socket, '--config', config, ...(options.args ?? [])];
    // No test asks the public DHT: a daemon that would meet there must be refused, not merely fail to reach it.
    const env = { ...plainEnvironment(), P2P_NO_PUBLIC_DHT: '1', ...options.env };
    const p2p = options.p2p ?? P2P;
    const [program = p2p, ...rest] = [...(options.through ?? []), p2p, ...args];
    if (options.hosts === undefined) return new Daemon(host, socket, p2p, namespace.start(program, rest, env));
    const hosts = join(directory, 'hosts');
    const resolver = join(directory, 'resolv.conf');
    await Promise.all([writeFile(hosts, options.hosts), writeFile(resolver, 'nameserver 127.0.0.1\n')]);
    // ip-netns(8) has made a mount namespace of its own for it.
    const script = 'mount --bind "$0" /etc/hosts; mount --bind "$1" /etc/resolv.conf; shift; exec "$@"';
    return new Daemon(
      host,
      socket,
      p2p,
      namespace.start('sh', ['-ec', script, hosts, resolver, program, ...rest], env),
    );
  }

  get pid(): number {
    return this.#program.pid;
  }

  get running(): boolean {
    return this.#program.running;
  }

  /** Resolves to its exit code. */
  get exited(): Promise<number> {
    return this.#program.exited;
  }

  /** It ended and nobody asked it to. */
  get crashed(): boolean {
    return !this.#program.running && !this.#meantToEnd;
  }

  /** Everything that it has written so far. */
  get log(): string {
    return this.#program.stdout + this.#program.stderr;
  }

  /** Sends the signal and waits for the end; the exit code. */
  async stop(signal: NodeJS.Signals): Promise<number> {
    this.#meantToEnd = true;
    return this.#program.stop(signal);
  }

  /** Its end is what the test is about. */
  async end(): Promise<number> {
    this.#meantToEnd = true;
    return this.#program.exited;
  }
}
