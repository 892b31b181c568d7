/** Routes in the kernel's main table, by netlink in Rust: Node has no netlink. */
import { loadAddon } from './native.js';

export interface NativeRoute {
  /** E.g. `192.168.7.0/24`. */
  readonly subnet: string;
  readonly gateway: string;
  readonly device: string;
  readonly metric: number;
}

interface RoutesAddon {
  addRoute(route: NativeRoute): void;
  removeRoute(route: NativeRoute): void;
}

/** @throws Error with the system's reason. Needs CAP_NET_ADMIN. */
export function addRoute(route: NativeRoute): void {
  (loadAddon() as RoutesAddon).addRoute(route);
}

/** One that isn't there is as good as removed. @throws Error with the system's reason. */
export function removeRoute(route: NativeRoute): void {
  (loadAddon() as RoutesAddon).removeRoute(route);
}
