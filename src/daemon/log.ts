/**
 * What the daemon tells about itself. JSON lines, or lines for people on a terminal. Networks are called by their id,
 * never by their hash, and no secret is given to a logger.
 */
import { type Logger, pino } from 'pino';
import type { Level } from '../rpc/fields.js';
import { printable } from '../rpc/text.js';

export type { Logger };

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const;
const NAMES: Readonly<Record<string, Level>> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'ERROR',
};

export interface LogStream {
  write(line: string): void;
}

/** The daemon's logger and those of its networks; levels change while they're in use. */
export class Log {
  readonly daemon: Logger;
  private readonly networks = new Map<string, Logger>();

  constructor(stream: LogStream, level: Level) {
    const options = {
      level: PINO_LEVELS[level],
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: NAMES[label] ?? label }) },
    };
    this.daemon = pino(options, stream);
  }

  /** The logger of the network with that id (32 hex digits). */
  network(id: string): Logger {
    const logger = this.networks.get(id) ?? this.daemon.child({ network: id });
    this.networks.set(id, logger);
    return logger;
  }

  forget(id: string): void {
    this.networks.delete(id);
  }

  get level(): Level {
    return NAMES[this.daemon.level] ?? 'INFO';
  }

  levelOf(id: string): Level {
    return NAMES[this.network(id).level] ?? 'INFO';
  }

  /** For the daemon and all networks. */
  setLevel(level: Level): void {
    for (const logger of [this.daemon, ...this.networks.values()]) logger.level = PINO_LEVELS[level];
  }

  setNetworkLevel(id: string, level: Level): void {
    this.network(id).level = PINO_LEVELS[level];
  }
}

/** Standard error: JSON, or text if a person is looking. A reader that's gone is no reason to die. */
export function standardError(): LogStream {
  const stream = process.stderr;
  stream.on('error', () => undefined);
  if (!stream.isTTY) return { write: (line) => stream.write(line) };
  return { write: (line) => stream.write(forPeople(line)) };
}

/** `12:00:00.000 INFO    listening socket=/run/p2p/p2p.sock` */
export function forPeople(line: string): string {
  const { time, level, msg, err, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(facts).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const stack = isError(err) ? `\n${err.stack.split('\n').map(printable).join('\n')}` : '';
  const clock = String(time).slice(11, 23);
  return `${printable(`${clock} ${String(level).padEnd(7)} ${String(msg)} ${rest.join(' ')}`.trimEnd())}${stack}\n`;
}

function isError(value: unknown): value is { stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
}
