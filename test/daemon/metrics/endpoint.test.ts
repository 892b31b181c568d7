/** Where metrics are served: to whom, and no more than that. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { MetricsEndpoint } from '../../../src/daemon/metrics/endpoint.js';

const SERVED = { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: () => Promise.resolve('a 1\n') };

/** A port that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

async function serve(t: TestContext): Promise<number> {
  const port = await freePort();
  const endpoint = await MetricsEndpoint.open({ host: '127.0.0.1', port }, SERVED);
  t.after(() => endpoint.close());
  return port;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function ask(port: number, path: string, host: string | null = null, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'close', ...(host === null ? {} : { host }) };
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('GET /metrics, and nothing else', async (t) => {
  const port = await serve(t);
  const { status, text, headers } = await ask(port, '/metrics');
  assert.deepEqual([status, text], [200, 'a 1\n']);
  assert.equal(headers['content-type'], SERVED.contentType);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['access-control-allow-origin'], undefined);
  assert.equal((await ask(port, '/metrics?x=1')).status, 200);
  assert.equal((await ask(port, '/')).status, 404);
  assert.equal((await ask(port, '/metrics/../metrics')).status, 404);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    assert.equal((await ask(port, '/metrics', null, method)).status, 405);
});

test('a web page gets nothing under a name of its own that leads here', async (t) => {
  const port = await serve(t);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example'])
    assert.equal((await ask(port, '/metrics', host)).status, 421, host);
  for (const host of [`localhost:${port}`, 'localhost', '127.0.0.1', '[::1]:9', 'LOCALHOST'])
    assert.equal((await ask(port, '/metrics', host)).status, 200, host);
});

test('connections beyond its number are closed, and it answers again when there is room', async (t) => {
  const port = await serve(t);
  const idle = Array.from({ length: 16 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  await assert.rejects(ask(port, '/metrics'));
  for (const socket of idle) socket.destroy();
  for (;;) {
    const status = await ask(port, '/metrics').then(
      (answer) => answer.status,
      () => null,
    );
    if (status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a connection that says nothing, or half of it, is closed after its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const port = await serve(t);
  const slow = connect(port, '127.0.0.1').on('error', () => undefined);
  slow.write('GET /metrics HTTP/1.1\r\nHost: local');
  let isClosed = false;
  slow.once('close', () => {
    isClosed = true;
  });
  while (!isClosed) {
    t.mock.timers.tick(10_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(slow.bytesRead, 0);
});

test('a port that another program has is named', async (t) => {
  const port = await serve(t);
  await assert.rejects(MetricsEndpoint.open({ host: '127.0.0.1', port }, SERVED), {
    name: 'StartError',
    message: new RegExp(`127\\.0\\.0\\.1, TCP port ${port}: .*EADDRINUSE`),
  });
});
