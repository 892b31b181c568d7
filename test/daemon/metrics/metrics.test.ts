/** What's measured: names by Prometheus' conventions, bounded labels, and sums that never fall. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { NetworkFigures } from '../../../src/daemon/metrics/figures.js';
import { FAMILIES, Metrics } from '../../../src/daemon/metrics/metrics.js';
import { MAX_LABELLED_PEERS } from '../../../src/daemon/metrics/peer-labels.js';
import type { NetworkInfo, PeerInfo } from '../../../src/rpc/network-info.js';
import type { RelayInfo } from '../../../src/rpc/relay-info.js';

const DASHBOARD = fileURLToPath(new URL('../../../../platform/grafana/p2p.json', import.meta.url));
const ID = 'ab'.repeat(16);

function peer(n: number, more: Partial<PeerInfo> = {}): PeerInfo {
  return {
    id: n.toString(16).padStart(16, '0'),
    name: `peer ${n}`,
    hostName: null,
    addresses: [`10.10.10.${n}/24`],
    ula: null,
    held: [`10.10.10.${n}`],
    bridge: false,
    mac: '02:00:00:00:00:02',
    state: 'connected',
    path: 'lan',
    endpoint: '192.0.2.2:4900',
    rttMs: 2,
    pathMtu: 1500,
    connectedMs: 1,
    framesIn: 1,
    bytesIn: 100,
    framesOut: 2,
    bytesOut: 200,
    source: 'lan',
    lastError: null,
    knownSince: null,
    routes: [],
    ...more,
  };
}

function network(peers: readonly PeerInfo[], more: Partial<NetworkInfo> = {}): NetworkFigures {
  const info: NetworkInfo = {
    id: ID,
    hash: 'the secret hash',
    state: 'running',
    error: null,
    retryMs: null,
    device: 'p2p0',
    addresses: ['10.10.10.1/24'],
    ...{ ula: null, dynamic: false, seeking: false },
    mac: '02:00:00:00:00:01',
    name: 'ada',
    hostName: null,
    port: 4900,
    mtu: 1360,
    mssClamp: false,
    bridge: false,
    peerId: '0123456789abcdef',
    lan: 'on',
    dht: 'on',
    portMapping: { state: 'off', gateway: null, protocol: null, external: null, expiresMs: null, attempts: [] },
    relays: [],
    routes: [],
    acceptRoutes: [],
    memberRoutes: [],
    forwardOnly: false,
    log: 'INFO',
    keyEnds: null,
    peers: [...peers],
    unanswered: [],
    problems: ['one'],
    drops: { 'replayed "x"': 3 },
    ...more,
  };
  const handshakes = { initiated: 5, completed: 4, rekeys: 2 };
  return { info, live: { handshakes, dht: { nodes: 42, found: 1, announcedMs: 5_000 } } };
}

const RELAY: RelayInfo = {
  id: 'cd'.repeat(32),
  port: 4910,
  tlsPort: null,
  error: null,
  tlsConnections: 0,
  datagramsForwarded: 7,
  bytesForwarded: 700,
  bytesPerSecond: 0,
  clients: [],
  drops: { stranger: 1 },
};

function metrics(networks: () => readonly NetworkFigures[], relay: RelayInfo | null = null): Metrics {
  const events = { subscribers: 0, lostItems: 0 };
  return new Metrics({ version: '1.2.3', networks, relay: () => relay, problems: [], events });
}

/** The value of the series whose line begins so; null if there's none. */
function value(text: string, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

const text = await metrics(() => [network([peer(2)], { keyEnds: 1_798_761_600 })], RELAY).text();

test('names, units and help are as Prometheus has them', () => {
  const names = FAMILIES.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, type, help, labels } of FAMILIES) {
    assert.match(name, /^(p2p|process)_[a-z0-9_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', `${name}: a counter, and nothing else, ends so`);
    assert.match(help, /^[A-Z].{10,150}\.$/);
    assert.doesNotMatch(name, /_(ms|milliseconds|kb|percent)(_|$)/, 'base units');
    for (const label of labels)
      assert.match(label, /^(network|peer|direction|reason|state|path|relay|result|device|version)$/);
  }
});

test('every metric is there with its type, and says what the daemon knows', () => {
  const absent = new Set([
    'p2p_network_relay_rtt_seconds',
    ...(process.platform === 'linux' ? [] : ['process_open_fds']),
  ]);
  for (const { name, type } of FAMILIES) {
    assert.ok(text.includes(`# TYPE ${name} ${type}\n`), name);
    if (!absent.has(name)) assert.match(text, new RegExp(`^${name}[ {]`, 'm'));
  }
  assert.equal(value(text, `p2p_network_traffic_bytes_total{network="${ID}",direction="in"}`), 100);
  assert.equal(value(text, `p2p_network_members{network="${ID}",state="connected"}`), 1);
  assert.equal(value(text, `p2p_network_members{network="${ID}",state="refused"}`), 0);
  assert.equal(value(text, `p2p_network_drops_total{network="${ID}",reason="replayed \\"x\\""}`), 3);
  assert.equal(value(text, `p2p_peer_rtt_seconds{network="${ID}",peer="0000000000000002"}`), 0.002);
  assert.equal(value(text, `p2p_dht_announce_age_seconds{network="${ID}"}`), 5);
  assert.equal(value(text, `p2p_network_handshakes_total{network="${ID}",result="completed"}`), 4);
  assert.equal(value(text, 'p2p_relay_server_forwarded_bytes_total'), 700);
});

test('what there is nothing to tell of is absent, not 0; and no secret or name of a member is in it', async () => {
  const without = await metrics(() => []).text();
  for (const series of ['p2p_relay_server_up', 'p2p_relay_server_clients'])
    assert.equal(value(without, series), null, series);
  assert.equal(value(without, 'p2p_problems'), 0);
  for (const secret of ['the secret hash', 'peer 2', '192.0.2.2', '10.10.10'])
    assert.ok(!text.includes(secret), secret);
});

test('only so many members get series; who has them keeps them, and the others are counted', async () => {
  const many = Array.from({ length: MAX_LABELLED_PEERS + 10 }, (_, n) => peer(n));
  let peers: readonly PeerInfo[] = [peer(9_999), ...many];
  const measured = metrics(() => [network(peers)]);
  const labelled = (of: string) =>
    of
      .split('\n')
      .filter((line) => line.startsWith('p2p_peer_rtt_seconds{'))
      .map((line) => /peer="(\w+)"/.exec(line)?.[1]);
  const first = await measured.text();
  assert.equal(labelled(first).length, MAX_LABELLED_PEERS);
  assert.equal(value(first, 'p2p_unlabelled_peers'), 11);
  peers = [...many.map((each) => peer(Number.parseInt(each.id, 16) + 20_000)), ...peers];
  assert.deepEqual(labelled(await measured.text()), labelled(first), 'newcomers take nobody out');
  peers = peers.filter(({ id }) => id !== labelled(first)[0]);
  assert.equal(labelled(await measured.text()).length, MAX_LABELLED_PEERS, 'a place that is free is taken');
});

test('the traffic of a network never falls: not when a member goes, nor when its counters begin anew', async () => {
  let peers = [peer(1, { bytesIn: 1_000 }), peer(2, { bytesIn: 500 })];
  const measured = metrics(() => [network(peers)]);
  const total = async () =>
    value(await measured.text(), `p2p_network_traffic_bytes_total{network="${ID}",direction="in"}`);
  assert.equal(await total(), 1_500);
  peers = [peer(2, { bytesIn: 700 })];
  assert.equal(await total(), 1_700);
  peers = [peer(1, { bytesIn: 10 }), peer(2, { bytesIn: 20 })];
  assert.equal(await total(), 1_730);
});

test('who asks at once gets one answer; who asks later another', async () => {
  let asked = 0;
  const measured = metrics(() => {
    asked++;
    return [];
  });
  const [one, other] = await Promise.all([measured.text(), measured.text()]);
  assert.equal(one, other);
  assert.equal(asked, 1);
  await measured.text();
  assert.equal(asked, 2);
});

test("the dashboard's metrics and labels all exist", () => {
  const dashboard = readFileSync(DASHBOARD, 'utf8');
  const { panels } = JSON.parse(dashboard) as { panels: { title: string; targets: { expr: string }[] }[] };
  const families = new Map(FAMILIES.map((family) => [family.name, family]));
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  assert.ok(expressions.length > 20);
  for (const expression of expressions) {
    const named = [...expression.matchAll(/\b((?:p2p|process)_\w+)(?:\{([^}]*)\})?/g)];
    assert.ok(named.length > 0, expression);
    for (const [, name = '', selectors = ''] of named) {
      const family = families.get(name);
      assert.ok(family !== undefined, `${name} in ${expression}`);
      for (const [, label = ''] of selectors.matchAll(/(\w+)=/g))
        assert.ok(['instance', ...family.labels].includes(label), `${label} of ${name}`);
      assert.equal(
        /rate\($/.test(expression.slice(0, expression.indexOf(name))),
        family.type === 'counter',
        expression,
      );
    }
  }
  for (const [name] of dashboard.matchAll(/label_values\((\w+)/g)) assert.ok(families.has(name.slice(13)), name);
});
