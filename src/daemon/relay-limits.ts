/** The limits of a relay as people configure them: one list of names, for the data plane and for the machine. */
import { DEFAULT_RELAY_LIMITS, MAX_CLIENTS, type RelayDeviceLimits } from '../device/relay-device.js';
import type { RelayLimits as MachineLimits } from '../relay/server-io.js';
import { quoted } from '../rpc/text.js';

export interface RelayLimits {
  readonly machine: MachineLimits;
  readonly device: RelayDeviceLimits;
}

type Names = keyof MachineLimits | keyof RelayDeviceLimits;

/** Clients are bound by what a relay's table holds; a rate of 0 is none. */
const RANGES: Readonly<Record<Names, { readonly min: number; readonly max: number }>> = {
  clients: { min: 1, max: MAX_CLIENTS },
  clientsPerSource: { min: 1, max: MAX_CLIENTS },
  bytesPerSecondPerClient: { min: 0, max: 2 ** 40 },
  bytesPerSecond: { min: 0, max: 2 ** 40 },
  loginsPerSource: { min: 1, max: 1_000 },
  logins: { min: 1, max: 10_000 },
  tlsConnections: { min: 1, max: 4_096 },
  tlsConnectionsPerSource: { min: 1, max: 4_096 },
  tlsQueueBytes: { min: 65_536, max: 2 ** 26 },
};

export const DEFAULT_LIMITS: RelayLimits = {
  machine: { clients: MAX_CLIENTS, clientsPerSource: 64, bytesPerSecondPerClient: 0 },
  device: DEFAULT_RELAY_LIMITS,
};

/** `value`: what the configuration says, names with numbers; what isn't named has its default. Throws a RangeError that names it. */
export function parseRelayLimits(value: unknown): RelayLimits {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RangeError(`expected names with numbers, such as "clients: 100", got ${quoted(value)}`);
  const given: Partial<Record<Names, number>> = {};
  for (const [name, limit] of Object.entries(value)) {
    if (!isName(name))
      throw new RangeError(`unknown limit ${quoted(name)}; expected one of ${Object.keys(RANGES).join(', ')}`);
    const { min, max } = RANGES[name];
    if (!Number.isInteger(limit) || limit < min || limit > max)
      throw new RangeError(`${name}: expected a whole number from ${min} to ${max}, got ${quoted(limit)}`);
    given[name] = limit;
  }
  return { machine: pick(DEFAULT_LIMITS.machine, given), device: pick(DEFAULT_LIMITS.device, given) };
}

function isName(name: string): name is Names {
  return Object.hasOwn(RANGES, name);
}

function pick<T extends object>(defaults: T, given: Partial<Record<Names, number>>): T {
  const named = Object.entries(given).filter(([name]) => name in defaults);
  return { ...defaults, ...Object.fromEntries(named) };
}
