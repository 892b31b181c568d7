/** What it was measured on. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** Bytes. */
  readonly memory: number;
  readonly node: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  /** Commit of the checkout, or null without git; with a `+` if files differ from it. */
  readonly commit: string | null;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    memory: totalmem(),
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
  };
}

function commit(): string | null {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  // The checkout is often another user's than root's.
  const options = ['-c', `safe.directory=${root.replace(/\/$/, '')}`, '-C', root];
  try {
    return execFileSync('git', [...options, 'describe', '--always', '--dirty=+', '--exclude=*'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
