/**
 * What the daemon tells about itself. JSON lines, or lines for people on a terminal. Networks are called by their id,
 * never by their hash, and no secret is given to a logger.
 */
import { type Logger, pino } from 'pino';
import type { Level, LogFormat } from '../rpc/fields.js';
import { type LogLine, logText } from '../rpc/log-line.js';
import { LogLines } from './log-lines.js';

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
  /** The last ones, which the daemon remembers. */
  readonly lines = new LogLines();
  private readonly networks = new Map<string, Logger>();

  constructor(stream: LogStream, level: Level) {
    const options = {
      level: PINO_LEVELS[level],
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: NAMES[label] ?? label }) },
    };
    const write = (line: string) => {
      this.lines.write(line);
      stream.write(line);
    };
    this.daemon = pino(options, { write });
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

/** Standard error: as asked for, else text if a person is looking and JSON if not. A reader that's gone is no reason to die. */
export function standardError(format: LogFormat | null): LogStream {
  const stream = process.stderr;
  stream.on('error', () => undefined);
  const isText = format === null ? stream.isTTY : format === 'text';
  return { write: (line) => stream.write(isText ? forPeople(line) : line) };
}

/** A line of JSON as people read it. */
export function forPeople(line: string): string {
  return `${logText(JSON.parse(line) as LogLine)}\n`;
}
