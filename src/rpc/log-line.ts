/** A line of the daemon's log: how it travels, and how it looks to people. */
import * as v from 'valibot';
import { LEVELS } from './fields.js';
import { printable } from './text.js';

/** Besides these it has the facts of the line, by their names; `network` is a network's id. */
export const logLineSchema = v.looseObject({
  /** ISO 8601, UTC. */
  time: v.string(),
  level: v.picklist(LEVELS),
  msg: v.string(),
});

export type LogLine = v.InferOutput<typeof logLineSchema>;

/** `12:00:00.000 INFO    listening socket=/run/p2p/p2p.sock`; more lines if it's an error with a stack. Without the last line's end. */
export function logText({ time, ...line }: LogLine): string {
  return `${time.slice(11, 23)} ${logWords(line)}`;
}

/** The same without the time. */
export function logWords({ level, msg, err, time: _, ...facts }: Partial<LogLine>): string {
  const rest = Object.entries(facts).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const stack = isError(err) ? `\n${err.stack.split('\n').map(printable).join('\n')}` : '';
  return `${printable(`${String(level).padEnd(7)} ${String(msg)} ${rest.join(' ')}`.trimEnd())}${stack}`;
}

function isError(value: unknown): value is { stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && typeof value.stack === 'string';
}
