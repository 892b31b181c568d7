/**
 * The other half of the contract: calls that are answered by a row of notifications, as long as the caller listens. The answer to the POST
 * is JSON lines: first the response, as to any call, then a JSON-RPC notification each.
 *
 *     {"jsonrpc":"2.0","id":1,"result":{}}
 *     {"jsonrpc":"2.0","method":"event","params":{"kind":"peer-connected",…}}
 *     {"jsonrpc":"2.0","method":"lost","params":{"count":12}}
 */
import * as v from 'valibot';
import { eventSchema } from './event-info.js';
import { parseLogLines } from './fields.js';
import { logLineSchema } from './log-line.js';
import { hash, number } from './parameters.js';

export const STREAMS = {
  /** What happens from now on, in the network named or in all. */
  'events.subscribe': {
    params: v.strictObject({ hash: v.optional(hash) }),
    method: 'event',
    item: eventSchema,
  },
  /** The last lines of the log, and with `follow` all that come. */
  'log.subscribe': {
    params: v.strictObject({
      lines: v.optional(number(parseLogLines), 0),
      follow: v.optional(v.boolean(), true),
    }),
    method: 'log',
    item: logLineSchema,
  },
} as const;

export type Stream = keyof typeof STREAMS;
export type StreamParams<S extends Stream> = v.InferInput<(typeof STREAMS)[S]['params']>;
export type ParsedStream<S extends Stream> = v.InferOutput<(typeof STREAMS)[S]['params']>;
export type Item<S extends Stream> = v.InferOutput<(typeof STREAMS)[S]['item']>;

/** Instead of an item: so many had to be left out before the next one, because the listener is slow. */
export interface Lost {
  readonly lost: number;
}

export function isStream(method: unknown): method is Stream {
  return typeof method === 'string' && Object.hasOwn(STREAMS, method);
}

export function isLost(item: object): item is Lost {
  return 'lost' in item;
}
