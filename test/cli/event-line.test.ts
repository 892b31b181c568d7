import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventLine } from '../../src/cli/event-line.js';
import type { DaemonEvent } from '../../src/rpc/event-info.js';

const OF = { time: '2026-11-21T12:00:00.123Z', network: '00'.repeat(16), device: 'p2p0' };
const BEN = { ...OF, peer: '0123456789abcdef', name: 'ben' };
const LAN = { path: 'lan', endpoint: '192.0.2.2:4900' } as const;

const LINES: readonly (readonly [DaemonEvent, string])[] = [
  [{ ...OF, kind: 'network-started', port: 4900 }, 'network up, UDP port 4900'],
  [{ ...OF, kind: 'network-stopped', why: 'it was left' }, 'network stopped: it was left'],
  [{ ...OF, kind: 'network-failed', why: 'gone', retryMs: 2_000 }, 'network down: gone; next attempt in 2s'],
  [
    { ...BEN, kind: 'peer-connected', addresses: ['10.10.10.2/24'], ...LAN },
    'ben (0123456789abcdef) 10.10.10.2 connected: lan 192.0.2.2:4900',
  ],
  [{ ...BEN, kind: 'peer-disconnected', why: null }, 'ben (0123456789abcdef) disconnected'],
  [{ ...BEN, kind: 'peer-disconnected', why: 'it left' }, 'ben (0123456789abcdef) disconnected: it left'],
  [{ ...BEN, kind: 'peer-refused', why: 'the keys differ' }, 'ben (0123456789abcdef) refused: the keys differ'],
  [
    { ...BEN, kind: 'path-changed', ...LAN, before: { path: 'relay', endpoint: 'r' } },
    'ben (0123456789abcdef) now by lan 192.0.2.2:4900, no longer relay r',
  ],
  [{ ...OF, kind: 'key-rotated', key: '5f1c09aa', until: null }, 'key 5f1c09aa in use'],
  [
    { ...OF, kind: 'key-rotated', key: '5f1c09aa', until: 1798761600 },
    'key 5f1c09aa in use until 2027-01-01 00:00:00 UTC',
  ],
  [{ ...OF, kind: 'key-expired' }, 'network stands still: its last key has ended'],
  [{ ...OF, kind: 'key-renewed' }, 'network goes on: there is a key again'],
  [{ ...OF, kind: 'relay-connected', relay: 'r:4910', transport: 'udp' }, 'relay r:4910 connected (udp)'],
  [{ ...OF, kind: 'relay-lost', relay: 'r:4910', transport: 'tls', why: 'no' }, 'relay r:4910 lost (tls): no'],
  [
    { ...OF, kind: 'health-changed', problems: 1, appeared: ['a'], gone: ['b', 'c'] },
    '1 problem; new: a; over: b; over: c',
  ],
  [{ ...OF, kind: 'health-changed', problems: 0, appeared: [], gone: ['a'] }, 'healthy; over: a'],
];

test('each kind of event is one line: when, where, what', () => {
  for (const [event, words] of LINES) assert.equal(eventLine(event), `2026-11-21 12:00:00.123 UTC  p2p0  ${words}`);
});
