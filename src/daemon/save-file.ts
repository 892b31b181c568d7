/**
 * `--save FILE`, as the original had it: all networks of a daemon in one file, besides the state directory. What's in it and not in the
 * state directory is brought back at the start, so a machine that keeps no state is what it was.
 */
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { SYSTEM } from '../system/this-system.js';
import { refuseReplaceable } from './directories.js';
import { readIfThere, writeSafely } from './files.js';
import { decodeSaved, encodeSaved, type SavedNetwork } from './saved.js';
import { StartError } from './start-error.js';
import { whoWrites } from './windows/ownership.js';

const VERSION = 1;
const OTHERS_MAY_WRITE = 0o022;

/** The networks in the file; none if there's no file. Rejects with a `StartError`, so that nothing of somebody else's is believed or written over. */
export async function readSaveFile(path: string): Promise<SavedNetwork[]> {
  try {
    await refuseReplaceable(path);
    const found = await lstat(path).catch(ignoreMissing);
    if (found === null) return [];
    if (isForeign(path, found)) throw refusal(path, 'belongs to somebody else, or others may write to it');
    return parse((await readIfThere(path)) ?? '');
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw refusal(path, error instanceof Error ? error.message : String(error));
  }
}

/** Readable for the owner alone: the networks' secrets are in it. */
export function writeSaveFile(path: string, networks: Iterable<SavedNetwork>): Promise<void> {
  const all = [...networks].map((network): unknown => JSON.parse(encodeSaved(network)));
  return writeSafely(path, `${JSON.stringify({ version: VERSION, networks: all }, null, 1)}\n`);
}

function isForeign(path: string, { uid, mode }: Stats): boolean {
  if (SYSTEM.name === 'windows') return whoWrites(path) !== null;
  return uid !== process.getuid?.() || (mode & OTHERS_MAY_WRITE) !== 0;
}

function parse(text: string): SavedNetwork[] {
  const file = readJson(text);
  const isOurs = typeof file === 'object' && file !== null && 'networks' in file && Array.isArray(file.networks);
  if (!isOurs) throw new Error('it is no file that --save wrote');
  return (file.networks as unknown[]).map((network) => decodeSaved(JSON.stringify(network)));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the parser's own message quotes the text, and that holds secrets
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function refusal(path: string, why: string): StartError {
  return new StartError('bad-config', `--save: ${path}: ${why}`);
}
