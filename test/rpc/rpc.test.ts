/** Client and server over a real unix socket. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Feed, MAX_QUEUED } from '../../src/daemon/feed.js';
import { call } from '../../src/rpc/client.js';
import { ERROR_CODES, RpcError } from '../../src/rpc/errors.js';
import type { LogLine } from '../../src/rpc/log-line.js';
import { createRpcServer, type Handlers, MAX_REQUEST } from '../../src/rpc/server.js';
import { listen as listenTo } from '../../src/rpc/stream-client.js';
import type { Streams } from '../../src/rpc/stream-server.js';
import { collect } from '../core/collect.js';

const NO_SUCH = () => {
  throw new RpcError('no-such-network', 'no network has this hash');
};

interface Served {
  readonly path: string;
  /** What the listener was told, as text. */
  readonly told: string[];
}

const NO_STREAMS: Streams = { 'events.subscribe': () => [], 'log.subscribe': () => [] };

async function serve(
  t: TestContext,
  handlers: Partial<Handlers> = {},
  streams: Partial<Streams> = {},
): Promise<Served> {
  const told: string[] = [];
  const all: Handlers = {
    'daemon.version': () => ({ version: '1.2.3' }),
    'daemon.status': () => ({ version: '1.2.3', upMs: 1, log: 'INFO', networks: [], relay: null, problems: [] }),
    'daemon.debug': NO_SUCH,
    'daemon.netcheck': NO_SUCH,
    'network.start': NO_SUCH,
    'network.stop': NO_SUCH,
    'network.peers': NO_SUCH,
    'peer.block': NO_SUCH,
    'peer.unblock': NO_SUCH,
    'peer.accept': NO_SUCH,
    'network.set': NO_SUCH,
    'network.set-addresses': NO_SUCH,
    'relay.forget': NO_SUCH,
    'network.add-keys': NO_SUCH,
    'network.keys': NO_SUCH,
    'network.check': () => ({ connected: true }),
    'network.wait': () => ({ connected: true }),
    'member.ping': NO_SUCH,
    'log.set': () => ({}),
    'device.set': () => ({}),
    ...handlers,
  };
  const server = createRpcServer(
    all,
    { ...NO_STREAMS, ...streams },
    {
      answered: (method) => told.push(`answered ${method}`),
      failed: (method, reason) => told.push(`failed ${method} ${reason}`),
    },
  );
  return { path: await listen(t, server), told };
}

async function listen(t: TestContext, server: Server | ReturnType<typeof createNetServer>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p2p-rpc-'));
  const path = join(directory, 'sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(async () => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    await rm(directory, { recursive: true });
  });
  return path;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  // biome-ignore format: one line reads better
  readonly json: { id?: unknown; result?: unknown; error?: { code: number; message: string } } | { id?: unknown; error?: { code: number } }[];
}

/** Posts a body as it is. */
function post(socketPath: string, body: string, method = 'POST'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path: '/', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          text,
          json: text === '' ? {} : (JSON.parse(text) as Reply['json']),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

test('a call comes back with its result, checked and parsed on the way', async (t) => {
  let got: unknown;
  const { path, told } = await serve(t, {
    'network.check': (params) => {
      got = params;
      return { connected: false };
    },
  });
  assert.deepEqual(await call(path, 'network.check', { who: 'FD00::0:1', hash: 'e\u0301' }), { connected: false });
  assert.deepEqual(got, { who: 'fd00::1', hash: '\u00e9' });
  assert.deepEqual(told, ['answered network.check']);
});

test('an error of the daemon keeps its reason and its words', async (t) => {
  const { path, told } = await serve(t);
  await assert.rejects(call(path, 'network.stop', { hash: 'h' }), {
    name: 'RpcError',
    reason: 'no-such-network',
    message: 'no network has this hash',
  });
  assert.deepEqual(told, ['failed network.stop no-such-network']);
});

test('an error that nobody foresaw says nothing of the inside', async (t) => {
  const { path } = await serve(t, {
    'daemon.version': () => {
      throw new TypeError('secret is undefined');
    },
  });
  await assert.rejects(call(path, 'daemon.version', {}), { reason: 'internal', message: /^internal error/ });
});

test('bad parameters are refused before anything is sent', async () => {
  await assert.rejects(call('/nowhere', 'network.check', { who: '10.10' }), {
    reason: 'invalid-params',
    message: /^who: expected an IP address.*"10\.10"/,
  });
});

test('what is no request gets an error with a code that says which kind', async (t) => {
  const { path } = await serve(t);
  const rpc = (method: string, params: unknown, more = {}) =>
    JSON.stringify({ jsonrpc: '2.0', id: 7, method, params, ...more });
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['{"jsonrpc"', ERROR_CODES['parse-error'], /malformed JSON/],
    ['', ERROR_CODES['parse-error'], /malformed JSON/],
    ['7', ERROR_CODES['invalid-request'], /not a request/],
    ['{}', ERROR_CODES['invalid-request'], /missing field jsonrpc/],
    ['[]', ERROR_CODES['invalid-request'], /1 to 32 requests/],
    [rpc('daemon.version', {}, { colour: 1 }), ERROR_CODES['invalid-request'], /unknown field colour/],
    [rpc('daemon.frobnicate', {}), ERROR_CODES['unknown-method'], /"daemon\.frobnicate".*daemon\.status/],
    [rpc('__proto__', {}), ERROR_CODES['unknown-method'], /"__proto__"/],
    [rpc('network.stop', { hash: 'h', colour: 1 }), ERROR_CODES['invalid-params'], /unknown field colour/],
    [rpc('network.stop', {}), ERROR_CODES['invalid-params'], /expected one of hash, dev and all/],
    [rpc('network.stop', { hash: 'h', all: true }), ERROR_CODES['invalid-params'], /expected one of hash, dev and all/],
    [rpc('network.add-keys', { hash: 'h' }), ERROR_CODES['invalid-params'], /missing field keys/],
    [rpc('network.stop', { hash: 7 }), ERROR_CODES['invalid-params'], /hash: expected a string, got 7/],
    [rpc('network.stop', ['h']), ERROR_CODES['invalid-params'], /unknown field 0|expected/],
    [
      rpc('network.start', { hash: 'h', ip: '10.10.10.1', peer: ['x'] }),
      ERROR_CODES['invalid-params'],
      /peer\.0: .*"x"/,
    ],
  ];
  for (const [body, code, says] of cases) {
    const { json } = await post(path, body);
    assert.ok(!Array.isArray(json));
    assert.equal(json.error?.code, code, body);
    assert.match('message' in (json.error ?? {}) ? String((json.error as { message: string }).message) : '', says);
  }
});

test('a request over the limit is refused, and the sender gets to know', async (t) => {
  const { path } = await serve(t);
  for (const size of [MAX_REQUEST + 1, 8 * MAX_REQUEST]) {
    const reply = await post(path, 'x'.repeat(size));
    assert.equal(reply.status, 413);
    assert.match(reply.text, /"code":1001.*at most 65536 bytes/);
  }
  const padded = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'daemon.version' })}`.padEnd(MAX_REQUEST);
  assert.match((await post(path, padded)).text, /1\.2\.3/);
});

test('only POST, notifications without an answer, batches in order', async (t) => {
  const { path, told } = await serve(t);
  assert.equal((await post(path, '', 'GET')).status, 405);
  const notification = JSON.stringify({ jsonrpc: '2.0', method: 'daemon.version' });
  assert.equal((await post(path, notification)).status, 204);
  assert.deepEqual(told, ['answered daemon.version']);
  const batch = [1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'daemon.version' }));
  const { json } = await post(path, JSON.stringify(batch));
  assert.ok(Array.isArray(json));
  assert.deepEqual(
    json.map(({ id }) => id),
    [1, 2],
  );
});

test('a handler is told when the caller hangs up', async (t) => {
  let gone: AbortSignal | null = null;
  const arrived = deferred();
  const { path } = await serve(t, {
    'network.wait': (_, signal) => {
      gone = signal;
      arrived.resolve();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ connected: false })));
    },
  });
  const calling = call(path, 'network.wait', { hash: 'h', who: '10.10.10.1', ms: 60_000 }, 300);
  await arrived.promise;
  await assert.rejects(calling, { reason: 'timeout' });
  const signal = gone as AbortSignal | null;
  if (signal?.aborted === false) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  assert.equal(signal?.aborted, true);
});

test('no daemon, something else, and nonsense are told apart', async (t) => {
  await assert.rejects(call('/nowhere/sock', 'daemon.version', {}), {
    reason: 'not-running',
    message: /\/nowhere\/sock/,
  });
  const hangsUp = await listen(
    t,
    createNetServer((socket) => socket.destroy()),
  );
  await assert.rejects(call(hangsUp, 'daemon.version', {}), { reason: 'not-running', message: /hung up/ });
  const web = await listen(
    t,
    createHttpServer((_, response) => response.end('<html>')),
  );
  await assert.rejects(call(web, 'daemon.version', {}), { reason: 'bad-answer', message: /no p2p daemon/ });
  const other = await listen(
    t,
    createHttpServer((_, response) => response.end('{"jsonrpc":"2.0","id":1,"result":{"version":3}}')),
  );
  await assert.rejects(call(other, 'daemon.version', {}), { reason: 'bad-answer', message: /version/ });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const LINE = { time: '2026-11-21T12:00:00.000Z', level: 'INFO', msg: 'a line' } as const;

test('a stream is told item by item, with what was lost, until the daemon ends it', async (t) => {
  const { path, told } = await serve(
    t,
    {},
    { 'log.subscribe': ({ lines, follow }) => [{ ...LINE, lines, follow }, { lost: 3 }, LINE] },
  );
  const items = await listenTo(path, 'log.subscribe', { lines: 7 }, new AbortController().signal);
  assert.deepEqual(await collect(items), [{ ...LINE, lines: 7, follow: true }, { lost: 3 }, LINE]);
  assert.deepEqual(told, ['answered log.subscribe']);
});

test('a stream that is refused says why, and one in a batch or without an id is none', async (t) => {
  const { path } = await serve(
    t,
    {},
    {
      'events.subscribe': () => {
        throw new RpcError('too-many', 'expected at most 32');
      },
    },
  );
  const { signal } = new AbortController();
  await assert.rejects(listenTo(path, 'events.subscribe', {}, signal), { reason: 'too-many', message: /at most 32/ });
  const one = { jsonrpc: '2.0', id: 1, method: 'events.subscribe' };
  for (const body of [[one], [one, one], { ...one, id: null }]) {
    const { text } = await post(path, JSON.stringify(body));
    assert.match(text, /-32600.*expected it alone, not in a batch, and with an id/);
  }
  const { text } = await post(path, JSON.stringify({ ...one, params: { colour: 1 } }));
  assert.match(text, /-32602.*unknown field colour/);
});

test('a listener that hangs up ends its stream; one whose daemon dies hears no more', async (t) => {
  const ended = deferred();
  const endless: Streams['log.subscribe'] = async function* (_, gone) {
    yield LINE;
    await new Promise((resolve) => gone.addEventListener('abort', resolve));
    ended.resolve();
  };
  const { path } = await serve(t, {}, { 'log.subscribe': endless });
  const away = new AbortController();
  const items = (await listenTo(path, 'log.subscribe', {}, away.signal))[Symbol.asyncIterator]();
  assert.deepEqual((await items.next()).value, LINE);
  away.abort();
  assert.equal((await items.next()).done, true);
  await ended.promise;
  const dying = await listen(
    t,
    createHttpServer((_, response) => {
      response.write('{"jsonrpc":"2.0","id":1,"result":{}}\n');
      setTimeout(() => response.destroy(), 20);
    }),
  );
  const rest = await listenTo(dying, 'log.subscribe', {}, new AbortController().signal);
  assert.deepEqual(await collect(rest), []);
});

test('a listener that stops reading holds nothing up: what it misses is counted, the rest comes in order', async (t) => {
  const feed = new Feed<LogLine>('lines');
  const { path } = await serve(t, {}, { 'log.subscribe': (_, gone) => feed.subscribe({ gone }) });
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'log.subscribe' });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({ socketPath: path, method: 'POST', path: '/', agent: false }, resolve);
    sent.on('error', reject);
    sent.end(body);
  });
  response.pause();
  const count = 20_000;
  for (let n = 0; n < count; n++) {
    feed.publish({ ...LINE, msg: 'x'.repeat(200), n });
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve)); // the server writes what it can
  }
  feed.close();
  const chunks: string[] = [];
  response.setEncoding('utf8');
  for await (const chunk of response) chunks.push(String(chunk));
  const told = chunks.join('').trimEnd().split('\n').slice(1);
  const items = told.map((line) => JSON.parse(line) as { method: string; params: { n: number; count: number } });
  const lost = items.filter(({ method }) => method === 'lost').reduce((sum, { params }) => sum + params.count, 0);
  const numbers = items.filter(({ method }) => method === 'log').map(({ params }) => params.n);
  assert.ok(lost > 0, 'it was too slow');
  assert.equal(numbers.length + lost, count);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.ok(numbers.length >= MAX_QUEUED);
  assert.equal(numbers.at(-1), count - 1, 'the newest are what it gets');
  assert.equal(feed.lostItems, lost);
});
