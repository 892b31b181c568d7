/** Where addons for this system may be: beside the program, where they're built, or in a package of npm that came along with it. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the build puts the addon, seen from `build/src/device/`. */
const BUILT = fileURLToPath(new URL('../../../native/', import.meta.url));
/** What follows system and processor in the names of packages: their C library, in the words of napi-rs. */
const LIBRARIES = ['', '-gnu', '-musl', '-gnueabihf', '-musleabihf', '-msvc'];

/**
 * Absolute paths of addons for this system and processor, what was built here first. There may be one for each C library: which one is
 * this process's shows when it's loaded.
 */
export function addonFiles(): string[] {
  const system = `${process.platform}-${process.arch}`;
  const names = existsSync(BUILT) ? readdirSync(BUILT) : [];
  const built = names.filter((name) => name.startsWith(`p2p.${system}`) && name.endsWith('.node'));
  const packaged = LIBRARIES.flatMap((library) => resolved(`p2p-${system}${library}`));
  return [...built.map((name) => BUILT + name), ...packaged];
}

/** platform/npm/pack makes these packages; the addon is what they resolve to. */
function resolved(name: string): string[] {
  try {
    return [fileURLToPath(import.meta.resolve(name))];
  } catch {
    return [];
  }
}
