/** One network's port mapping at work: the machine, its timer, and the requests to the router. */
import { randomBytes } from 'node:crypto';
import type { Endpoint } from '../core/endpoint.js';
import type { DefaultRoute, MappingClient, MappingRequest } from '../core/port-mapping.js';
import {
  PortMapping,
  type PortMappingInput,
  type PortMappingOutput,
  type PortMappingState,
} from '../discovery/port-mapping/port-mapping.js';
import type { Logger } from './log.js';
import { Loop } from './loop.js';

export interface PortMapperOptions {
  readonly client: MappingClient;
  /** ms, monotonic. */
  readonly now: () => number;
  /** UDP port. */
  readonly port: number;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** Where others reach us through the mapping, or null; whenever that changed. */
  readonly onMapped: (external: Endpoint | null) => void;
  readonly log: Logger;
}

/** A router may take this long to take a mapping back, in ms; then it runs out by itself. */
const STOP_MS = 3_000;

export class PortMapper {
  private readonly machine: PortMapping;
  private readonly loop: Loop<PortMappingInput, PortMappingOutput>;
  private readonly requests = new Set<Promise<void>>();

  constructor(private readonly options: PortMapperOptions) {
    this.machine = new PortMapping(options.port, options.nonce, (bytes) => new Uint8Array(randomBytes(bytes)));
    this.loop = new Loop(this.machine, options.now, (outputs) => {
      for (const output of outputs) this.carryOut(output);
    });
  }

  setRoute(route: DefaultRoute | null): void {
    this.loop.feed([{ kind: 'route', route }]);
  }

  state(): PortMappingState {
    return this.machine.state(this.options.now());
  }

  /** Gives the mapping back; resolves when the router has it, or has had its time. */
  async stop(): Promise<void> {
    this.loop.feed([{ kind: 'stop' }]);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([this.idle(), limit]);
    clearTimeout(timer);
    this.loop.stop();
  }

  /** An answer may lead to another request. */
  private async idle(): Promise<void> {
    while (this.requests.size > 0) await Promise.all(this.requests);
  }

  private carryOut(output: PortMappingOutput): void {
    const { client, onMapped, log } = this.options;
    if (output.kind === 'map') this.request(output.request, client.map(output.request));
    else if (output.kind === 'release') this.request(output.request, client.release(output.request));
    else if (output.kind === 'mapped') onMapped(output.external);
    else log.info(output.facts, output.message);
  }

  private request(request: MappingRequest, answering: ReturnType<MappingClient['map']>): void {
    const done = answering.then((answer) => {
      this.requests.delete(done);
      this.loop.feed([{ kind: 'answer', request, answer }]);
    });
    this.requests.add(done);
  }
}
