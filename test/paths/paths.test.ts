import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointParts, makeEndpoint } from '../../src/core/endpoint.js';
import { relayWay, type Way } from '../../src/core/way.js';
import { MAX_CANDIDATES } from '../../src/paths/candidates.js';
import { type PathOutput, Paths } from '../../src/paths/paths.js';
import { seeded } from '../sim/random.js';

const LAN = makeEndpoint('192.0.2.2', 4900);
const RELAY = relayWay('udp', makeEndpoint('198.51.100.2', 4910), new Uint8Array(8));
const V4 = makeEndpoint('198.51.100.2', 4900);
const V6 = makeEndpoint('2001:db8::2', 4900);

/** Of an overlay MTU of 1,360 bytes. */
const NEEDS = { whole: 1_416, most: 1_440 };

/** Paths and a peer that answers where it's reachable, after the round trip given there. */
class Bench {
  now = 0;
  readonly reach = new Map<Way, number>();
  readonly challenges: { at: number; to: Way; token: Uint8Array }[] = [];
  readonly used: (Way | null)[] = [];
  deaths = 0;
  /** What endpoints that never answered wait for. */
  leave: 'given' | 'awaited' = 'given';
  readonly wishes: Way[] = [];
  readonly paths: Paths;
  private readonly answers: { at: number; token: Uint8Array; from: Way }[] = [];

  constructor(seed = 1) {
    this.paths = new Paths({
      random: seeded(seed),
      kindOf: (endpoint) => (endpoint.startsWith('192.0.2.') ? 'lan' : 'direct'),
      needs: () => NEEDS,
    });
  }

  take(outputs: readonly PathOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'dead') this.deaths++;
      else if (output.kind === 'use') this.used.push(output.endpoint);
      else if (output.kind === 'wish') this.wish(output.to);
      else if (output.kind === 'challenge') {
        this.challenges.push({ at: this.now, to: output.to, token: output.token });
        const rtt = this.reach.get(output.to);
        if (rtt !== undefined) this.answers.push({ at: this.now + rtt, token: output.token, from: output.to });
      }
    }
  }

  private wish(to: Way): void {
    if (this.leave === 'given') this.take(this.paths.probe(this.now, to));
    else this.wishes.push(to);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.answers.sort((a, b) => a.at - b.at);
      const answer = this.answers[0];
      const next = Math.min(answer?.at ?? Number.POSITIVE_INFINITY, this.paths.deadline());
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (answer !== undefined && answer.at <= this.now) {
        this.answers.shift();
        this.take(this.paths.answered(this.now, answer.token, this.now, answer.from));
      } else this.take(this.paths.tick(this.now));
    }
    this.now = end;
  }

  get inUse(): Way | undefined {
    return this.paths.current?.endpoint;
  }
}

test('the first answer carries traffic; a better kind takes over, a worse one does not', () => {
  const bench = new Bench();
  bench.reach.set(V4, 35).set(V6, 40).set(LAN, 80);
  for (const endpoint of [V4, V6, LAN]) bench.take(bench.paths.add(0, endpoint));
  assert.equal(bench.challenges.length, 0, 'nothing to probe with before there is a session');
  bench.take(bench.paths.start(0));
  bench.run(200);
  assert.deepEqual(bench.used, [V4, V6, LAN]);
  bench.run(120_000);
  assert.deepEqual(bench.used, [V4, V6, LAN]);
});

test('IPv6 is preferred where it works about as well, and not where it is much slower', () => {
  const chosen = (v4: number, v6: number) => {
    const bench = new Bench();
    bench.reach.set(V4, v4).set(V6, v6);
    for (const endpoint of [V4, V6]) bench.take(bench.paths.add(0, endpoint));
    bench.take(bench.paths.start(0));
    bench.run(300_000);
    return bench.inUse;
  };
  assert.equal(chosen(10, 10), V6);
  assert.equal(chosen(10, 14), V6);
  assert.equal(chosen(100, 105), V6);
  assert.equal(chosen(10, 60), V4);
  assert.equal(chosen(100, 300), V4);
});

test('of two paths of one kind traffic moves to one that is clearly faster, not to one that is a little', () => {
  const other = makeEndpoint('198.51.100.3', 4900);
  const bench = new Bench();
  bench.reach.set(V4, 50).set(other, 48);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(100);
  bench.take(bench.paths.add(bench.now, other));
  bench.run(60_000);
  assert.equal(bench.inUse, V4);
  bench.reach.set(other, 5);
  bench.run(600_000);
  assert.equal(bench.inUse, other);
});

test('a path that stops answering is left for the next best, within seconds once it is doubted', () => {
  const bench = new Bench();
  bench.reach.set(LAN, 1).set(V4, 30);
  for (const endpoint of [LAN, V4]) bench.take(bench.paths.add(0, endpoint));
  bench.take(bench.paths.start(0));
  bench.run(1_000);
  assert.equal(bench.inUse, LAN);
  bench.reach.delete(LAN);
  bench.take(bench.paths.doubt(bench.now));
  bench.run(2_000);
  assert.equal(bench.inUse, V4);
  assert.equal(bench.deaths, 0);
});

test('while the path in use is silent another that answers takes over at once, and gives way again', () => {
  const bench = new Bench();
  bench.reach.set(LAN, 1).set(V4, 30);
  for (const endpoint of [LAN, V4]) bench.take(bench.paths.add(0, endpoint));
  bench.take(bench.paths.start(0));
  bench.run(5_000);
  bench.reach.delete(LAN);
  bench.take(bench.paths.doubt(bench.now));
  bench.run(600);
  assert.equal(bench.inUse, V4);
  bench.reach.set(LAN, 1);
  bench.run(10_000);
  assert.equal(bench.inUse, LAN);
});

test('a way that worked is asked on after the peer was given up, so that it is found a second after the network is back', () => {
  const bench = new Bench();
  bench.reach.set(V4, 30);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(5_000);
  bench.reach.clear();
  bench.take(bench.paths.doubt(bench.now));
  bench.run(60_000);
  assert.equal(bench.deaths, 1);
  assert.equal(bench.inUse, undefined);
  const before = bench.challenges.length;
  bench.run(60_000);
  assert.ok(bench.challenges.length - before <= 61, 'once a second');
  bench.reach.set(V4, 30);
  bench.run(1_100);
  assert.equal(bench.inUse, V4);
});

test('a path on the LAN is asked less often than one that may lead through a NAT', () => {
  const perHour = (endpoint: Way) => {
    const bench = new Bench();
    bench.reach.set(endpoint, 1);
    bench.take(bench.paths.add(0, endpoint));
    bench.take(bench.paths.start(0));
    bench.run(3_600_000);
    return bench.challenges.length;
  };
  assert.ok(perHour(V4) >= 240, 'more than twice in the 30 s after which a NAT forgets');
  assert.ok(perHour(LAN) * 1.5 < perHour(V4));
});

test('when nothing answers any more the peer is given up, and not before', () => {
  const bench = new Bench();
  bench.reach.set(V4, 30);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(40_000);
  bench.reach.clear();
  bench.run(60_000);
  assert.equal(bench.deaths, 1);
  assert.equal(bench.used.at(-1), null);
});

test('one lost challenge changes nothing', () => {
  const bench = new Bench();
  bench.reach.set(V4, 30);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(1_000);
  bench.reach.delete(V4);
  bench.take(bench.paths.doubt(bench.now));
  bench.run(600);
  bench.reach.set(V4, 30);
  bench.run(60_000);
  assert.deepEqual(bench.used, [V4]);
});

test('an address that never answers is asked ever less often, and costs little', () => {
  const bench = new Bench();
  bench.reach.set(LAN, 1);
  for (const endpoint of [LAN, V4]) bench.take(bench.paths.add(0, endpoint));
  bench.take(bench.paths.start(0));
  bench.run(3_600_000);
  const asked = bench.challenges.filter(({ to }) => to === V4);
  assert.ok(asked.length < 80, `${asked.length} challenges in an hour`);
  assert.ok(asked.length > 50, 'but it is never given up');
});

test('candidates are bounded, and the path in use is never the one to go', () => {
  const bench = new Bench();
  bench.reach.set(V6, 10);
  bench.take(bench.paths.add(0, V6));
  bench.take(bench.paths.start(0));
  bench.run(100);
  for (let i = 0; i < 500; i++) bench.take(bench.paths.add(bench.now, makeEndpoint('203.0.113.1', 1000 + i)));
  assert.equal(bench.paths.known().length, MAX_CANDIDATES);
  assert.equal(bench.inUse, V6);
  assert.ok(bench.paths.has(V6));
});

test('what never answered waits for leave; a peer all of whose endpoints wait for it is given up later', () => {
  const bench = new Bench();
  bench.leave = 'awaited';
  bench.reach.set(V4, 10);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(10_000);
  assert.deepEqual([bench.challenges.length, bench.wishes.length, bench.deaths], [0, 1, 0]);
  bench.take(bench.paths.probe(bench.now, V4));
  bench.run(1_000);
  assert.equal(bench.inUse, V4);
  bench.run(60_000);
  assert.equal(bench.wishes.length, 1, 'once it has answered it needs no leave');

  const other = new Bench();
  other.leave = 'awaited';
  other.take(other.paths.add(0, V4));
  other.take(other.paths.start(0));
  other.run(60_000);
  assert.equal(other.deaths, 1);
});

test('handshakes go round: what was tried less comes first, what answered before all', () => {
  const bench = new Bench();
  for (const endpoint of [V6, V4, LAN]) bench.take(bench.paths.add(0, endpoint));
  assert.deepEqual(bench.paths.known(), [LAN, V6, V4]);
  bench.paths.greeted(0, LAN);
  bench.paths.greeted(0, V6);
  assert.deepEqual(bench.paths.known(), [V4, LAN, V6]);
  bench.reach.set(V6, 10);
  bench.take(bench.paths.start(0));
  bench.run(100);
  assert.deepEqual(bench.paths.known(), [V6, V4, LAN]);
});

test('a forged or late token is nothing', () => {
  const bench = new Bench();
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  assert.deepEqual(bench.paths.answered(1, new Uint8Array(8), 1, V4), []);
  assert.equal(bench.inUse, undefined);
});

test('an answer from elsewhere proves nothing: the challenge may have been led there', () => {
  const bench = new Bench();
  const answer = (from: Way) => bench.paths.answered(1, bench.challenges.at(-1)?.token ?? new Uint8Array(8), 1, from);
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  for (const from of [LAN, V6, RELAY]) bench.take(answer(from));
  assert.equal(bench.inUse, undefined);
  assert.ok(!bench.paths.isProven(V4));
  const { ip } = endpointParts(V4);
  bench.take(answer(makeEndpoint(ip, 1)));
  assert.equal(bench.inUse, V4);
});

test('whatever answers and fails: what is in use has answered, and the deadline is never in the past after a tick', () => {
  const step = fc.record({
    ms: fc.integer({ min: 1, max: 20_000 }),
    which: fc.integer({ min: 0, max: 2 }),
    rtt: fc.option(fc.integer({ min: 1, max: 400 })),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 30 }), (seed, steps) => {
      const bench = new Bench(seed);
      for (const endpoint of [LAN, V4, V6]) bench.take(bench.paths.add(0, endpoint));
      bench.take(bench.paths.start(0));
      const everReached = new Set<Way>();
      for (const { ms, which, rtt } of steps) {
        const endpoint = [LAN, V4, V6][which] ?? LAN;
        if (rtt === null) bench.reach.delete(endpoint);
        else {
          bench.reach.set(endpoint, rtt);
          everReached.add(endpoint);
        }
        bench.run(ms);
        assert.ok(bench.inUse === undefined || everReached.has(bench.inUse));
        assert.ok(bench.paths.deadline() > bench.now);
      }
    }),
    { numRuns: 50 },
  );
});

test('where something authentic came from needs no leave, once; a peer that got its leave late has time to answer', () => {
  const bench = new Bench();
  bench.leave = 'awaited';
  bench.take(bench.paths.add(0, V4));
  bench.take(bench.paths.start(0));
  bench.run(100);
  bench.take(bench.paths.heardFrom(bench.now, V4, 'handshake'));
  assert.deepEqual([bench.challenges.length, bench.wishes.length], [1, 1]);
  bench.run(3_000);
  assert.deepEqual([bench.challenges.length, bench.wishes.length], [1, 2]);
  bench.run(9_000);
  bench.reach.set(V4, 200);
  bench.take(bench.paths.probe(bench.now, V4));
  bench.run(1_000);
  assert.deepEqual([bench.inUse, bench.deaths], [V4, 0]);
});
