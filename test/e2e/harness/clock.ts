/** Daemons whose wall clock is wrong. */
import { existsSync, readdirSync } from 'node:fs';

/** For a daemon whose wall clock is shifted, or starts elsewhere (libfaketime); how fast time passes stays the same. */
export function shiftedClock(shift: string): Record<string, string> {
  const places = readdirSync('/usr/lib').map((directory) => `/usr/lib/${directory}/faketime/libfaketime.so.1`);
  const library = places.find((path) => existsSync(path));
  if (library === undefined) throw new Error('libfaketime is missing: apt-get install faketime');
  return { LD_PRELOAD: library, FAKETIME: shift, FAKETIME_DONT_FAKE_MONOTONIC: '1', FAKETIME_DONT_RESET: '1' };
}
