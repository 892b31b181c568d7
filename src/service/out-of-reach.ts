/** Why a service, which runs as a user of its own behind walls, couldn't run a program. */
import { dirname } from 'node:path';

/** A person's own folders, and temporary ones: the service sees neither. */
const HIDDEN = /^\/(root|home|Users|tmp|var\/tmp)\//;
/** What a line of a service's file can't have in it. */
const CONTROL = /\p{Cc}/u;
const MAY_PASS = 0o001;
const MAY_READ = 0o004;

/** In words, or null if nothing is in the way. `path` is absolute; `modeOf` gives the permissions of a file or folder. */
export function outOfReach(path: string, modeOf: (path: string) => number): string | null {
  if (CONTROL.test(path)) return `${path} has a character that a service's file can't have`;
  const hidden = HIDDEN.exec(path)?.[0];
  if (hidden !== undefined) return `${path} is below ${hidden}, where the service's own user can't read`;
  if ((modeOf(path) & MAY_READ) === 0)
    return `${path} is readable for its owner alone, and the service has a user of its own`;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if ((modeOf(folder) & MAY_PASS) === 0)
      return `${folder}, where ${path} is, is closed to others, and the service has a user of its own`;
  }
  return null;
}

/** As `outOfReach`, for Windows, whose service may read everything and must run nothing that somebody without its rights can change. */
export function outOfTrust(path: string): string | null {
  const hidden = /^[a-z]:\\Users\\/i.exec(path)?.[0];
  return hidden === undefined ? null : `${path} is below ${hidden}, where its owner could change what the service runs`;
}
