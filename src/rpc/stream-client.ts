/** Listens to the daemon: a call that's answered by a row of notifications. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import * as v from 'valibot';
import { ConnectionError, connectionError } from './client.js';
import { errorName, RpcError } from './errors.js';
import { describeIssue } from './schema.js';
import { type Item, type Lost, STREAMS, type Stream, type StreamParams } from './streams.js';
import { quoted } from './text.js';

const RESPONSE = v.union([
  v.object({ result: v.object({}) }),
  v.object({ error: v.object({ code: v.number(), message: v.string() }) }),
]);
const LOST = v.object({ method: v.literal('lost'), params: v.object({ count: v.number() }) });

/**
 * Calls `stream` at the socket `path`; resolves when the daemon has taken it. What comes ends when the daemon ends it, or `signal` is aborted.
 * Rejects, and so does what comes, with an `RpcError` or a `ConnectionError`.
 */
export async function listen<S extends Stream>(
  path: string,
  stream: S,
  params: StreamParams<S>,
  signal: AbortSignal,
): Promise<AsyncIterable<Item<S> | Lost>> {
  const checked = v.safeParse(STREAMS[stream].params, params, { abortEarly: true });
  if (!checked.success) throw new RpcError('invalid-params', describeIssue(checked.issues[0]));
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: stream, params });
  const lines = linesOf(await post(path, body, signal));
  const first = await lines.next();
  const response = v.safeParse(RESPONSE, first.done === true ? null : parse(first.value));
  if (!response.success) throw new ConnectionError('bad-answer', 'what listens at the socket is no p2p daemon');
  const answer = response.output;
  if ('error' in answer) throw new RpcError(errorName(answer.error.code), answer.error.message);
  return items(stream, lines);
}

async function* items<S extends Stream>(stream: S, lines: AsyncGenerator<string>): AsyncGenerator<Item<S> | Lost> {
  const notification = v.union([
    LOST,
    v.object({ method: v.literal(STREAMS[stream].method), params: STREAMS[stream].item }),
  ]);
  for await (const line of lines) {
    const read = v.safeParse(notification, parse(line), { abortEarly: true });
    if (!read.success)
      throw new ConnectionError('bad-answer', `the daemon tells what this version doesn't expect: ${quoted(line)}`);
    const { method, params } = read.output;
    yield method === 'lost' ? { lost: params.count } : (params as Item<S>);
  }
}

/** Hanging up, on either side, is their end. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
  if (rest !== '') yield rest;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function post(socketPath: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = httpRequest({ socketPath, path: '/', method: 'POST', headers, agent: false }, (response) => {
      resolve(response);
    });
    signal.addEventListener('abort', () => request.destroy(), { once: true });
    request.on('error', (error: NodeJS.ErrnoException) => reject(connectionError(socketPath, error)));
    request.end(body);
  });
}
