/**
 * Where figures are asked for: GET /metrics over HTTP, without any right, and so for this machine alone unless people say otherwise. Web
 * pages can make a browser ask, also under a name of theirs that leads here (DNS rebinding): on loopback only names are
 * answered that are this machine's.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { MetricsListen } from '../../rpc/fields.js';
import { StartError } from '../start-error.js';

/** Connections at once; one more is closed. */
const MAX_CONNECTIONS = 16;
/** A connection lasts this long at most, in ms, however slowly it's written to or read. */
const MAX_MS = 10_000;
/** Bytes of a request's head. */
const MAX_HEAD = 8_192;

/** What's served. */
export interface Served {
  readonly contentType: string;
  text(): Promise<string>;
}

export class MetricsEndpoint {
  private constructor(private readonly server: Server) {}

  /** Rejects with a `StartError` if it can't listen there. */
  static async open(listen: MetricsListen, served: Served): Promise<MetricsEndpoint> {
    const server = createServer({ maxHeaderSize: MAX_HEAD }, (request, response) => {
      answer(served, isLoopback(listen.host), request, response).catch(() => response.destroy());
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket) => {
      const limit = setTimeout(() => socket.destroy(), MAX_MS);
      socket.once('close', () => clearTimeout(limit));
    });
    server.on('clientError', (_, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(refused(listen, error)));
      server.listen(listen.port, listen.host, resolve);
    });
    return new MetricsEndpoint(server);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}

async function answer(served: Served, isLocal: boolean, request: IncomingMessage, response: ServerResponse) {
  if (isLocal && !isOurs(request.headers.host)) return reply(response, 421, 'expected a Host of this machine\n');
  const path = request.url?.split('?', 1)[0];
  if (path !== '/metrics') return reply(response, 404, 'expected /metrics\n');
  if (request.method !== 'GET') return reply(response, 405, 'expected GET\n');
  reply(response, 200, await served.text(), served.contentType);
}

function reply(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  const headers = { 'content-type': type, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
  response.writeHead(status, { ...headers, connection: 'close' }).end(text);
}

/** An address, or `localhost`: what no web page's name is. */
function isOurs(host: string | undefined): boolean {
  const name = (host ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || isIP(name) !== 0;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

function refused({ host, port }: MetricsListen, error: Error): StartError {
  return new StartError('failed', `metrics can't be served at ${host}, TCP port ${port}: ${error.message}`);
}
