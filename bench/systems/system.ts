/** What can link the two ends. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../test/e2e/harness/shell.js';
import type { Kind } from '../figures.js';
import type { Link } from '../link.js';

export interface System {
  readonly name: string;
  readonly kind: Kind;
  /** What it does to frames, in a few words. */
  readonly does: string;
  /** Its programs; without one of them it can't be measured. */
  readonly needs: readonly string[];
  /** A command that prints its version before any other number; null if it goes with the checkout. */
  readonly version: readonly [string, ...string[]] | null;
  /** Whether it makes a device of its own, or is the wire itself. */
  readonly carries: 'wire' | 'overlay';
  /** Starts it on both ends. It may take its time to connect. */
  start(link: Link): Promise<void>;
}

const BUILT_HERE = fileURLToPath(new URL('../../../bench/.rivals/', import.meta.url));
/** What couldn't be had while the rivals were built, a sentence a line. */
export const RIVAL_NOTES = join(BUILT_HERE, 'notes');

/** Where a program is, first among those that were built for the benchmark; null if it's nowhere. */
export function find(program: string): string | null {
  const folders = [join(BUILT_HERE, 'bin'), ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null;
}

/** Like `find`, of a program that's there: `needs` names it. */
export function path(program: string): string {
  const found = find(program);
  if (found === null) throw new Error(`there is no ${program} on this machine`);
  return found;
}

export async function versionOf({ version }: System): Promise<string> {
  if (version === null) return '';
  const [program, ...args] = version;
  const { stdout, stderr } = await run(path(program), args);
  return parseVersion(`${stdout}\n${stderr}`) ?? 'version unknown';
}

/** The first version number in what a program prints of itself; a digit within a name is none. */
export function parseVersion(text: string): string | null {
  return /(?:^|[\s.v])(\d+(?:\.\d+)*[\w.~+-]*)/m.exec(text)?.[1] ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
