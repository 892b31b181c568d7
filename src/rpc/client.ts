/** Calls the daemon over its unix socket. */
import { request as httpRequest } from 'node:http';
import { JSONRPCClient, JSONRPCErrorException, type JSONRPCResponse } from 'json-rpc-2.0';
import * as v from 'valibot';
import { SYSTEM } from '../system/this-system.js';
import { errorName, RpcError } from './errors.js';
import { describeIssue, METHODS, type Method, type Params, type Result } from './schema.js';

/** An answer may have this many bytes: a few thousand members. */
const MAX_ANSWER = 64 * 2 ** 20;
/** A call takes this long at most, in ms, unless it says otherwise. `start` stretches secrets, which takes a second or so. */
const CALL_MS = 60_000;

/** The daemon wasn't reached, or what it said made no sense. */
export class ConnectionError extends Error {
  constructor(
    readonly reason: 'not-running' | 'permission-denied' | 'timeout' | 'bad-answer',
    message: string,
  ) {
    super(message);
    this.name = 'ConnectionError';
  }
}

/**
 * Calls `method` at the socket `path`, and checks parameters before and the result after. Rejects with an `RpcError` (bad
 * parameters, or what the daemon says went wrong) or a `ConnectionError`. `ms` is the longest that the call may take.
 */
export async function call<M extends Method>(
  path: string,
  method: M,
  params: Params<M>,
  ms = CALL_MS,
): Promise<Result<M>> {
  const checked = v.safeParse(METHODS[method].params, params, { abortEarly: true });
  if (!checked.success) throw new RpcError('invalid-params', describeIssue(checked.issues[0]));
  const answer = await exchange(path, method, params, ms);
  const result = v.safeParse(METHODS[method].result, answer, { abortEarly: true });
  if (result.success) return result.output as Result<M>;
  const issue = describeIssue(result.issues[0]);
  throw new ConnectionError('bad-answer', `the daemon's answer isn't what this version expects: ${issue}`);
}

async function exchange(path: string, method: string, params: unknown, ms: number): Promise<unknown> {
  let failure: unknown; // the library would make an answer of it and lose its kind
  const client = new JSONRPCClient(async (payload) => {
    try {
      client.receive(parseAnswer(await post(path, JSON.stringify(payload), ms)));
    } catch (error) {
      failure = error;
      throw error;
    }
  });
  try {
    return await client.request(method, params);
  } catch (error) {
    if (failure !== undefined) throw failure;
    if (error instanceof JSONRPCErrorException) throw new RpcError(errorName(error.code), error.message);
    throw error;
  }
}

const ANSWER = v.union([
  v.object({ jsonrpc: v.literal('2.0'), id: v.number(), result: v.unknown() }),
  v.object({
    jsonrpc: v.literal('2.0'),
    id: v.nullable(v.number()),
    error: v.object({ code: v.number(), message: v.string() }),
  }),
]);

function parseAnswer(body: string): JSONRPCResponse {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    throw new ConnectionError('bad-answer', 'what listens at the socket is no p2p daemon');
  }
  if (!v.is(ANSWER, answer)) throw new ConnectionError('bad-answer', 'what listens at the socket is no p2p daemon');
  // An error without an id (a request that couldn't be read) can only be about the one request that was sent.
  if ('error' in answer && answer.id === null) throw new RpcError(errorName(answer.error.code), answer.error.message);
  return answer as JSONRPCResponse;
}

function post(socketPath: string, body: string, ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = httpRequest({ socketPath, path: '/', method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER) request.destroy(new ConnectionError('bad-answer', "the daemon's answer is too large"));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', reject);
    });
    const late = new ConnectionError('timeout', `the daemon at ${socketPath} didn't answer within ${ms / 1000} s`);
    const timer = setTimeout(() => request.destroy(late), ms);
    request.on('close', () => clearTimeout(timer));
    request.on('error', (error: NodeJS.ErrnoException) => reject(connectionError(socketPath, error)));
    request.end(body);
  });
}

export function connectionError(path: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof ConnectionError) return error;
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new ConnectionError(
      'permission-denied',
      `no permission to use ${path}: ${SYSTEM.advice.asAdministrator}, or become a member of the group p2p (${SYSTEM.advice.joinGroup})`,
    );
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK')
    return new ConnectionError(
      'not-running',
      `no daemon answers at ${path}; start it with: ${SYSTEM.advice.runDaemon}; or for good, with: ${SYSTEM.advice.installService}`,
    );
  return new ConnectionError('not-running', `the daemon at ${path} hung up: ${error.message}`);
}
