/** Medians, and ratios taken round by round: a machine that drifts hits both sides of a ratio alike. */
import { FIGURES, type Figure, type SystemResult } from './figures.js';

/** null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) return null;
  const lower = sorted[middle - 1];
  return sorted.length % 2 === 1 || lower === undefined ? upper : (lower + upper) / 2;
}

/** A figure of a system, one value a round. */
export function series(system: SystemResult, figure: Figure): (number | null)[] {
  return system.rounds.map((round) => round?.[figure] ?? null);
}

export function medianOf(system: SystemResult, figure: Figure): number | null {
  return median(series(system, figure).filter((value) => value !== null));
}

export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
  /** Rounds in which both were measured. */
  readonly rounds: number;
}

/** How one series relates to another, over the rounds that have both; null if there is none. */
export function ratio(of: readonly (number | null)[], to: readonly (number | null)[]): Ratio | null {
  const ratios = of.flatMap((value, round) => {
    const other = to[round] ?? null;
    return value === null || other === null || other === 0 ? [] : [value / other];
  });
  const middle = median(ratios);
  if (middle === null) return null;
  return { median: middle, least: Math.min(...ratios), greatest: Math.max(...ratios), rounds: ratios.length };
}

/** The rival with the best median of a figure; null if none has any. */
export function bestRival(systems: readonly SystemResult[], figure: Figure): SystemResult | null {
  const sign = FIGURES[figure].better === 'higher' ? 1 : -1;
  let best: { system: SystemResult; score: number } | null = null;
  for (const system of systems.filter(({ kind }) => kind === 'rival')) {
    const middle = medianOf(system, figure);
    if (middle !== null && (best === null || sign * middle > best.score)) best = { system, score: sign * middle };
  }
  return best?.system ?? null;
}
