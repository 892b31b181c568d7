/** What a system's service manager is to p2p: how its daemon becomes a service there, as steps that somebody else carries out. */

export type Step =
  /** Writes a file, with the folders above it; replaces one that is there. */
  | { readonly do: 'write'; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly do: 'remove'; readonly path: string }
  /** Runs a program without a shell. `mayFail`: what it's to bring about may be so already. */
  | { readonly do: 'run'; readonly command: readonly [string, ...string[]]; readonly mayFail?: true };

/** What a service starts. */
export interface Program {
  /** The command line of the daemon: Node.js, our command, `daemon`. Absolute paths. */
  readonly command: readonly string[];
}

export interface ServiceManager {
  /** What people call it. */
  readonly name: string;
  /** The service's file, or what it's called where it has none. */
  readonly file: string;
  /** It came with p2p: `install` only has it start with the system, and `uninstall` leaves it there. */
  readonly isShipped: boolean;
  /** All places where the file of such a service may be, whoever put it there; none where services have no files. */
  readonly places: readonly string[];
  /** Makes the daemon a service that starts with the system, and starts it; made already, it's brought up to date. */
  install(program: Program): readonly Step[];
  /** Stops it and takes away what `install` made. Keys, identities and configuration stay. */
  uninstall(): readonly Step[];
  start(): readonly Step[];
  stop(): readonly Step[];
  /** Says how the service is, and ends with 0 only if it runs, or if `runs` says so of its words. */
  status(): readonly [string, ...string[]];
  readonly runs?: (said: string) => boolean;
}
