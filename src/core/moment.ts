/** A moment of the wall clock in words, e.g. `2026-11-21 12:00:00 UTC`; `ms` since 1970. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
