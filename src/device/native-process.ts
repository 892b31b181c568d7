/** What this process asks of the system for itself, in Rust: Node has neither these calls nor datagrams to unix sockets. */
import { loadAddon } from './native.js';

interface ProcessAddon {
  lockDown(): string[];
  sendUnixDatagram(socket: string, message: string): void;
}

/**
 * From now on only root may look into this process, it leaves no core dump, and programs that it starts get none of its
 * capabilities. What the system refused, in words. On Linux; elsewhere it does nothing.
 */
export function lockDown(): string[] {
  return addon().lockDown();
}

/**
 * Sends a message as one datagram, as sd_notify(3) and syslog(3) do, to `socket`, which is a path, or `@` and an abstract name.
 * @throws Error if nobody listens there or takes it at once.
 */
export function sendUnixDatagram(socket: string, message: string): void {
  addon().sendUnixDatagram(socket, message);
}

function addon(): ProcessAddon {
  return loadAddon() as ProcessAddon;
}
