/** JSON-RPC 2.0 over HTTP: one POST is one request or a batch. Where it listens is the caller's business. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { JSONRPCServer } from 'json-rpc-2.0';
import * as v from 'valibot';
import { ERROR_CODES, type ErrorName, RpcError } from './errors.js';
import { describeIssue, METHODS, type Method, type Parsed, type Result } from './schema.js';
import { openStream, type StreamRequest, type Streams, writeStream } from './stream-server.js';
import { isStream, STREAMS } from './streams.js';
import { quoted } from './text.js';

/** A request's body may have this many bytes. */
export const MAX_REQUEST = 65_536;
/** Of a request that's too large this much is read and thrown away, so that the sender gets to see the answer. */
const MAX_DISCARDED = 16 * MAX_REQUEST;
const MAX_BATCH = 32;
const MAX_CONNECTIONS = 256;

/** `gone` is aborted when the caller has hung up. */
export type Handlers = {
  readonly [M in Method]: (params: Parsed<M>, gone: AbortSignal) => Promise<Result<M>> | Result<M>;
};

/** What the server tells about calls: the method and how it went, never the parameters, which hold secrets. */
export interface CallListener {
  answered(method: string, ms: number): void;
  failed(method: string, reason: ErrorName, error: unknown): void;
}

export function createRpcServer(handlers: Handlers, streams: Streams, listener: CallListener): Server {
  const rpc = methods(handlers, listener);
  const server = createServer((request, response) => {
    void answer({ rpc, streams, listener }, request, response).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 30_000; // for sending a request; an answer may take longer
  return server;
}

const ENVELOPE = v.strictObject({
  jsonrpc: v.literal('2.0', 'expected "2.0"'),
  method: v.string(),
  params: v.optional(v.unknown()),
  id: v.optional(v.nullable(v.union([v.string(), v.number()], 'expected a string or a number'))),
});

function methods(handlers: Handlers, listener: CallListener): JSONRPCServer<AbortSignal> {
  const rpc = new JSONRPCServer<AbortSignal>({ errorListener: () => undefined });
  rpc.mapErrorToJSONRPCErrorResponse = (id, error: unknown) => ({ jsonrpc: '2.0', id, error: errorBody(error) });
  for (const name of Object.keys(METHODS) as Method[]) add(rpc, name, handlers, listener);
  rpc.applyMiddleware(async (next, request, gone) => {
    if (rpc.hasMethod(request.method)) return next(request, gone);
    const error = isStream(request.method)
      ? new RpcError('invalid-request', `${request.method}: expected it alone, not in a batch, and with an id`)
      : unknownMethod(request.method);
    return { jsonrpc: '2.0', id: request.id ?? null, error: errorBody(error) };
  });
  return rpc;
}

function unknownMethod(method: string): RpcError {
  const known = [...Object.keys(METHODS), ...Object.keys(STREAMS)].join(', ');
  return new RpcError('unknown-method', `unknown method ${quoted(method)}; expected one of ${known}`);
}

function add<M extends Method>(rpc: JSONRPCServer<AbortSignal>, name: M, handlers: Handlers, listener: CallListener) {
  rpc.addMethod(name, async (params: unknown, gone: AbortSignal) => {
    const began = performance.now();
    try {
      const checked = v.safeParse(METHODS[name].params, params ?? {}, { abortEarly: true });
      if (!checked.success) throw new RpcError('invalid-params', describeIssue(checked.issues[0]));
      const result = await handlers[name](checked.output as Parsed<M>, gone);
      listener.answered(name, performance.now() - began);
      return result;
    } catch (error) {
      listener.failed(name, error instanceof RpcError ? error.reason : 'internal', error);
      throw error;
    }
  });
}

interface Served {
  readonly rpc: JSONRPCServer<AbortSignal>;
  readonly streams: Streams;
  readonly listener: CallListener;
}

async function answer(served: Served, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'POST') return reply(response, 405, failure('invalid-request', 'expected an HTTP POST'));
  const body = await readBody(request);
  if (body === null)
    return reply(
      response,
      413,
      failure('request-too-large', `the request is too large: expected at most ${MAX_REQUEST} bytes`),
    );
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const result = await respond(served, body, gone.signal, response);
  if (result === STREAMED) return;
  if (result === null) response.writeHead(204).end();
  else reply(response, 200, result);
}

/** The answer has been written as it came. */
const STREAMED = Symbol('streamed');

async function respond(
  { rpc, streams, listener }: Served,
  body: string,
  gone: AbortSignal,
  response: ServerResponse,
): Promise<unknown> {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch (error) {
    return failure('parse-error', `malformed JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const all: unknown[] = Array.isArray(request) ? request : [request];
  if (all.length < 1 || all.length > MAX_BATCH)
    return failure('invalid-request', `expected 1 to ${MAX_BATCH} requests in a batch, got ${all.length}`);
  for (const one of all) {
    const checked = v.safeParse(ENVELOPE, one, { abortEarly: true });
    if (!checked.success) return failure('invalid-request', `not a request: ${describeIssue(checked.issues[0])}`);
  }
  if (isStreamRequest(request)) return stream(streams, listener, request, response, gone);
  return rpc.receive(request as Parameters<typeof rpc.receive>[0], gone);
}

/** Alone and with an id; its envelope was checked. */
function isStreamRequest(request: unknown): request is StreamRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return false;
  return 'method' in request && isStream(request.method) && 'id' in request && request.id !== null;
}

async function stream(
  streams: Streams,
  listener: CallListener,
  request: StreamRequest,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<unknown> {
  try {
    const lines = openStream(streams, request, gone);
    listener.answered(request.method, 0);
    await writeStream(response, request.id, lines, gone);
    return STREAMED;
  } catch (error) {
    if (response.headersSent) throw error;
    listener.failed(request.method, error instanceof RpcError ? error.reason : 'internal', error);
    return { jsonrpc: '2.0', id: request.id, error: errorBody(error) };
  }
}

/** The body as text, or null if it's too large. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_DISCARDED) break;
    if (size <= MAX_REQUEST) chunks.push(chunk);
  }
  return size > MAX_REQUEST ? null : Buffer.concat(chunks).toString('utf8');
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(text);
}

function failure(reason: ErrorName, message: string) {
  return { jsonrpc: '2.0', id: null, error: errorBody(new RpcError(reason, message)) };
}

/** What goes to the caller: of an error without a name only that there was one; the log has the rest. */
function errorBody(error: unknown) {
  if (error instanceof RpcError) return { code: ERROR_CODES[error.reason], message: error.message };
  return { code: ERROR_CODES.internal, message: 'internal error; the log of the daemon has more' };
}
