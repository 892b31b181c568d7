/**
 * Whatever ends a test process (a failure, an exception, Ctrl-C, SIGTERM), its programs, namespaces and directories go
 * with it. Only SIGKILL leaves something, which the next run removes.
 */
import { rmSync } from 'node:fs';
import { killIfThere, removeLeftovers, removeNamespace } from './owner.js';
import { Program } from './shell.js';

const namespaces = new Set<string>();
const directories = new Set<string>();
let armed = false;

export function ownNamespace(name: string): void {
  arm();
  namespaces.add(name);
}

export function ownDirectory(path: string): void {
  arm();
  directories.add(path);
}

export function releaseNamespace(name: string): void {
  removeNamespace(name);
  namespaces.delete(name);
}

export function releaseDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
  directories.delete(path);
}

function arm(): void {
  if (armed) return;
  armed = true;
  if (process.getuid?.() !== 0) throw new Error('the end-to-end tests make network namespaces: run them as root');
  removeLeftovers();
  process.once('exit', removeAll);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}

function removeAll(): void {
  for (const program of Program.running) killIfThere(program.pid);
  for (const name of namespaces) releaseNamespace(name);
  for (const path of directories) releaseDirectory(path);
}
