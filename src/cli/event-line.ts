/** An event in words, on one line. */
import { moment } from '../core/moment.js';
import type { DaemonEvent } from '../rpc/event-info.js';
import { bareAddresses, duration } from './format.js';

/** `2026-11-21 12:00:00.123 UTC  p2p0  ben (0123456789abcdef) 10.10.10.2 connected: lan 192.0.2.2:4900` */
export function eventLine(event: DaemonEvent): string {
  return `${event.time.replace('T', ' ').replace('Z', '')} UTC  ${event.device}  ${words(event)}`;
}

function words(event: DaemonEvent): string {
  switch (event.kind) {
    case 'network-started':
      return `network up, UDP port ${event.port}`;
    case 'network-stopped':
      return `network stopped: ${event.why}`;
    case 'network-failed':
      return `network down: ${event.why}; next attempt in ${duration(event.retryMs)}`;
    case 'peer-connected':
      return `${who(event)} ${bareAddresses(event.addresses)} connected: ${way(event)}`;
    case 'peer-disconnected':
      return `${who(event)} disconnected${event.why === null ? '' : `: ${event.why}`}`;
    case 'peer-refused':
      return `${who(event)} refused: ${event.why}`;
    case 'path-changed':
      return `${who(event)} now by ${way(event)}, no longer ${way(event.before)}`;
    case 'key-rotated':
      return `key ${event.key} in use${event.until === null ? '' : ` until ${moment(event.until * 1000)}`}`;
    case 'key-expired':
      return 'network stands still: its last key has ended';
    case 'key-renewed':
      return 'network goes on: there is a key again';
    case 'relay-connected':
      return `relay ${event.relay} connected (${event.transport})`;
    case 'relay-lost':
      return `relay ${event.relay} lost (${event.transport}): ${event.why}`;
    case 'health-changed':
      return health(event);
  }
}

function health({ problems, appeared, gone }: Extract<DaemonEvent, { kind: 'health-changed' }>): string {
  const state = problems === 0 ? 'healthy' : `${problems} problem${problems === 1 ? '' : 's'}`;
  return [state, ...appeared.map((text) => `new: ${text}`), ...gone.map((text) => `over: ${text}`)].join('; ');
}

function who({ peer, name }: { readonly peer: string; readonly name: string }): string {
  return `${name} (${peer})`;
}

function way({ path, endpoint }: { readonly path: string; readonly endpoint: string }): string {
  return `${path} ${endpoint}`;
}
