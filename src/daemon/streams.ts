/** What whoever listens is told. */
import type { Streams } from '../rpc/stream-server.js';
import type { Events } from './events.js';
import type { Log } from './log.js';
import type { Networks } from './networks.js';

export interface Told {
  readonly networks: Networks;
  readonly events: Events;
  readonly log: Log;
}

export function streams({ networks, events, log }: Told): Streams {
  return {
    'events.subscribe': ({ hash }, gone) =>
      events.subscribe(hash === undefined ? null : networks.table.find(hash).saved.id, gone),
    'log.subscribe': ({ lines, follow }, gone) => (follow ? log.lines.follow(lines, gone) : log.lines.last(lines)),
  };
}
