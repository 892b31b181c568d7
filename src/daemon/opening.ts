/** Opens a planned network under the first device name and port that are free. */
import { DeviceError } from '../device/device.js';
import { type ErrorName, RpcError } from '../rpc/errors.js';
import { SYSTEM } from '../system/this-system.js';
import { ownAddresses } from './addresses.js';
import type { Plan } from './plan.js';
import { portChoices } from './plan.js';
import type { RunningNetwork } from './running.js';
import type { SavedNetwork } from './saved.js';

/** How many names and ports are tried before it's given up. */
const MAX_TRIES = 64;

export interface Taken {
  readonly devices: ReadonlySet<string>;
  readonly ports: ReadonlySet<number>;
}

export interface Opened {
  readonly running: RunningNetwork;
  readonly saved: SavedNetwork;
}

/** `taken`: what this daemon's other networks have, running or not. Throws an `RpcError`; then nothing is left behind. */
export async function openFirstFree(
  plan: Plan,
  taken: Taken,
  open: (saved: SavedNetwork) => Promise<RunningNetwork>,
): Promise<Opened> {
  const devices = deviceChoices(plan, taken);
  const ports = portList(plan, taken);
  for (let device = 0, port = 0; ; ) {
    const saved = { ...plan, device: devices[device] ?? '', port: ports[port] ?? 0 };
    try {
      return { running: await open(saved), saved };
    } catch (error) {
      const code = error instanceof DeviceError ? error.code : 'failed';
      if (code === 'name-taken' && device + 1 < devices.length) device++;
      else if (code === 'port-taken' && port + 1 < ports.length) port++;
      else throw toRpcError(error, saved);
    }
  }
}

function deviceChoices({ device }: Plan, taken: Taken): string[] {
  if (device === null)
    return Array.from({ length: MAX_TRIES + taken.devices.size }, (_, n) => SYSTEM.device(n)).filter(
      (name) => !taken.devices.has(name),
    );
  if (taken.devices.has(device))
    throw new RpcError('device-taken', `dev: ${device} is the device of another network of this daemon`);
  return [device];
}

/** The port that was asked for or had before; then, if it was chosen and not asked for, others. */
function portList({ port, ports }: Plan, taken: Taken): number[] {
  if (port !== null && ports === null && taken.ports.has(port))
    throw new RpcError('port-taken', `port: ${port} is the port of another network of this daemon`);
  const choices = ports === null ? [] : portChoices(ports, MAX_TRIES);
  const list = [...(port === null ? [] : [port]), ...choices].filter((choice) => !taken.ports.has(choice));
  if (list.length === 0 && ports !== null)
    throw new RpcError('port-taken', `ports: this daemon's networks have all of ${ports.min}-${ports.max}`);
  return list;
}

const REASONS: Readonly<Record<DeviceError['code'], ErrorName>> = {
  'no-permission': 'no-device-permission',
  'no-tun': 'no-tun',
  'name-taken': 'device-taken',
  'port-taken': 'port-taken',
  'address-refused': 'address-refused',
  failed: 'device-failed',
};

/** What the caller is told: which of the values it was, and what the system said. */
function toRpcError(error: unknown, { device, port, ...saved }: SavedNetwork): unknown {
  if (!(error instanceof DeviceError)) return error;
  const reason = REASONS[error.code];
  switch (error.code) {
    case 'name-taken':
      return new RpcError(reason, `dev: there is a device ${device} already (${error.message})`);
    case 'port-taken':
      return new RpcError(reason, `port: UDP port ${port} is taken (${error.message})`);
    case 'address-refused':
      return new RpcError(reason, `ip: the system refuses ${ownAddresses(saved).join(', ')} (${error.message})`);
    case 'no-permission':
      return new RpcError(
        reason,
        `the daemon may not make a network device (${error.message}); ${SYSTEM.advice.deviceRights}`,
      );
    case 'no-tun':
      return new RpcError(reason, `${SYSTEM.advice.deviceMissing} (${error.message})`);
    case 'failed':
      return new RpcError(reason, `the network device could not be made: ${error.message}`);
  }
}
