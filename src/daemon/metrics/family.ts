/** A metric: its name by Prometheus' conventions, and how it's taken from the figures. */
import type { Figures } from './figures.js';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (figures: Figures) => readonly Sample[];
}

/** One sample without labels; none if there's nothing to tell. */
export function single(value: number | null): Sample[] {
  return value === null ? [] : [{ labels: {}, value }];
}
