/**
 * Loaded into a daemon before anything else (`node --import`): writes each frame key that the daemon hands to its data plane, as hex, a
 * line each, to the file that FRAME_KEYS_FILE names. Nothing else changes, and no key is kept here.
 */
import { appendFileSync } from 'node:fs';
import type { DeviceCommand } from '../../../src/device/device.js';

interface Addon {
  openDevice?: (...args: unknown[]) => { apply(commands: readonly DeviceCommand[]): void };
}

const { FRAME_KEYS_FILE: file } = process.env;
const { dlopen } = process;

if (file !== undefined)
  process.dlopen = (module: { exports: Addon }, ...rest) => {
    dlopen.call(process, module, ...rest);
    const { openDevice } = module.exports;
    if (openDevice !== undefined)
      module.exports = { ...module.exports, openDevice: (...args) => watched(openDevice(...args), file) };
  };

function watched<Device extends ReturnType<NonNullable<Addon['openDevice']>>>(device: Device, to: string): Device {
  const apply = device.apply.bind(device);
  return Object.defineProperty(device, 'apply', {
    value: (commands: readonly DeviceCommand[]) => {
      for (const command of commands) if (command.kind === 'install-session') note(to, command.keys);
      apply(commands);
    },
  });
}

function note(to: string, keys: { readonly sealKey: Uint8Array; readonly openKey: Uint8Array }): void {
  for (const key of [keys.sealKey, keys.openKey]) appendFileSync(to, `${Buffer.from(key).toString('hex')}\n`);
}
