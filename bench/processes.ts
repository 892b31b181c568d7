/** What processes take: CPU and memory, as proc(5) has it. */
import { readFileSync } from 'node:fs';

/** Clock ticks in a second: USER_HZ, which Linux never changes for programs. */
const TICKS = 100;

/** CPU that they have taken since they began, in seconds; a process that's gone counts nothing. */
export function cpuSeconds(pids: readonly number[]): number {
  return sum(pids.map((pid) => parseStat(readIfThere(`/proc/${pid}/stat`)))) / TICKS;
}

/** Proportional set size of all of them, in bytes: what several share counts once. */
export function memoryBytes(pids: readonly number[]): number {
  return sum(pids.map((pid) => parseRollup(readIfThere(`/proc/${pid}/smaps_rollup`))));
}

/** User and system time, in ticks, of a line of /proc/PID/stat; the name may have spaces and brackets in it. */
export function parseStat(line: string): number {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** Bytes of PSS in the text of /proc/PID/smaps_rollup. */
export function parseRollup(text: string): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
