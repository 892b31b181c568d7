/** Carries out what the machine of a network wants done: by its device, by its discovery, and by who keeps what outlasts it. */
import type { Device, DeviceCommand } from '../device/device.js';
import type { Acquaintance } from '../network/acquaintances.js';
import type { ChosenAddress } from '../network/addresses/claims.js';
import type { NetworkEvent } from '../network/events.js';
import type { NetworkInput, NetworkOutput, RememberedPeer } from '../network/io.js';
import type { Discovery } from './discovery.js';
import type { Logger } from './log.js';
import type { Pings } from './pings.js';
import type { Pins } from './pins.js';

/** Who hears of what a network has found out. */
export interface Keepers {
  readonly log: Logger;
  readonly pins: Pins;
  readonly onEvent: (event: NetworkEvent) => void;
  /** Keys that ended up to this moment (ms since 1970) have to be forgotten. */
  readonly onWipeKeys: (until: number) => void;
  /** It chose this address, or has no chosen one now. */
  readonly onChosen: (chosen: ChosenAddress | null) => void;
  readonly onAcquaintances: (acquaintances: readonly Acquaintance[]) => void;
  readonly onRemember: (peers: readonly RememberedPeer[]) => void;
}

export interface Ends {
  readonly device: Device;
  readonly discovery: Discovery;
  readonly pings: Pings;
  readonly keepers: Keepers;
  readonly feed: (input: NetworkInput) => void;
}

export class Effects {
  constructor(private readonly ends: Ends) {}

  carryOut(outputs: readonly NetworkOutput[]): void {
    const commands: DeviceCommand[] = [];
    for (const output of outputs) {
      if (output.kind === 'device') commands.push(output.command);
      else this.carryOutOther(output);
    }
    if (commands.length > 0) this.apply(commands);
  }

  private carryOutOther(output: Exclude<NetworkOutput, { kind: 'device' }>): void {
    const { discovery, pings, keepers } = this.ends;
    switch (output.kind) {
      case 'beacon':
        discovery.announce(output.payload);
        break;
      case 'record':
        discovery.publish(output.record);
        break;
      case 'wipe-keys':
        keepers.onWipeKeys(output.until);
        break;
      case 'pong':
        pings.answered(output.pong);
        break;
      case 'addresses':
        this.wearChosen(output);
        break;
      case 'acquaintances':
        keepers.onAcquaintances(output.acquaintances);
        break;
      case 'pin':
        keepers.pins.add(output.relay, output.key);
        break;
      case 'remember':
        keepers.onRemember(output.peers);
        break;
      case 'event':
        keepers.onEvent(output.event);
        break;
      case 'notable':
        keepers.log[output.level](output.facts, output.message);
        break;
    }
  }

  private wearChosen({ addresses, chosen }: Extract<NetworkOutput, { kind: 'addresses' }>): void {
    const { device, keepers, feed } = this.ends;
    keepers.onChosen(chosen);
    try {
      device.setAddresses(addresses);
    } catch (error) {
      const { message } = error as Error;
      keepers.log.error({ addresses: addresses.join(), error: message }, 'the system refuses addresses');
      const [ip] = chosen?.address.split('/') ?? [];
      if (ip !== undefined) feed({ kind: 'address-refused', ip, error: message });
    }
  }

  /** A command that the data plane refuses is a mistake of ours: it's told, and costs no more than itself. */
  private apply(commands: readonly DeviceCommand[]): void {
    try {
      this.ends.device.apply(commands);
    } catch (error) {
      this.ends.keepers.log.error({ err: error }, 'the data plane refused a command');
    }
  }
}
