/** How systems other than Linux are asked for this machine's network. */
import { SYSTEM } from '../../system/this-system.js';
import type { Look } from './found.js';
import { Looker } from './looker.js';
import { MACOS_LOOK } from './macos.js';
import { windowsLook } from './windows.js';

/** Null on Linux, where the kernel's own files say it. */
export function systemLooker(): Looker | null {
  const ways: Readonly<Record<typeof SYSTEM.name, () => Look | null>> = {
    linux: () => null,
    macos: () => MACOS_LOOK,
    windows: () => windowsLook(process.env),
  };
  const way = ways[SYSTEM.name]();
  return way === null ? null : new Looker(way);
}
