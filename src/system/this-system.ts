/** The system that this process runs on. */
import { LINUX } from './linux.js';
import { MACOS } from './macos.js';
import type { System } from './system.js';
import { windows } from './windows.js';

export const SYSTEM: System = systemOf(process.platform, process.env);

/** `platform`: in Node's words. */
export function systemOf(platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): System {
  if (platform === 'win32') return windows(environment);
  return platform === 'darwin' ? MACOS : LINUX;
}
