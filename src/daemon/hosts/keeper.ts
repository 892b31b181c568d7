/** Keeps the block in the hosts file as the members are, until it's removed. */
import type { Log } from '../log.js';
import { Soon } from '../soon.js';
import { type Tag, withBlock } from './block.js';
import { rewrite, sameVersion, type Version, versionOf } from './hosts-file.js';

/** Members come in bursts; the file is written this long after the first of one, in ms. */
const WRITE_MS = 500;
/** How often it's looked at whether others have changed the file, in ms. */
const CHECK_MS = 5_000;

export interface HostsOptions {
  readonly path: string;
  /** Tells this daemon's block from those of others. */
  readonly tag: Tag;
  /** The file's descriptor, from somebody who may write it; null: this process may. */
  readonly held: number | null;
  readonly log: Log;
  lines(): readonly string[];
}

export class HostsKeeper {
  private written: Version | null = null;
  private last = '';
  private problem: string | null = null;
  private working: Promise<void> = Promise.resolve();
  private readonly soon = new Soon(WRITE_MS, () => this.write());
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly options: HostsOptions) {
    this.timer = setInterval(() => this.write(), CHECK_MS);
  }

  /** The members may be others now. */
  touch(): void {
    this.soon.touch();
  }

  /** What's wrong with the file, in words. */
  problems(): string[] {
    return this.problem === null ? [] : [this.problem];
  }

  /** Removes the block. */
  async close(): Promise<void> {
    this.soon.stop();
    clearInterval(this.timer);
    await this.working;
    await this.update([]);
  }

  private write(): void {
    this.working = this.working.then(() => this.update(this.options.lines()));
  }

  private async update(lines: readonly string[]): Promise<void> {
    const { path, tag, held, log } = this.options;
    try {
      const text = lines.join('\n');
      if (text === this.last && sameVersion(this.written, await versionOf(path))) return;
      this.written = await rewrite(path, tag, held, (before) => withBlock(before, tag, lines));
      this.last = text;
      this.problem = null;
      log.daemon.debug({ path, lines: lines.length }, 'hosts file written');
    } catch (error) {
      const problem = explain(path, error);
      if (problem !== this.problem) log.daemon.warn(problem);
      this.problem = problem;
    }
  }
}

function explain(path: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  const how = denied ? `; as a service it needs the drop-in p2p-hosts.conf` : '';
  return `the names of members can't be written to ${path}: ${message}${how}`;
}
