/** Files that survive a kill -9 at any moment: either the old content is there or the new one. */
import { constants } from 'node:fs';
import { access, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setAccess } from '../device/native-windows.js';
import { SYSTEM } from '../system/this-system.js';
import { PRIVATE_FILE } from './windows/access-list.js';

const TEMPORARY = '.tmp';
/** A symbolic link would lead what's read or written elsewhere: it's an error (ELOOP). */
const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/** Writes, syncs, renames, and syncs the directory. Readable for the owner alone. One writer per path at a time. */
export async function writeSafely(path: string, text: string): Promise<void> {
  const temporary = path + TEMPORARY;
  const file = await open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    if (SYSTEM.name === 'windows') setAccess(temporary, PRIVATE_FILE);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

export async function removeSafely(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

/** Whether it's what a write that was cut short left behind. */
export function isLeftover(name: string): boolean {
  return name.endsWith(TEMPORARY);
}

/** The text of a file, or null if there's none. */
export async function readIfThere(path: string): Promise<string | null> {
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Renames a file that makes no sense to `PATH.corrupt-N`, so that a person can look at it. Returns the new path. */
export async function keepAside(path: string): Promise<string> {
  let n = 1;
  while (await exists(`${path}.corrupt-${n}`)) n++;
  const aside = `${path}.corrupt-${n}`;
  await rename(path, aside);
  await syncDirectory(dirname(path));
  return aside;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Windows has no call for it: NTFS keeps a log of renames. */
async function syncDirectory(path: string): Promise<void> {
  if (SYSTEM.name === 'windows') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
