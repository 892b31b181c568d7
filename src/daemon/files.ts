/** Files that survive a kill -9 at any moment: either the old content is there or the new one. */
import { access, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const TEMPORARY = '.tmp';

/** Writes, syncs, renames, and syncs the directory. Readable for the owner alone. One writer per path at a time. */
export async function writeSafely(path: string, text: string): Promise<void> {
  const temporary = path + TEMPORARY;
  const file = await open(temporary, 'w', 0o600);
  try {
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
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
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

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
