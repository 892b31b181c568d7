/** The machine of a port mapping, against a router that the test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEndpoint } from '../../src/core/endpoint.js';
import type { MappingAnswer, MappingFailure, MappingRequest } from '../../src/core/port-mapping.js';
import { PortMapping, type PortMappingOutput } from '../../src/discovery/port-mapping/port-mapping.js';

const PORT = 50_123;
const ROUTE = { gateway: '192.168.1.1', device: 'eth0', local: '192.168.1.7' };
const OUTSIDE = makeEndpoint('203.0.113.7', PORT);
const SILENT: MappingAnswer = { kind: 'failed', reason: 'no-answer', error: 'no answer' };
const mapped = (external = OUTSIDE, lifetimeSeconds = 1800): MappingAnswer => ({
  kind: 'mapped',
  external,
  lifetimeSeconds,
});

/** A machine, its clock, and what it asked for that isn't answered yet. */
class Bench {
  now = 0;
  readonly machine = new PortMapping(PORT, new Uint8Array(12).fill(1), (bytes) => new Uint8Array(bytes));
  readonly asked: { readonly kind: 'map' | 'release'; readonly request: MappingRequest }[] = [];
  /** What the network was told, in order. */
  readonly told: (string | null)[] = [];

  feed(input: Parameters<PortMapping['handle']>[1]): void {
    for (const output of this.machine.handle(this.now, input)) this.note(output);
  }

  answer(answer: MappingAnswer): void {
    const asked = this.asked.shift();
    assert.ok(asked !== undefined, 'something was asked');
    this.feed({ kind: 'answer', request: asked.request, answer });
  }

  /** Lets time pass until the machine wants to be woken, at most until `at`. */
  until(at: number): void {
    while (this.machine.deadline() <= at && this.asked.length === 0) {
      this.now = Math.max(this.now, this.machine.deadline());
      this.feed({ kind: 'tick' });
    }
    if (this.asked.length === 0) this.now = at;
  }

  get next(): string {
    const [asked] = this.asked;
    return asked === undefined ? 'nothing' : `${asked.kind} ${asked.request.protocol} ${asked.request.externalPort}`;
  }

  private note(output: PortMappingOutput): void {
    if (output.kind === 'map' || output.kind === 'release') this.asked.push(output);
    if (output.kind === 'mapped') this.told.push(output.external);
  }
}

/** A machine that has a mapping by PCP. */
function mappedBench(lifetimeSeconds = 1800): Bench {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  bench.answer(mapped(OUTSIDE, lifetimeSeconds));
  return bench;
}

test('PCP, then NAT-PMP, then UPnP; the first that maps is told', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  for (const protocol of ['pcp', 'nat-pmp']) {
    assert.equal(bench.next, `map ${protocol} ${PORT}`);
    assert.equal(bench.machine.state(0).state, 'asking');
    bench.answer(SILENT);
  }
  assert.equal(bench.next, `map upnp ${PORT}`);
  bench.answer(mapped());
  assert.deepEqual(bench.told, [OUTSIDE]);
  const { state, protocol, external, expiresMs } = bench.machine.state(bench.now);
  assert.deepEqual(
    { state, protocol, external, expiresMs },
    {
      state: 'mapped',
      protocol: 'upnp',
      external: OUTSIDE,
      expiresMs: 1_800_000,
    },
  );
});

test('it asks the router by its own address, for half an hour, and never before there is a route', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: null });
  assert.equal(bench.next, 'nothing');
  assert.equal(bench.machine.state(0).state, 'no-router');
  assert.equal(bench.machine.deadline(), Number.POSITIVE_INFINITY);
  bench.feed({ kind: 'route', route: ROUTE });
  const { gateway, client, lifetimeSeconds } = bench.asked[0]?.request ?? {};
  assert.deepEqual([gateway, client, lifetimeSeconds], [ROUTE.gateway, ROUTE.local, 1800]);
});

test('a mapping is renewed at half its lifetime, with the port that it has', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  bench.answer(mapped(makeEndpoint('203.0.113.7', 4000), 600));
  for (let round = 1; round <= 3; round++) {
    bench.until(Number.MAX_SAFE_INTEGER);
    assert.equal(bench.next, 'map pcp 4000');
    assert.equal(bench.now, round * 300_000);
    bench.answer(mapped(makeEndpoint('203.0.113.7', 4000), 600));
  }
  assert.equal(bench.told.length, 1, 'nothing changed for the network');
});

test('however long a router promises, it is asked again after half of what was asked for', () => {
  const bench = mappedBench(86_400 * 7);
  bench.until(Number.MAX_SAFE_INTEGER);
  assert.equal(bench.now, 900_000);
});

test('another address at a renewal is told', () => {
  const bench = mappedBench();
  bench.until(Number.MAX_SAFE_INTEGER);
  const moved = makeEndpoint('203.0.113.8', PORT);
  bench.answer(mapped(moved));
  assert.deepEqual(bench.told, [OUTSIDE, moved]);
});

test('renewals that fail are tried until the mapping has run out; then all protocols are asked again', () => {
  const bench = mappedBench(600);
  let tries = 0;
  while (bench.told.length === 1) {
    bench.until(Number.MAX_SAFE_INTEGER);
    if (bench.told.length > 1) break;
    tries++;
    bench.answer(SILENT);
  }
  assert.ok(tries >= 5 && tries <= 20, `several tries, but no flood: ${tries}`);
  assert.equal(bench.now, 600_000);
  assert.deepEqual(bench.told, [OUTSIDE, null]);
  assert.equal(bench.next, `map pcp ${PORT}`);
});

test('an answer that never comes costs the mapping, and no spin', () => {
  const bench = mappedBench(600);
  bench.until(Number.MAX_SAFE_INTEGER);
  bench.asked.length = 0;
  bench.until(700_000);
  assert.deepEqual(bench.told, [OUTSIDE, null]);
});

test('a router that gives nothing is asked again ever more rarely, and the reasons are kept', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  const refusal: MappingFailure = { reason: 'refused', error: 'the router says: not authorized' };
  const began: number[] = [];
  for (let round = 0; round < 6; round++) {
    bench.until(Number.MAX_SAFE_INTEGER);
    began.push(bench.now);
    bench.answer({ kind: 'failed', ...refusal });
    bench.answer(SILENT);
    bench.answer(SILENT);
  }
  const waits = began.slice(1).map((at, i) => at - (began[i] ?? 0));
  assert.deepEqual(waits, [60_000, 300_000, 900_000, 3_600_000, 3_600_000]);
  const { state, attempts } = bench.machine.state(bench.now);
  assert.equal(state, 'none');
  assert.deepEqual(attempts[0], { protocol: 'pcp', ...refusal });
  assert.deepEqual(
    attempts.map(({ protocol }) => protocol),
    ['pcp', 'nat-pmp', 'upnp'],
  );
});

for (const ip of ['10.0.0.1', '172.16.3.4', '192.168.100.2', '100.64.0.9', '169.254.1.1', '0.0.0.0', '127.0.0.1'])
  test(`a mapping to ${ip} is given back and not asked for by other protocols`, () => {
    const bench = new Bench();
    bench.feed({ kind: 'route', route: ROUTE });
    bench.answer(mapped(makeEndpoint(ip, PORT)));
    assert.equal(bench.next, `release pcp ${PORT}`);
    bench.answer({ kind: 'released' });
    assert.equal(bench.next, 'nothing');
    assert.deepEqual(bench.told, []);
    const { state, attempts } = bench.machine.state(bench.now);
    assert.equal(state, 'none');
    assert.deepEqual(
      attempts.map(({ reason }) => reason),
      ['private'],
    );
    assert.match(attempts[0]?.error ?? '', new RegExp(ip));
    assert.ok(bench.machine.deadline() >= 3_600_000, 'not soon again');
  });

test('another router: the old mapping is forgotten, the new one is asked at once', () => {
  const bench = mappedBench();
  bench.feed({ kind: 'route', route: { ...ROUTE, gateway: '192.168.2.1' } });
  assert.deepEqual(bench.told, [OUTSIDE, null]);
  assert.equal(bench.next, `map pcp ${PORT}`);
  assert.equal(bench.asked[0]?.request.gateway, '192.168.2.1');
});

test('the same route again changes nothing', () => {
  const bench = mappedBench();
  bench.feed({ kind: 'route', route: { ...ROUTE } });
  assert.equal(bench.next, 'nothing');
  assert.deepEqual(bench.told, [OUTSIDE]);
});

test('an answer of the router before this one counts for nothing', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  const [old] = bench.asked.splice(0);
  bench.feed({ kind: 'route', route: { ...ROUTE, gateway: '192.168.2.1' } });
  assert.ok(old !== undefined);
  bench.feed({ kind: 'answer', request: old.request, answer: mapped() });
  assert.deepEqual(bench.told, []);
});

test('the end gives the mapping back, also one that is only on its way', () => {
  const bench = mappedBench();
  bench.feed({ kind: 'stop' });
  assert.equal(bench.next, `release pcp ${PORT}`);
  assert.equal(bench.machine.deadline(), Number.POSITIVE_INFINITY);

  const asking = new Bench();
  asking.feed({ kind: 'route', route: ROUTE });
  asking.feed({ kind: 'stop' });
  asking.answer(mapped());
  assert.equal(asking.next, `release pcp ${PORT}`);
  assert.deepEqual(asking.told, []);
});

test('a lifetime of nothing is no mapping', () => {
  const bench = new Bench();
  bench.feed({ kind: 'route', route: ROUTE });
  bench.answer(mapped(OUTSIDE, 0));
  assert.deepEqual(bench.told, []);
  assert.equal(bench.next, `map nat-pmp ${PORT}`);
});
