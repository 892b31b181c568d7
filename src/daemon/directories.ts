/** Whether a directory is safe to keep secrets in: what lies there and on the way to it is nobody's who could put something else in its place. */
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SYSTEM } from '../system/this-system.js';
import { StartError } from './start-error.js';
import { keepPrivate, whoReplaces } from './windows/ownership.js';

const OTHERS_MAY_WRITE = 0o002;
const GROUP_OR_OTHERS_MAY_WRITE = 0o022;
/** With it only the owner of a file may rename or remove it, as in /tmp. */
const STICKY = 0o1000;

/**
 * Makes `path` (absolute) if it isn't there, for this user alone. Rejects with a `StartError` if it's a symbolic link, somebody else's, or
 * others may write to it; or if others may replace one of the directories above it.
 */
export async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (found.isSymbolicLink()) throw refusal(path, 'is a symbolic link; name the directory itself');
  if (!found.isDirectory()) throw refusal(path, 'is no directory');
  if (SYSTEM.name === 'windows') {
    const wrong = keepPrivate(path);
    if (wrong !== null) throw refusal(path, wrong);
    return refuseReplaceable(path);
  }
  const us = process.getuid?.() ?? found.uid;
  if (found.uid !== us)
    throw refusal(path, `belongs to user ${found.uid}, and the daemon runs as user ${us}; try: chown -R ${us} ${path}`);
  if ((found.mode & GROUP_OR_OTHERS_MAY_WRITE) !== 0)
    throw refusal(path, `may be written by others, who may have put something there; look, then: chmod 700 ${path}`);
  await refuseReplaceable(path);
}

/** Rejects with a `StartError` if others may put something else in the place of `path`. */
export async function refuseReplaceable(path: string): Promise<void> {
  if (SYSTEM.name === 'windows') {
    const who = whoReplaces(path);
    if (who !== null) throw refusal(path, `isn't safe there: ${who}`);
    return;
  }
  for (let above = dirname(path); ; above = dirname(above)) {
    const { mode } = await lstat(above);
    if ((mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0)
      throw refusal(path, `may be replaced by anyone, for all may write to ${above}; try: chmod o-w ${above}`);
    if (above === join(above, '..')) return;
  }
}

function refusal(path: string, why: string): StartError {
  return new StartError('permission-denied', `${path} ${why}`);
}
