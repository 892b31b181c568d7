/** Requests for port mappings, carried out in Rust. */
import { parseEndpoint } from '../core/endpoint.js';
import type { MappingAnswer, MappingClient, MappingFailure, MappingRequest } from '../core/port-mapping.js';
import { loadAddon } from './native.js';

/** `reason` and `error` if it failed; the rest if a port was mapped. */
interface NativeMappingAnswer {
  readonly reason?: string;
  readonly error?: string;
  readonly external?: string;
  readonly lifetimeSeconds?: number;
}

type AskRouter = (request: MappingRequest, done: (answer: NativeMappingAnswer) => void) => void;

interface MappingAddon {
  mapPort: AskRouter;
  releasePort: AskRouter;
}

const addon = () => loadAddon() as MappingAddon;

/** Asks the router, each request on a thread of its own. */
export const nativeMapping: MappingClient = {
  map: (request) => askRouter((done) => addon().mapPort(request, done)),
  release: (request) => askRouter((done) => addon().releasePort(request, done)),
};

function askRouter(ask: (done: (answer: NativeMappingAnswer) => void) => void): Promise<MappingAnswer> {
  return new Promise((resolve) => {
    try {
      ask((answer) => resolve(parseMappingAnswer(answer)));
    } catch (error) {
      resolve({ kind: 'failed', reason: 'failed', error: error instanceof Error ? error.message : String(error) });
    }
  });
}

const REASONS: readonly MappingFailure['reason'][] = ['no-answer', 'refused', 'failed'];

function parseMappingAnswer({ reason, error, external, lifetimeSeconds }: NativeMappingAnswer): MappingAnswer {
  const failed = REASONS.find((known) => known === reason);
  if (failed !== undefined) return { kind: 'failed', reason: failed, error: error ?? failed };
  if (external === undefined || lifetimeSeconds === undefined) return { kind: 'released' };
  const endpoint = parseEndpoint(external);
  if (endpoint === null)
    return { kind: 'failed', reason: 'failed', error: `the router mapped to ${external}, which is no endpoint` };
  return { kind: 'mapped', external: endpoint, lifetimeSeconds };
}
