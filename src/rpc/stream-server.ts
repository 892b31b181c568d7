/** Answers a call with a row of notifications, no faster than its caller reads. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import * as v from 'valibot';
import { RpcError } from './errors.js';
import { describeIssue } from './schema.js';
import { type Item, isLost, type Lost, type ParsedStream, STREAMS, type Stream } from './streams.js';

/** Each gives what to tell, until `gone` is aborted. */
export type Streams = {
  readonly [S in Stream]: (
    params: ParsedStream<S>,
    gone: AbortSignal,
  ) => Iterable<Item<S> | Lost> | AsyncIterable<Item<S> | Lost>;
};

export interface StreamRequest {
  readonly method: Stream;
  readonly params?: unknown;
  readonly id: string | number;
}

/** What a call is answered with. Throws an `RpcError` if its parameters are wrong, or there's no more room. */
export function openStream(
  streams: Streams,
  { method, params }: StreamRequest,
  gone: AbortSignal,
): AsyncIterable<string> {
  const checked = v.safeParse(STREAMS[method].params, params ?? {}, { abortEarly: true });
  if (!checked.success) throw new RpcError('invalid-params', describeIssue(checked.issues[0]));
  const open = streams[method] as (params: unknown, gone: AbortSignal) => AsyncIterable<object>;
  return notifications(STREAMS[method].method, open(checked.output, gone));
}

/** Ends when they end, or `gone` is aborted. */
export async function writeStream(
  response: ServerResponse,
  id: string | number,
  lines: AsyncIterable<string>,
  gone: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', connection: 'close' });
  response.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: {} })}\n`);
  for await (const line of lines) {
    if (gone.aborted) return;
    if (!response.write(line)) await once(response, 'drain', { signal: gone });
  }
  response.end();
}

async function* notifications(method: string, items: Iterable<object> | AsyncIterable<object>): AsyncGenerator<string> {
  for await (const item of items) {
    const notification = isLost(item) ? { method: 'lost', params: { count: item.lost } } : { method, params: item };
    yield `${JSON.stringify({ jsonrpc: '2.0', ...notification })}\n`;
  }
}
