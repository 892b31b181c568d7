/** What a service manager is told, if one started the daemon; and systemd: that it's ready, that it still lives, that it ends (sd_notify(3)). */
import { wholeNumber } from '../rpc/bounds.js';

export interface Manager {
  /** From now on the daemon answers. */
  ready(): void;
  /** It's on its way to the end. */
  stopping(): void;
  /** The last word, with the exit code. */
  ended(code: number): void;
}

/** Sends one message to the manager's socket; throws if that can't be done at once. */
export type Notify = (socket: string, message: string) => void;

export class ServiceManager implements Manager {
  private timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly socket: string | null,
    /** How often it wants to hear that the daemon lives, in ms; null: never. */
    private readonly intervalMs: number | null,
    private readonly notify: Notify,
    private readonly onProblem: (message: string) => void,
  ) {}

  /**
   * Takes what concerns the manager out of `environment`, so that no program that the daemon starts speaks in its name.
   * `pid`: this process's; a watchdog that's meant for another isn't fed.
   */
  static of(
    environment: NodeJS.ProcessEnv,
    pid: number,
    notify: Notify,
    onProblem: (message: string) => void,
  ): ServiceManager {
    const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: period = '', WATCHDOG_PID: whose = '' } = environment;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    const periodUs = whose === '' || whose === String(pid) ? wholeNumber(period) : null;
    // Half the time that it allows, as sd_watchdog_enabled(3) asks for.
    const intervalMs = periodUs === null || periodUs < 2_000 ? null : Math.floor(periodUs / 2_000);
    return new ServiceManager(socket === '' ? null : socket, intervalMs, notify, onProblem);
  }

  /** From now on the daemon answers. The watchdog is fed by the loop that does all its work: one that hangs is started again. */
  ready(): void {
    this.tell('READY=1');
    if (this.intervalMs === null || this.socket === null) return;
    this.timer = setInterval(() => this.tell('WATCHDOG=1'), this.intervalMs);
  }

  stopping(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.tell('STOPPING=1');
  }

  /** It sees that by itself. */
  ended(): void {}

  private tell(message: string): void {
    if (this.socket === null) return;
    try {
      this.notify(this.socket, message);
    } catch (error) {
      this.onProblem(`the service manager can't be told ${message}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** The first descriptor that's handed over (sd_listen_fds(3)). */
const FIRST_HELD = 3;
/** More than that is nothing of ours. */
const MAX_HELD = 16;

/** Descriptors of files that the manager has opened for process `pid`, by name (systemd's OpenFile=, sd_listen_fds_with_names(3)). Takes what tells of them out of `environment`. */
export function heldFiles(environment: NodeJS.ProcessEnv, pid: number): Map<string, number> {
  const { LISTEN_PID: whose, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  const held = Math.min(wholeNumber(count) ?? 0, MAX_HELD);
  if (whose !== String(pid)) return new Map();
  const named = names.split(':').slice(0, held);
  return new Map(named.map((name, i) => [name, FIRST_HELD + i]));
}
