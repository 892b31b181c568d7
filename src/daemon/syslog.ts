/**
 * The log for the system's own: a datagram for each line to the local socket of whatever collects it, in the form that syslog(3) of the C
 * library writes there (RFC 3164 without a host name), which rsyslog, syslog-ng and systemd's journal all read.
 */
import { type LogLine, logWords } from '../rpc/log-line.js';

/** The facility: other daemons of the system (RFC 3164 section 4.1.1). */
const DAEMON = 3;
const SEVERITY: Readonly<Record<LogLine['level'], number>> = { TRACE: 7, DEBUG: 7, INFO: 6, WARNING: 4, ERROR: 3 };
/** A message may have this many characters; the end of a longer one is cut off. */
const MAX_MESSAGE = 4_096;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Sends a datagram to a unix socket; throws if that can't be done at once. */
export type SendDatagram = (socket: string, message: string) => void;

export class Syslog {
  private failing = false;

  constructor(
    private readonly socket: string,
    private readonly pid: number,
    private readonly send: SendDatagram,
    /** Hears, in words, that nobody takes the lines: when that begins, not for each. */
    private readonly onProblem: (message: string) => void,
  ) {}

  /** Takes a line of the log, in JSON. One that nobody takes at once is lost: the log mustn't hold up the daemon. */
  write(line: string): void {
    try {
      this.send(this.socket, syslogMessage(JSON.parse(line) as LogLine, this.pid));
      this.failing = false;
    } catch (error) {
      if (this.failing) return;
      this.failing = true;
      this.onProblem(
        `syslog: nobody takes the log at ${this.socket}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
}

/** `<30>Nov 21 12:00:00 p2p[123]: INFO    listening socket=/run/p2p/p2p.sock`; the time is local, as all write it there. */
export function syslogMessage(line: LogLine, pid: number): string {
  const at = new Date(line.time);
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
  const time = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)} ${clock}`;
  const words = logWords(line).replaceAll('\n', ' ').slice(0, MAX_MESSAGE);
  return `<${DAEMON * 8 + SEVERITY[line.level]}>${time} p2p[${pid}]: ${words}`;
}
