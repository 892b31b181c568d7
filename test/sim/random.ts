/** Random bytes from a seed (mulberry32): the same run again for the same seed. Never for real keys. */
import type { Random } from '../../src/core/random.js';

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return (bytes) => {
    const random = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++) random[i] = next();
    return random;
  };
}
