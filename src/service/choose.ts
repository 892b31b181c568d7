/** Which service manager this system has. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { win32 } from 'node:path';
import { SYSTEM } from '../system/this-system.js';
import { launchd } from './launchd.js';
import type { ServiceManager } from './manager.js';
import { openrc } from './openrc.js';
import { programOf, SHIPPED_UNITS, systemd } from './systemd.js';
import { windowsServices } from './windows.js';

const PLATFORM = new URL('../../../platform/linux/', import.meta.url);

/** The manager that runs here, or null. `script`: our command, as a path without symbolic links. */
export function serviceManager(script: string): ServiceManager | null {
  if (SYSTEM.name === 'macos') return launchd();
  if (SYSTEM.name === 'windows')
    return windowsServices(win32.join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32'));
  if (existsSync('/run/systemd/system')) return systemd(text('p2p.service'), text('p2p.sysusers'), shippedUnit(script));
  if (existsSync('/run/openrc')) return openrc(text('p2p.openrc'));
  return null;
}

function text(name: string): string {
  return readFileSync(new URL(name, PLATFORM), 'utf8');
}

/** The unit that came with the installation of which that command is part. */
function shippedUnit(script: string): string | null {
  const found = SHIPPED_UNITS.find((path) => {
    const program = existsSync(path) ? programOf(readFileSync(path, 'utf8')) : null;
    return program !== null && existsSync(program) && realpathSync(program) === script;
  });
  return found ?? null;
}
