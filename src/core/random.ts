/** A source of that many random bytes: the system's in the daemon, a seed's in tests. */
export type Random = (bytes: number) => Uint8Array;

/** An even number in [0, 1). */
export function fraction(random: Random): number {
  return new DataView(random(4).slice().buffer).getUint32(0) / 2 ** 32;
}

export function randomU32(random: Random): number {
  return new DataView(random(4).slice().buffer).getUint32(0);
}
