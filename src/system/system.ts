/** What differs between the systems that the daemon and its command run on: places, names and what people are told to do. */

export type SystemName = 'linux' | 'macos' | 'windows';

export interface System {
  readonly name: SystemName;
  /** Absolute paths: where the daemon keeps what it needs again, where it's configured, the hosts file. */
  readonly state: string;
  readonly config: string;
  readonly hosts: string;
  /** Where commands reach the daemon: a unix socket, or the name of a pipe. */
  readonly socket: string;
  /** The socket of what collects the system's log, or null. */
  readonly syslog: string | null;
  /** Who owns nothing: user and group that the DHT's process becomes; null where it stays what the daemon is. */
  readonly nobody: number | null;
  /** The name of the nth network device, from 0. */
  device(n: number): string;
  readonly hooks: HookShell;
  /** Programs that a bug report shows the network by. */
  readonly looks: readonly ProgramCall[];
  /** Where the daemon writes its log when it's a service, or null where the service manager keeps what it says. */
  readonly logFile: string | null;
  /** Asks for the end of the log that the system keeps of the service: so many lines of it. */
  serviceLog(lines: number): ProgramCall;
  readonly advice: Advice;
}

/** A program and its arguments, for no shell. */
export type ProgramCall = readonly [string, ...string[]];

/** How commands of the configuration are run. */
export interface HookShell {
  /** The program for a line of shell, with the line. */
  line(line: string): ProgramCall;
  /** The environment besides the facts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends a command with all that it started; null: it has a process group, which is killed. */
  readonly killTree: ((pid: number) => ProgramCall) | null;
  /** The directory that they're run in. */
  readonly directory: string;
}

/** Ends of sentences: what to do where a right or a part is missing. */
export interface Advice {
  /** How the daemon is run with the rights that it needs, in the foreground and as a service. */
  readonly runDaemon: string;
  readonly installService: string;
  /** How p2p is installed where a service can run it. */
  readonly installForAll: string;
  /** How another command is run with those rights; begins the sentence. */
  readonly asAdministrator: string;
  /** How somebody gets into the group that may use the daemon, and how that group is made. */
  readonly joinGroup: string;
  readonly makeGroup: string;
  /** What a daemon lacks that may not make a device. */
  readonly deviceRights: string;
  /** That there's nothing to make devices with, and what to do about it. */
  readonly deviceMissing: string;
  /** How the system is told to forward packets of others. */
  readonly forwarding: { readonly ipv4: string; readonly ipv6: string };
}
