/** What only Windows has, in Rust: access lists as text (SDDL), and what a service tells its manager. Elsewhere nothing of it is there. */
import { onOwnStack } from './event-pump.js';
import { loadAddon } from './native.js';

/** A running service. All throw with the system's words if its manager isn't to be told. */
export interface NativeService {
  /** It does what it's for. */
  ready(): void;
  /** It's on its way to the end. */
  stopping(): void;
  /** The last word; a `code` other than 0 is a failure. */
  stopped(code: number): void;
}

interface WindowsAddon {
  accessOf(path: string): string;
  setAccess(path: string, sddl: string): void;
  setPipeAccess(pipe: string, sddl: string): void;
  sidOf(name: string): string | null;
  ownSid(): string;
  runAsService(name: string, onStop: () => void): NativeService;
}

/** Owner and access list of a file or folder. Throws with the system's words. */
export function accessOf(path: string): string {
  return addon().accessOf(path);
}

/** Gives a file or folder an access list in place of what it has, also of what it takes over from the folder above it. */
export function setAccess(path: string, sddl: string): void {
  addon().setAccess(path, sddl);
}

/** The same for a pipe that this process listens on: it sees a connection that ends at once. */
export function setPipeAccess(pipe: string, sddl: string): void {
  addon().setPipeAccess(pipe, sddl);
}

/** The identifier (`S-1-5-…`) of a user or group of this machine, or null if there's none of that name. */
export function sidOf(name: string): string | null {
  return addon().sidOf(name);
}

/** The identifier of the user that this process runs as. */
export function ownSid(): string {
  return addon().ownSid();
}

/** Connects this process with the service control manager that has started it. Waits for it, seconds if it isn't there. Throws if it hasn't started this process. */
export function runAsService(name: string, onStop: () => void): NativeService {
  return addon().runAsService(name, () => onOwnStack(onStop));
}

function addon(): WindowsAddon {
  return loadAddon() as WindowsAddon;
}
