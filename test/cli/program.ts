/** `bin/p2p` as a program, and daemons for it whose devices are in memory. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configDefaults } from '../../src/daemon/config.js';
import { Daemon } from '../../src/daemon/daemon.js';
import { Log } from '../../src/daemon/log.js';
import { temporaryDirectory } from '../daemon/directory.js';
import { type TestHost, Wire } from '../daemon/wire.js';

export const P2P = fileURLToPath(new URL('../../../bin/p2p', import.meta.url));

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Shell = (args: readonly string[], environment?: Record<string, string>, input?: string) => Promise<Answer>;

export function run(args: readonly string[], environment: Record<string, string>, input = ''): Promise<Answer> {
  const child = spawn(process.execPath, [P2P, ...args], { env: { PATH: process.env['PATH'], ...environment } });
  child.stdin.on('error', () => undefined).end(input); // it may have ended without reading it
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (output[name] += String(chunk)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...output })));
}

/** A daemon that calls itself version 1.2.3; its socket. */
export async function startDaemon(t: TestContext, host: TestHost, name = 'ada'): Promise<string> {
  const directory = await temporaryDirectory(t);
  const socket = join(directory, 'sock');
  const alone = { lan: false, portMapping: false, dht: 'off', threads: 1, fwmark: 0 } as const;
  const where = { state: join(directory, 'state'), socket, ports: { min: 50_000, max: 50_009 } };
  const config = { ...configDefaults(), ...alone, ...where, log: 'ERROR' as const, name };
  const log = new Log({ write: () => undefined }, 'ERROR');
  const daemon = await Daemon.start(config, host, log, '1.2.3');
  t.after(() => daemon.stop());
  return socket;
}

export function shellOf(socket: string): Shell {
  return (args, environment = {}, input = '') => run(args, { P2P_SOCKET: socket, ...environment }, input);
}

export async function withDaemon(t: TestContext): Promise<Shell> {
  return shellOf(await startDaemon(t, new Wire().host('192.0.2.1')));
}
