/** Who may use the daemon's socket: its user, and the group `p2p` if there's one. */
import { readFile } from 'node:fs/promises';
import { sidOf } from '../device/native-windows.js';
import { SYSTEM } from '../system/this-system.js';
import type { Access } from './claim.js';

/** Members of this group may do everything that the daemon can. */
const GROUP = 'p2p';

/** What decides about it. */
export interface Surroundings {
  /** Text as in /etc/group. */
  readonly groups: string;
  /** The process's own group. */
  readonly gid: number;
  /** Whether the process may take on that group; being a member of it besides one's own isn't enough (setegid(2)). */
  canBecome(group: number): boolean;
}

/** `onProblem` is told, in words, if only the daemon's own user will get in. */
export async function socketAccess(onProblem: (problem: string) => void): Promise<Access> {
  if (SYSTEM.name === 'windows') return pipeAccessFor(sidOf(GROUP), onProblem);
  const groups = SYSTEM.name === 'macos' ? directoryGroup() : await readFile('/etc/group', 'utf8').catch(() => '');
  return accessFor({ groups, gid: process.getegid?.() ?? 0, canBecome }, onProblem);
}

export function accessFor({ groups, gid, canBecome }: Surroundings, onProblem: (problem: string) => void): Access {
  const group = groupId(groups);
  if (group === null) {
    onProblem(`there is no group ${GROUP}: only this user may use the socket (make one: ${SYSTEM.advice.makeGroup})`);
    // A user's own group may have other members; root's has none that matter.
    return { mode: gid === 0 ? 0o660 : 0o600, group: null };
  }
  if (group === gid) return { mode: 0o660, group: null };
  if (canBecome(group)) return { mode: 0o660, group };
  onProblem(`the daemon may not give its socket to the group ${GROUP}, as it isn't its own: only this user may use it`);
  return { mode: 0o600, group: null };
}

function pipeAccessFor(sid: string | null, onProblem: (problem: string) => void): Access {
  if (sid === null)
    onProblem(
      `there is no group ${GROUP}: only administrators may use the pipe (make one: ${SYSTEM.advice.makeGroup})`,
    );
  return { mode: 0o600, group: null, sid };
}

/** As a line of /etc/group: on macOS groups are kept in a directory of their own, which only calls by name ask. Empty without the right to take it on. */
function directoryGroup(): string {
  const own = process.getegid?.();
  if (own === undefined) return '';
  try {
    process.setegid?.(GROUP);
    const line = `${GROUP}:*:${process.getegid?.()}:`;
    process.setegid?.(own);
    return line;
  } catch {
    return '';
  }
}

function canBecome(group: number): boolean {
  const own = process.getegid?.();
  if (own === undefined) return false;
  try {
    process.setegid?.(group);
    process.setegid?.(own);
    return true;
  } catch {
    return false;
  }
}

function groupId(groups: string): number | null {
  const line = groups.split('\n').find((entry) => entry.startsWith(`${GROUP}:`));
  const text = line?.split(':')[2] ?? '';
  return /^\d{1,10}$/.test(text) ? Number(text) : null;
}
