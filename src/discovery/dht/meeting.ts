/** One network's rendezvous in the DHT, at work: the machine, its timer, and the node that carries its requests. */
import { randomBytes } from 'node:crypto';
import type { Endpoint } from '../../core/endpoint.js';
import { publicKeyOf } from './announce-key.js';
import type { Answer, DhtNode, DhtProcess } from './process.js';
import { Rendezvous, type RendezvousInput, type RendezvousOutput, type RendezvousRequest } from './rendezvous.js';
import type { RendezvousSecrets } from './sealed-record.js';

export interface MeetingOptions {
  readonly process: DhtProcess;
  /** Where the DHT begins; null for the public one. */
  readonly bootstrap: readonly string[] | null;
  readonly secrets: RendezvousSecrets;
  readonly bootCounter: number;
  /** A member's record, not yet verified. */
  readonly onFound: (record: Uint8Array) => void;
  /** Nodes of the DHT, which can tell where they see us. */
  readonly onNodes: (nodes: readonly Endpoint[]) => void;
  readonly onProblem: (text: string) => void;
}

/** How long a problem is shown, in ms. */
const SHOWN_FOR = 10 * 60_000;

export class Meeting {
  private readonly machine: Rendezvous;
  private readonly node: DhtNode;
  private timer: NodeJS.Timeout | null = null;
  private dropped = 0;
  private problem: { readonly text: string; readonly at: number } | null = null;
  private closed = false;

  constructor(private readonly options: MeetingOptions) {
    const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
    this.machine = new Rendezvous(options.secrets, publicKeyOf, random, options.bootCounter);
    this.node = options.process.join(options.bootstrap, {
      changed: (isReady) => this.feed({ kind: isReady ? 'ready' : 'lost' }),
      nodes: (nodes) => options.onNodes(nodes),
    });
  }

  /** Our member record, first or changed. */
  setRecord(record: Uint8Array): void {
    this.feed({ kind: 'record', record });
  }

  /** In words, e.g. "4 nodes, announced 20 s ago, 2 members found". */
  state(): string {
    const foreign =
      this.dropped === 0 ? '' : `, ${this.dropped} foreign record${this.dropped === 1 ? '' : 's'} dropped`;
    const machine = this.machine.state(performance.now());
    return machine === null ? this.node.state() : `${this.node.state()}, ${machine}${foreign}`;
  }

  /** How many nodes of the DHT are known. */
  nodes(): number {
    return this.node.count();
  }

  /** The same in numbers. */
  figures(): { readonly nodes: number; readonly found: number; readonly announcedMs: number | null } {
    return { nodes: this.node.count(), ...this.machine.figures(performance.now()) };
  }

  /** What a person should know, as long as it's news. */
  problems(): string[] {
    return this.problem === null || this.problem.at + SHOWN_FOR < performance.now() ? [] : [this.problem.text];
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.node.close();
  }

  private feed(input: RendezvousInput): void {
    if (this.closed) return;
    for (const output of this.machine.handle(performance.now(), Date.now(), input)) this.carryOut(output);
    this.schedule();
  }

  private carryOut(output: RendezvousOutput): void {
    if (output.kind === 'request') this.request(output.request);
    else if (output.kind === 'found') this.options.onFound(output.record);
    else if (output.kind === 'problem') this.tell(output.text);
    else this.dropped++;
  }

  private tell(text: string): void {
    if (this.problems()[0] !== text) this.options.onProblem(text);
    this.problem = { text, at: performance.now() };
  }

  private request(request: RendezvousRequest): void {
    const { day, ...message } = request;
    this.node.request(message, (answer) => {
      const input = inputFrom(request, answer);
      if (input !== null) this.feed(input);
    });
  }

  /** At least 10 ms, so that a deadline in the past can't keep everything else from running. */
  private schedule(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const wait = Math.min(this.machine.deadline() - performance.now(), 60_000);
    this.timer = setTimeout(() => this.feed({ kind: 'tick' }), Math.max(wait, 10));
  }
}

function inputFrom(request: RendezvousRequest, answer: Answer): RendezvousInput | null {
  const { day } = request;
  if (answer.kind === 'published') return { kind: 'published', day, error: answer.error };
  if (answer.kind === 'looked') return { kind: 'looked', day, keys: answer.keys };
  return request.kind === 'fetch'
    ? { kind: 'fetched', day, key: request.key, value: answer.value, sequence: answer.sequence }
    : null;
}
