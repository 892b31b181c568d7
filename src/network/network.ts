/** The machine of one network. */
import type { DeviceStats } from '../device/device.js';
import type { NetworkConfig, NetworkInput, NetworkOutput, NetworkSnapshot } from './io.js';

export declare class Network {
  constructor(config: NetworkConfig, random: (bytes: number) => Uint8Array, now: number);
  /** Takes what happened at `now` (ms, monotonic) and says what to do. Never throws for what a peer sent. */
  handle(now: number, input: NetworkInput): NetworkOutput[];
  /** When it wants its next `tick` (ms, monotonic); Infinity for never. */
  deadline(): number;
  /** `stats`: the device's, at this moment; the machine keeps no byte counts of its own. */
  snapshot(now: number, stats: DeviceStats): NetworkSnapshot;
}
