/** As directories.ts, for Windows: there access lists decide, and permission bits say nothing. */
import { dirname } from 'node:path';
import { accessOf, ownSid, setAccess } from '../../device/native-windows.js';
import { foreigners, PRIVATE_FOLDER, REPLACE, WRITE } from './access-list.js';

/** For this user and administrators alone, from now on. Returns what's wrong with the folder, or null. */
export function keepPrivate(path: string): string | null {
  const [owner] = foreigners(accessOf(path), ownSid(), 0);
  if (owner !== undefined) return `belongs to ${owner}, who may have put something there; look, then remove it`;
  setAccess(path, PRIVATE_FOLDER);
  return null;
}

/** Who else may put something in the place of `path`, and where; null if nobody. */
export function whoReplaces(path: string): string | null {
  const own = ownSid();
  for (let above = dirname(path); ; above = dirname(above)) {
    const [who] = foreigners(accessOf(above), own, REPLACE);
    if (who !== undefined) return `${who} may replace it, by rights to ${above}`;
    if (above === dirname(above)) return null;
  }
}

/** Who else may change what's in the file; null if nobody. */
export function whoWrites(path: string): string | null {
  const [who] = foreigners(accessOf(path), ownSid(), WRITE);
  return who === undefined ? null : `${who} may write to it`;
}
