/** What the project wants to reach, and whether it does. */
import type { Figure, IdleResult, SystemResult } from './figures.js';
import { bestRival, type Ratio, ratio, series } from './statistics.js';

interface RatioTarget {
  readonly figure: Figure;
  /** Name of a system, or the best rival in this figure. */
  readonly to: 'limit-nocrypt' | 'ref-aes256gcm' | 'best rival';
  readonly bound: 'at least' | 'at most';
  readonly goal: number;
  readonly aim?: number;
}

const RATIOS: readonly RatioTarget[] = [
  { figure: 'tcp', to: 'ref-aes256gcm', bound: 'at least', goal: 1.1, aim: 1.4 },
  { figure: 'tcp', to: 'limit-nocrypt', bound: 'at least', goal: 0.45, aim: 0.6 },
  { figure: 'tcp', to: 'best rival', bound: 'at least', goal: 2, aim: 3 },
  { figure: 'packets', to: 'best rival', bound: 'at least', goal: 1.2 },
  { figure: 'rtt', to: 'best rival', bound: 'at most', goal: 1.2, aim: 1 },
  { figure: 'cpu', to: 'best rival', bound: 'at most', goal: 0.6 },
  { figure: 'tcpLossy', to: 'best rival', bound: 'at least', goal: 1 },
];

/** PSS of all processes of an idle daemon with a network of three, bytes. */
export const MEMORY_GOAL = 120e6;
/** Share of a core that this daemon may take. */
export const IDLE_CPU_GOAL = 0.005;

export interface Outcome extends RatioTarget {
  /** The system that it's compared with; null if there is none. */
  readonly rival: string | null;
  /** null if it couldn't be measured. */
  readonly ratio: Ratio | null;
}

/** Each target with what was measured. */
export function outcomes(systems: readonly SystemResult[]): Outcome[] {
  const project = systems.find(({ kind }) => kind === 'project');
  return RATIOS.map((target) => {
    const other =
      target.to === 'best rival' ? bestRival(systems, target.figure) : systems.find(({ name }) => name === target.to);
    if (project === undefined || !other) return { ...target, rival: other?.name ?? null, ratio: null };
    const found = ratio(series(project, target.figure), series(other, target.figure));
    return { ...target, rival: other.name, ratio: found };
  });
}

/** In words: whether a value keeps to a bound, and by how much not. */
export function verdict(value: number, bound: 'at least' | 'at most', goal: number, aim?: number): string {
  const keeps = (limit: number) => (bound === 'at least' ? value >= limit : value <= limit);
  if (keeps(goal)) return aim !== undefined && keeps(aim) ? 'reached, and what was aimed for' : 'reached';
  const percent = Math.abs(value / goal - 1) * 100;
  return `**not reached**: ${percent < 1 ? percent.toFixed(1) : percent.toFixed(0)} % ${bound === 'at least' ? 'too little' : 'too much'}`;
}

/** The same for the figures that are no ratios. */
export function idleVerdicts(idle: IdleResult): { readonly memory: string; readonly cpu: string | null } {
  return {
    memory: verdict(idle.memory, 'at most', MEMORY_GOAL),
    cpu: idle.cpu === null ? null : verdict(idle.cpu, 'at most', IDLE_CPU_GOAL),
  };
}
