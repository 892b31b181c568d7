/**
 * Who made what. Every namespace and directory of a test run carries the process that made it, so that several runs
 * don't clash, and what a killed run left behind is recognised and removed by the next one.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSync } from './shell.js';

const PREFIX = 'p2pe2e';
const OWNED = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-`);

let count = 0;

/** A name that no other run and no other call has: `p2pe2e-PID-START-N-label`. */
export function uniqueName(label: string): string {
  count += 1;
  return `${PREFIX}-${process.pid}-${startTime(process.pid)}-${count}-${label}`;
}

/** Removes the namespaces, with the processes in them, and the directories of runs that are no more. */
export function removeLeftovers(): void {
  for (const name of orphans(namespaces())) removeNamespace(name);
  for (const name of orphans(readdirSync(tmpdir()))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

/** Names of all network namespaces on this machine. */
export function namespaces(): string[] {
  const { stdout } = runSync('ip', ['netns', 'list']);
  return stdout.split('\n').flatMap((line) => line.split(' ', 1).filter((name) => name !== ''));
}

/** Removes a namespace together with the processes that still run in it. */
export function removeNamespace(name: string): void {
  for (const pid of runSync('ip', ['netns', 'pids', name]).stdout.split('\n')) {
    if (pid !== '') killIfThere(Number(pid));
  }
  runSync('ip', ['netns', 'delete', name]);
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function orphans(names: readonly string[]): string[] {
  return names.filter((name) => {
    const [, pid, start] = OWNED.exec(name) ?? [];
    return pid !== undefined && startTime(Number(pid)) !== start;
  });
}

/** When a process started, in clock ticks since boot (proc(5), field 22 of stat); '' if there's no such process. */
function startTime(pid: number): string {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    return afterName.split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
