/** The DHT child from the daemon's side: started when it's needed, started again when it dies, its answers handed to whoever asked. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Endpoint, parseEndpoint } from '../../core/endpoint.js';
import { type FromChild, parseFromChild, type ToChild } from './messages.js';

/** Waits before the child is started again, in ms; the first again after it has lived for a while. */
const RESTART = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
const STABLE_AFTER = 60_000;
/** Requests that wait for an answer, of all networks. */
const MAX_PENDING = 1_024;
/** Heap that the child may take, in MiB. */
const HEAP_LIMIT = 128;

export interface DhtAddress {
  readonly host: string;
  readonly port: number;
}

export interface DhtProcessOptions {
  /** Makes this machine a DHT of its own as well, or null. */
  readonly listen: DhtAddress | null;
  readonly onProblem: (message: string) => void;
}

/** A client of one DHT in the child. Its events come in order; `lost` when the child died, `ready` when it's there (again). */
export interface DhtNode {
  request(request: NodeRequest, onAnswer: (answer: Answer) => void): void;
  /** DHT nodes that it knows, or why there's no client. */
  state(): string;
  /** DHT nodes that it knows. */
  count(): number;
  close(): void;
}

type Requests = Extract<ToChild, { request: number }>;
export type NodeRequest = Requests extends infer R ? (R extends Requests ? Omit<R, 'node' | 'request'> : never) : never;
export type Answer = Extract<FromChild, { request: number }>;

/** What a client of a DHT tells. */
export interface NodeEvents {
  /** True whenever it can be asked, false when it can't any more. */
  changed(isReady: boolean): void;
  /** Some of the DHT's nodes. */
  nodes(nodes: readonly Endpoint[]): void;
}

interface NodeEntry {
  readonly bootstrap: readonly string[] | null;
  readonly events: NodeEvents;
  count: number;
  error: string | null;
}

export class DhtProcess {
  private child: ChildProcess | null = null;
  private isReady = false;
  private startedAt = 0;
  private deaths = 0;
  private restart: NodeJS.Timeout | null = null;
  private listening: 'no' | 'yes' | { readonly error: string } = 'no';
  private last = 0;
  private readonly nodes = new Map<number, NodeEntry>();
  private readonly pending = new Map<number, { readonly node: number; readonly onAnswer: (answer: Answer) => void }>();
  /** Why there's no DHT on this platform, if there's none. */
  private unavailable: string | null = null;
  private closed = false;

  constructor(private readonly options: DhtProcessOptions) {
    if (options.listen !== null) this.start();
  }

  /** Starts the process before somebody needs it: that takes a moment, and asks nobody anything. */
  prepare(): void {
    this.start();
  }

  /** Joins the DHT of these nodes (null: the public one). */
  join(bootstrap: readonly string[] | null, events: NodeEvents): DhtNode {
    const node = ++this.last;
    const entry: NodeEntry = { bootstrap, events, count: 0, error: null };
    this.nodes.set(node, entry);
    if (this.isReady) this.joinNode(node, entry);
    else this.start();
    return {
      request: (request, onAnswer) => this.request(node, request, onAnswer),
      state: () => entry.error ?? (this.isReady ? `${entry.count} node${entry.count === 1 ? '' : 's'}` : this.state()),
      count: () => entry.count,
      close: () => this.leaveNode(node),
    };
  }

  /** Of the process itself, in words. */
  state(): string {
    if (this.closed) return 'stopped';
    if (this.unavailable !== null) return `not on this machine: ${this.unavailable}`;
    if (this.child === null)
      return this.deaths === 0 ? 'not needed' : `died ${times(this.deaths)}, waiting to start it again`;
    const own = this.options.listen === null ? '' : this.listenState(this.options.listen);
    const restarted = this.deaths === 0 ? '' : `, restarted ${times(this.deaths)}`;
    return this.isReady ? `running${restarted}${own}` : `starting${restarted}`;
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.restart !== null) clearTimeout(this.restart);
    const { child } = this;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    const kill = setTimeout(() => child.kill('SIGKILL'), 2_000);
    await ended;
    clearTimeout(kill);
  }

  private listenState({ host, port }: DhtAddress): string {
    if (this.listening === 'yes') return `, DHT of its own at ${host}:${port}`;
    return typeof this.listening === 'object' ? `, no DHT of its own: ${this.listening.error}` : '';
  }

  private start(): void {
    if (this.closed || this.unavailable !== null || this.child !== null || this.restart !== null) return;
    this.startedAt = performance.now();
    const script = fileURLToPath(new URL('./child.js', import.meta.url));
    const child = fork(script, [], {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${HEAP_LIMIT}`],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.child = child;
    child.on('message', (message) => this.receive(message));
    child.on('error', (error) => this.options.onProblem(`the DHT process: ${error.message}`));
    child.once('exit', (code, signal) => this.died(signal ?? `exit code ${code}`));
  }

  private died(how: string): void {
    this.child = null;
    this.isReady = false;
    this.listening = 'no';
    if (this.closed || this.unavailable !== null) return;
    if (performance.now() - this.startedAt > STABLE_AFTER) this.deaths = 0;
    const wait = RESTART[Math.min(this.deaths++, RESTART.length - 1)] ?? 0;
    this.options.onProblem(`the DHT process ended (${how}); it's started again in ${wait / 1000} s`);
    this.pending.clear();
    for (const entry of this.nodes.values()) entry.events.changed(false);
    this.restart = setTimeout(() => {
      this.restart = null;
      this.start();
    }, wait);
  }

  private receive(message: unknown): void {
    const parsed = parseFromChild(message);
    if (parsed === null) return;
    switch (parsed.kind) {
      case 'ready':
        this.isReady = true;
        if (this.options.listen !== null) this.send({ kind: 'listen', ...this.options.listen });
        for (const [node, entry] of this.nodes) this.joinNode(node, entry);
        break;
      case 'unavailable':
        this.unavailable = parsed.error;
        this.options.onProblem(`there is no DHT on this machine: ${parsed.error}`);
        break;
      case 'listening':
        this.listening = 'yes';
        break;
      case 'listen-failed':
        this.listening = { error: parsed.error };
        this.options.onProblem(`no DHT of its own: ${parsed.error}`);
        break;
      case 'nodes':
        this.counted(parsed.node, parsed.count, parsed.some);
        break;
      case 'join-failed':
        this.joinFailed(parsed.node, parsed.error);
        break;
      default:
        this.pending.get(parsed.request)?.onAnswer(parsed);
        this.pending.delete(parsed.request);
    }
  }

  private counted(node: number, count: number, some: readonly string[]): void {
    const entry = this.nodes.get(node);
    if (entry === undefined) return;
    entry.count = count;
    entry.events.nodes(some.flatMap((text) => parseEndpoint(text) ?? []));
  }

  private joinFailed(node: number, error: string): void {
    const entry = this.nodes.get(node);
    if (entry === undefined) return;
    entry.error = error;
    entry.events.changed(false);
  }

  private joinNode(node: number, entry: NodeEntry): void {
    entry.error = null;
    this.send({ kind: 'join', node, bootstrap: entry.bootstrap === null ? null : [...entry.bootstrap] });
    entry.events.changed(true);
  }

  private leaveNode(node: number): void {
    this.nodes.delete(node);
    for (const [request, pending] of this.pending) if (pending.node === node) this.pending.delete(request);
    if (this.isReady) this.send({ kind: 'leave', node });
  }

  private request(node: number, request: NodeRequest, onAnswer: (answer: Answer) => void): void {
    if (!this.isReady || this.pending.size >= MAX_PENDING) return; // the machine that asked has its own limit of time
    const id = ++this.last;
    this.pending.set(id, { node, onAnswer });
    this.send({ ...request, node, request: id });
  }

  private send(message: ToChild): void {
    if (this.child?.connected) this.child.send(message, () => undefined);
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
