/** The last lines of the log, for whoever asks the daemon itself: it works where nobody keeps what it writes to stderr. */
import * as v from 'valibot';
import { MAX_LOG_LINES } from '../rpc/fields.js';
import { type LogLine, logLineSchema } from '../rpc/log-line.js';
import type { Lost } from '../rpc/streams.js';
import { Feed } from './feed.js';

/** A line may have this many characters; of a longer one only the beginning of its message is kept. */
const MAX_LINE = 4_096;
const MAX_MESSAGE = 1_024;

export class LogLines {
  /** As they were logged, in JSON; the oldest first. */
  private readonly lines: string[] = [];
  private readonly feed = new Feed<LogLine>('the log');

  write(text: string): void {
    this.lines.push(text.length > MAX_LINE ? cut(text) : text);
    if (this.lines.length > MAX_LOG_LINES) this.lines.shift();
    if (this.feed.subscribers > 0) for (const line of this.last(1)) this.feed.publish(line);
  }

  /** The last lines, as many as asked for and there are. */
  last(count: number): readonly LogLine[] {
    return count === 0 ? [] : this.lines.slice(-count).flatMap((text) => parse(text) ?? []);
  }

  /** The last lines, and all that come until `gone`. Throws an `RpcError` if too many listen already. */
  follow(count: number, gone: AbortSignal): AsyncIterable<LogLine | Lost> {
    return this.feed.subscribe({ begin: this.last(count), gone });
  }

  close(): void {
    this.feed.close();
  }
}

function parse(text: string): LogLine | null {
  const read = v.safeParse(logLineSchema, JSON.parse(text));
  return read.success ? read.output : null;
}

function cut(text: string): string {
  const line = parse(text);
  if (line === null) return '{}';
  const { time, level, msg } = line;
  return JSON.stringify({ time, level, msg: `${msg.slice(0, MAX_MESSAGE)}… (of ${text.length} characters)` });
}
