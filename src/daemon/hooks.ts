/** Commands of the configuration that run when a network is up, and before it goes down. */
import { type ChildProcess, spawn } from 'node:child_process';
import { quoted } from '../rpc/text.js';
import type { Logger } from './log.js';
import type { SavedNetwork } from './saved.js';

/** A line for the shell, or a program with its arguments. */
export type Hook = string | readonly string[];
export type Hooks = Readonly<Record<HookEvent, Hook | null>>;
export type HookEvent = 'up' | 'down';

/** How long a command may run, in ms; less when a network goes down, for a daemon has to end in time. */
export const HOOK_MS: Readonly<Record<HookEvent, number>> = { up: 10_000, down: 5_000 };
/** Of a command's output so much goes to the log: lines, and characters in each. */
const MAX_LINES = 50;
const MAX_LINE = 500;
const MAX_ARGUMENTS = 64;
const MAX_COMMAND = 4_096;
/** Programs are looked for here, whatever the daemon was started with. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws a `RangeError` that says what was expected. */
export function parseHook(value: unknown): Hook {
  const words = Array.isArray(value) ? value : [value];
  const isText = words.every((word) => typeof word === 'string' && !word.includes('\0'));
  if (!isText || words.length === 0 || words[0] === '' || words.length > MAX_ARGUMENTS)
    throw new RangeError(
      `expected a command as a line for the shell, or a list of a program and its arguments, got ${quoted(value)}`,
    );
  const length = words.join(' ').length;
  if (length > MAX_COMMAND)
    throw new RangeError(`expected a command of at most ${MAX_COMMAND} characters, got ${length}`);
  return Array.isArray(value) ? (words as string[]) : String(value);
}

/** A network as its commands are told of it. No secret: every program on the way sees an environment. */
export type HookFacts = Pick<SavedNetwork, 'id' | 'device' | 'addresses' | 'mac' | 'mtu' | 'port' | 'name' | 'routes'>;

/** `P2P_HOOK` keeps commands of p2p that a hook runs from taking the rest for their flags. */
export function hookEnvironment(event: HookEvent, facts: HookFacts, socket: string): Record<string, string> {
  const { id, device, addresses, mac, mtu, port, name, routes } = facts;
  return {
    PATH,
    LANG: 'C.UTF-8',
    P2P_HOOK: event,
    P2P_SOCKET: socket,
    P2P_NETWORK: id,
    P2P_DEVICE: device,
    P2P_IP: addresses[0]?.split('/')[0] ?? '',
    P2P_ADDRESSES: addresses.join(' '),
    P2P_MAC: mac,
    P2P_MTU: String(mtu),
    P2P_PORT: String(port),
    P2P_NAME: name,
    P2P_ROUTES: routes.join(' '),
  };
}

/**
 * Runs a command as this process's user, with nothing of this process's environment. Resolves when it has ended or its time is over; then it's killed with all that it started and
 * that stayed in its process group. What it prints, and how it ended, goes to the log; nothing of that is an error of the daemon's.
 */
export async function runHook(hook: Hook, event: HookEvent, env: Record<string, string>, log: Logger): Promise<void> {
  const [program = '', ...args] = typeof hook === 'string' ? ['/bin/sh', '-c', hook] : hook;
  const began = performance.now();
  const facts = () => ({ hook: event, ms: Math.round(performance.now() - began) });
  const child = spawn(program, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  logOutput(child, event, log);
  const ended = await end(child, HOOK_MS[event]);
  if (ended === null) log.info(facts(), 'hook has run');
  else log.warn({ ...facts(), error: ended }, 'hook failed');
}

/** How it failed, in words; null if it didn't. */
function end(child: ChildProcess, limit: number): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      killGroup(child);
      resolve(`it was stopped after ${limit / 1000} s`);
    }, limit);
    const done = (how: string | null) => {
      clearTimeout(timer);
      resolve(how);
    };
    child.on('error', (error) => done(error.message));
    // What it started and left behind may go on, and may keep its output open.
    child.on('exit', (code, signal) =>
      done(code === 0 ? null : signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function logOutput(child: ChildProcess, event: HookEvent, log: Logger): void {
  let lines = 0;
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    const tell = (line: string) => {
      if (lines++ < MAX_LINES) log.info({ hook: event, line: line.slice(0, MAX_LINE) }, 'hook says');
    };
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = (parts.pop() ?? '').slice(0, MAX_LINE);
      for (const part of parts) tell(part);
    });
    stream?.on('close', () => {
      if (rest !== '') tell(rest);
    });
  }
}
