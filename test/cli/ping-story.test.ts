/** What p2p ping tells of what the daemon answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PingStory } from '../../src/cli/ping-story.js';
import type { Result } from '../../src/rpc/schema.js';

type Ping = Result<'member.ping'>;

const COUNTS = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0 };
const PEER: Ping['peer'] = {
  ...{
    id: '0123456789abcdef',
    name: 'ben',
    hostName: null,
    addresses: ['10.10.10.2/24'],
    ula: null,
    held: [],
    bridge: false,
    mac: '02:00:00:00:00:01',
    source: 'dht',
  },
  ...{
    state: 'connected',
    path: 'none',
    endpoint: null,
    rttMs: null,
    pathMtu: null,
    connectedMs: null,
    knownSince: null,
    routes: [],
    lastError: null,
    ...COUNTS,
  },
};
const CANDIDATE: Ping['candidates'][number] = {
  ...{ endpoint: '192.0.2.2:4900', kind: 'direct', source: 'record', state: 'no answer', rttMs: null },
  ...{ answeredMs: null, misses: 4, tries: 7, triedMs: 3_000, mtu: null },
};

function ping(answer: Ping['answer'], peer: Partial<Ping['peer']> = {}): Ping {
  return { network: 'ab', device: 'p2p0', peer: { ...PEER, ...peer }, answer, candidates: [CANDIDATE] };
}

test('each answer with its path, and that the path changed', () => {
  const story = new PingStory();
  const relay = { path: 'relay', endpoint: '203.0.113.1:4910', rttMs: 40 } as const;
  const direct = { path: 'direct', endpoint: '192.0.2.2:4900', rttMs: 10 } as const;
  const lines = [relay, direct, direct].flatMap((answer) => story.add(ping(answer)));
  assert.deepEqual(lines, [
    'ben (0123456789abcdef) 10.10.10.2 on p2p0',
    '1: relay 203.0.113.1:4910 40.0ms',
    '2: direct 192.0.2.2:4900 10.0ms, no longer relay 203.0.113.1:4910',
    '3: direct 192.0.2.2:4900 10.0ms',
  ]);
  assert.deepEqual(story.summary(), [
    '',
    '3 sent, 3 answered, 0 % lost',
    'RTT: least 10.0ms, mean 20.0ms, most 40.0ms',
    'path: relay 203.0.113.1:4910 → direct 192.0.2.2:4900',
  ]);
  assert.equal(story.failure(), null);
});

test('why nothing answers, once, and in the end what was tried', () => {
  const story = new PingStory();
  const away = { state: 'unreachable', lastError: 'it stopped answering' } as const;
  const lines = [1, 2].flatMap(() => story.add(ping(null, away)));
  assert.deepEqual(lines.slice(1), ['1: no answer: unreachable, it stopped answering', '2: no answer']);
  assert.deepEqual(story.summary(), ['', '2 sent, 0 answered, 100 % lost']);
  assert.equal(
    story.failure(),
    "ben (0123456789abcdef) is not connected: it's unreachable: it stopped answering; tried: 192.0.2.2:4900 (7 times, last 3s ago)",
  );
});
