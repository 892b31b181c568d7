/** What's measured of the daemon itself: as a relay of others, its process, who listens to it. */
import type { RelayInfo } from '../../rpc/relay-info.js';
import { type Family, single } from './family.js';
import type { Figures } from './figures.js';
import { drops } from './network-families.js';

export const DAEMON_FAMILIES: readonly Family[] = [
  {
    ...{ name: 'p2p_build_info', type: 'gauge', help: 'Always 1: the version that runs.', labels: ['version'] },
    samples: ({ version }) => [{ labels: { version }, value: 1 }],
  },
  plain('gauge', 'p2p_problems', 'Things that are wrong with the daemon itself.', ({ problems }) => problems),
  plain('gauge', 'p2p_event_subscribers', 'Programs that listen to events.', ({ subscribers }) => subscribers),
  plain(
    'counter',
    'p2p_events_lost_total',
    'Events that were left out because whoever listened was slow.',
    ({ lostEvents }) => lostEvents,
  ),
  ofRelay(
    'gauge',
    'p2p_relay_server_up',
    'Whether this machine is a relay now, 1 or 0; absent if it was not asked to.',
    (relay) => Number(relay.error === null),
  ),
  ofRelay('gauge', 'p2p_relay_server_clients', 'Clients of the relay here.', (relay) => relay.clients.length),
  ofRelay('gauge', 'p2p_relay_server_tls_connections', 'TLS connections to the relay here.', (r) => r.tlsConnections),
  ofRelay(
    'counter',
    'p2p_relay_server_forwarded_datagrams_total',
    'Datagrams that the relay here forwarded.',
    (relay) => relay.datagramsForwarded,
  ),
  ofRelay(
    'counter',
    'p2p_relay_server_forwarded_bytes_total',
    'Bytes that the relay here forwarded.',
    (relay) => relay.bytesForwarded,
  ),
  {
    name: 'p2p_relay_server_drops_total',
    type: 'counter',
    help: "Datagrams that the relay here didn't forward.",
    labels: ['reason'],
    samples: ({ relay }) => (relay === null ? [] : drops(relay.drops)),
  },
  plain(
    'gauge',
    'p2p_event_loop_lag_seconds',
    'How late the event loop was when these figures were asked for.',
    (figures) => figures.process.loopLagMs / 1000,
  ),
  plain(
    'counter',
    'p2p_event_loop_busy_seconds_total',
    'Time in which the event loop had something to do.',
    (figures) => figures.process.loopBusyMs / 1000,
  ),
  plain(
    'counter',
    'process_cpu_seconds_total',
    'CPU time of the daemon, user and system.',
    (f) => f.process.cpuSeconds,
  ),
  plain('gauge', 'process_start_time_seconds', 'When it started, Unix time.', (f) => f.process.startedSeconds),
  plain('gauge', 'process_resident_memory_bytes', 'Memory that it has.', (f) => f.process.residentBytes),
  plain('gauge', 'process_open_fds', 'File descriptors that it has open.', (f) => f.process.openDescriptors),
  plain('gauge', 'p2p_heap_used_bytes', 'Of its memory, what JavaScript uses.', (f) => f.process.heapBytes),
];

function plain(type: Family['type'], name: string, help: string, value: (figures: Figures) => number | null): Family {
  return { type, name, help, labels: [], samples: (figures) => single(value(figures)) };
}

function ofRelay(type: Family['type'], name: string, help: string, value: (relay: RelayInfo) => number): Family {
  return plain(type, name, help, ({ relay }) => (relay === null ? null : value(relay)));
}
