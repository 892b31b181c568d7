/** Where the log goes: stderr or a file, and syslog as well. */
import { sendUnixDatagram } from '../device/native-process.js';
import { SYSTEM } from '../system/this-system.js';
import type { Config } from './config.js';
import { forPeople, type LogStream, standardError } from './log.js';
import { LogFile } from './log-file.js';
import { StartError } from './start-error.js';
import { Syslog } from './syslog.js';

/** Throws a `StartError` if the system has no syslog that was asked for. */
export function outlets({ logFile, logFormat, syslog }: Config): LogStream {
  const complain = (problem: string) => process.stderr.write(`p2p: warning: ${problem}\n`);
  const first = logFile === null ? standardError(logFormat) : inFile(new LogFile(logFile, complain), logFormat);
  if (!syslog) return first;
  if (SYSTEM.syslog === null)
    throw new StartError('bad-config', 'syslog: this system has none; expected false, or a log in a file (--log-file)');
  const system = new Syslog(SYSTEM.syslog, process.pid, sendUnixDatagram, complain);
  return {
    write: (line) => {
      first.write(line);
      system.write(line);
    },
  };
}

function inFile(file: LogFile, format: Config['logFormat']): LogStream {
  return format === 'text' ? { write: (line) => file.write(forPeople(line)) } : file;
}
