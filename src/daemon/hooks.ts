/** Runs the configuration's commands when a network is up, and before it goes down. */
import { type ChildProcess, spawn } from 'node:child_process';
import { SYSTEM } from '../system/this-system.js';
import { ownAddresses } from './addresses.js';
import type { Hook } from './hook.js';
import type { Log, Logger } from './log.js';
import type { SavedNetwork } from './saved.js';

export type HookEvent = 'up' | 'down';

/** How long a command may run, in ms; less when a network goes down, for a daemon has to end in time. */
const LIMIT_MS: Readonly<Record<HookEvent, number>> = { up: 10_000, down: 5_000 };
/** How long its output is waited for when a command has ended, in ms. */
const LAST_WORDS_MS = 1_000;
/** Of a command's output so much goes to the log: lines, and characters in each. */
const MAX_LINES = 50;
const MAX_LINE = 500;

/** A network as its commands are told of it. No secret: whoever runs as the same user sees an environment. */
export type HookFacts = Pick<
  SavedNetwork,
  'id' | 'device' | 'addresses' | 'chosen' | 'mac' | 'mtu' | 'port' | 'name' | 'routes'
>;

export interface HooksOptions {
  readonly commands: Readonly<Record<HookEvent, Hook | null>>;
  /** The daemon's, for commands of p2p that a hook runs. */
  readonly socket: string;
  readonly log: Log;
}

export class Hooks {
  /** What runs now, by the network's id. */
  private readonly running = new Map<string, AbortController>();

  constructor(private readonly options: HooksOptions) {}

  /** Resolves when the command has ended or its time is over, whatever came of it: that's told in the log. An `up` that still runs when the network goes down is stopped. */
  async run(event: HookEvent, facts: HookFacts): Promise<void> {
    const { commands, socket, log } = this.options;
    const command = commands[event];
    this.running.get(facts.id)?.abort();
    if (command === null) return;
    const stop = new AbortController();
    this.running.set(facts.id, stop);
    await runHook(command, event, hookEnvironment(event, facts, socket), log.network(facts.id), stop.signal);
    if (this.running.get(facts.id) === stop) this.running.delete(facts.id);
  }
}

/** `P2P_HOOK` keeps commands of p2p that a hook runs from taking the other facts for their flags. */
export function hookEnvironment(event: HookEvent, facts: HookFacts, socket: string): Record<string, string> {
  const { id, device, mac, mtu, port, name, routes } = facts;
  const addresses = ownAddresses(facts);
  return {
    ...SYSTEM.hooks.environment,
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

/** As this process's user, with nothing of this process's environment. What's over its time is killed with all that it started and that stayed in its process group. */
export async function runHook(
  hook: Hook,
  event: HookEvent,
  env: Readonly<Record<string, string>>,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  const isLine = typeof hook === 'string';
  const [program = '', ...args] = isLine ? SYSTEM.hooks.line(hook) : hook;
  const began = performance.now();
  const child = spawn(program, args, {
    cwd: SYSTEM.hooks.directory,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: SYSTEM.name !== 'windows', // there it would get a window
    windowsHide: true,
    windowsVerbatimArguments: isLine,
  });
  logOutput(child, event, log);
  const error = await end(child, LIMIT_MS[event], stop);
  const facts = { hook: event, ms: Math.round(performance.now() - began) };
  if (error === null) log.info(facts, 'hook has run');
  else log.warn({ ...facts, error }, 'hook failed');
}

/** How it failed, in words; null if it didn't. What it started and left behind may go on. */
function end(child: ChildProcess, limit: number, stop: AbortSignal): Promise<string | null> {
  return new Promise((resolve) => {
    const kill = (why: string) => {
      killGroup(child);
      done(why);
    };
    const onStop = () => kill('the network goes down');
    const timer = setTimeout(() => kill(`it was stopped after ${limit / 1000} s`), limit);
    const done = (how: string | null) => {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      resolve(how);
    };
    stop.addEventListener('abort', onStop);
    child.on('error', (error) => done(error.message));
    const ended = (code: number | null, signal: string | null) =>
      done(code === 0 ? null : signal === null ? `exit code ${code}` : `ended by ${signal}`);
    child.on('close', ended);
    // Its last words come after it; what it left running may keep its output open for ever.
    child.on('exit', (code, signal) => setTimeout(() => ended(code, signal), LAST_WORDS_MS).unref());
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  const { killTree } = SYSTEM.hooks;
  if (killTree !== null) {
    const [program, ...args] = killTree(pid);
    spawn(program, args, { stdio: 'ignore', windowsHide: true }).on('error', () => undefined); // it may have just ended
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function logOutput(child: ChildProcess, event: HookEvent, log: Logger): void {
  let lines = 0;
  const tell = (line: string) => {
    if (lines++ < MAX_LINES) log.info({ hook: event, line: line.slice(0, MAX_LINE) }, 'hook says');
  };
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
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
