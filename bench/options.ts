/** What is asked for: `ROUNDS=5 SECONDS=2 SYSTEMS="p2p nebula" IDLE=1`, in the environment. */

export interface BenchOptions {
  /** 1 to 100. */
  readonly rounds: number;
  /** Of one measurement with iperf3, 1 to 60. */
  readonly seconds: number;
  /** Names of the systems, in the order in which they take turns; null for all. */
  readonly systems: readonly string[] | null;
  /** Measure the CPU of an idle daemon as well, which takes a minute. */
  readonly idle: boolean;
}

export class UsageError extends Error {}

const DEFAULT_ROUNDS = 5;
const DEFAULT_SECONDS = 2;

/** Throws `UsageError` for a value that can't be used. */
export function parseOptions(env: NodeJS.ProcessEnv, known: readonly string[]): BenchOptions {
  const names = (env['SYSTEMS'] ?? '').split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`SYSTEMS: there is no ${unknown}; expected some of ${known.join(' ')}`);
  return {
    rounds: parseNumber('ROUNDS', env['ROUNDS'], DEFAULT_ROUNDS, 100),
    seconds: parseNumber('SECONDS', env['SECONDS'], DEFAULT_SECONDS, 60),
    systems: names.length === 0 ? null : [...new Set(names)],
    idle: !['', '0'].includes(env['IDLE'] ?? ''),
  };
}

function parseNumber(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new UsageError(`${name}: ${text}; expected a whole number from 1 to ${most}`);
  return value;
}
