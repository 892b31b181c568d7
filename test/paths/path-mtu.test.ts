import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FrameNeeds, ladderOf } from '../../src/paths/ladder.js';
import { PathMtu } from '../../src/paths/path-mtu.js';
import { seeded } from '../sim/random.js';

/** Of an overlay MTU of 1,360 bytes: what a frame takes, and what it takes with VLAN tags through a relay. */
const NEEDS: FrameNeeds = { whole: 1_416, most: 1_440 };
const RTT = 30;
const PATIENCE = 500;
const HEADERS = 28;

/** A path of some MTU over IPv4 whose other end answers. */
class Bench {
  now = 0;
  /** Bytes of IP packet that pass; 0: the path is dead. */
  passes: number;
  /** Probability that a datagram is lost. */
  loss = 0;
  readonly asked: { readonly at: number; readonly mtu: number }[] = [];
  readonly mtu: PathMtu;
  private readonly random;
  private answers: { at: number; token: Uint8Array | null }[] = [];

  constructor(passes: number, needs = NEEDS, seed = 1) {
    this.passes = passes;
    this.random = seeded(seed);
    this.mtu = new PathMtu(this.random, ladderOf('ipv4', needs));
  }

  /** A small challenge goes out and is answered, if the path lives. */
  sign(): void {
    if (this.survives(100)) this.answers.push({ at: this.now + RTT, token: null });
    else this.mtu.pause();
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      for (const { token, bytes } of this.mtu.tick(this.now, PATIENCE)) {
        this.asked.push({ at: this.now, mtu: bytes + HEADERS });
        if (this.survives(bytes + HEADERS)) this.answers.push({ at: this.now + RTT, token });
      }
      if (this.mtu.wantsSign && !this.answers.some(({ token }) => token === null)) this.sign();
      this.answers.sort((a, b) => a.at - b.at);
      const next = Math.min(this.mtu.deadline(), this.answers[0]?.at ?? Number.POSITIVE_INFINITY);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.take();
    }
    this.now = end;
  }

  begin(): this {
    this.sign();
    this.run(0);
    return this;
  }

  private take(): void {
    const due = this.answers.filter(({ at }) => at <= this.now);
    this.answers = this.answers.filter(({ at }) => at > this.now);
    for (const { token } of due) {
      if (token !== null) assert.ok(this.mtu.answered(this.now, token) || token.length === 8);
      this.mtu.alive(this.now);
    }
  }

  private survives(mtu: number): boolean {
    return mtu <= this.passes && (this.random(1)[0] ?? 0) >= this.loss * 256;
  }
}

test('on an ordinary path one probe is enough, a round trip after the first answer', () => {
  const bench = new Bench(1_500).begin();
  bench.run(3 * RTT);
  assert.equal(bench.mtu.mtu, 1_500);
  assert.deepEqual(bench.asked, [{ at: RTT, mtu: 1_500 }]);
  bench.run(3_600_000);
  assert.equal(bench.asked.length, 1, 'nothing more to find, nothing to ask');
});

test('nothing is asked before the path has answered', () => {
  const bench = new Bench(1_500);
  bench.run(60_000);
  assert.equal(bench.asked.length, 0);
  assert.equal(bench.mtu.mtu, 1_280);
});

for (const [passes, expected] of [
  [1_280, 1_280],
  [1_300, 1_280],
  [1_420, 1_420],
  [1_444, 1_444],
  [1_450, 1_444],
  [1_492, 1_492],
  [1_499, 1_492],
  [1_499, 1_492],
  [1_100, 1_060],
] as const) {
  test(`a path of ${passes} bytes is used with ${expected}, soon`, () => {
    const bench = new Bench(passes).begin();
    bench.run(10_000);
    assert.equal(bench.mtu.mtu, expected);
    const found = bench.asked.find(({ mtu }) => mtu === expected)?.at ?? 0;
    assert.ok(found <= PATIENCE + 2 * RTT, `asked after ${found} ms`);
    assert.ok(bench.asked.length <= 3 * 22, `${bench.asked.length} probes`);
  });
}

test('jumbo frames are looked for only where the overlay has a use for them', () => {
  assert.equal(new Bench(9_000).begin().mtu.mtu, 1_280);
  const jumbo = new Bench(9_000, { whole: 8_956, most: 8_980 }).begin();
  jumbo.run(3 * RTT);
  assert.equal(jumbo.mtu.mtu, 9_000);
  const ordinary = new Bench(1_500, { whole: 8_956, most: 8_980 }).begin();
  ordinary.run(10_000);
  assert.equal(ordinary.mtu.mtu, 1_500);
});

test('what failed is tried again after ten minutes, not before', () => {
  const bench = new Bench(1_400).begin();
  bench.run(10_000);
  const asked = bench.asked.length;
  bench.passes = 1_500;
  bench.run(590_000 - 10_000);
  assert.equal(bench.asked.length, asked);
  bench.run(20_000);
  assert.equal(bench.mtu.mtu, 1_500);
});

test('a black hole is found within two seconds of being watched, and the search begins again at once', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  bench.passes = 1_400;
  bench.mtu.watch(bench.now);
  bench.run(2_000);
  assert.equal(bench.mtu.mtu, 1_400);
});

test('while nothing large is sent, nothing is watched', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  bench.passes = 1_400;
  bench.run(3_600_000);
  assert.equal(bench.asked.length, 1);
});

test('bulk costs one probe each time that it is told, and none while the last answer is young', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  for (let i = 0; i < 10; i++) {
    bench.mtu.watch(bench.now);
    bench.run(200);
    bench.mtu.watch(bench.now);
    bench.run(1_800);
  }
  assert.equal(bench.asked.length, 1 + 10);
});

test('a dead path is no black hole', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  bench.passes = 0;
  bench.mtu.watch(bench.now);
  bench.run(60_000);
  assert.equal(bench.mtu.mtu, 1_500);
  assert.ok(bench.asked.length < 8, `${bench.asked.length} probes into a dead path`);
  bench.passes = 1_420;
  bench.sign();
  bench.run(3_000);
  assert.equal(bench.mtu.mtu, 1_420, 'the question was still open');
});

test('an interface that refuses a size brings the base at once; a refusal of what is no longer sent is nothing', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  bench.passes = 1_300;
  bench.mtu.refused(bench.now, 1_473);
  assert.equal(bench.mtu.mtu, 1_500);
  bench.mtu.refused(bench.now, 1_472);
  assert.equal(bench.mtu.mtu, 1_280);
  bench.mtu.refused(bench.now, 1_472);
  assert.equal(bench.mtu.mtu, 1_280);
  bench.run(5_000);
  assert.equal(bench.mtu.mtu, 1_280);
});

test('another path is measured anew once it answers', () => {
  const bench = new Bench(1_500).begin();
  bench.run(5_000);
  bench.mtu.restart();
  assert.equal(bench.mtu.mtu, 1_280);
  bench.run(5_000);
  assert.equal(bench.asked.length, 1);
  bench.passes = 1_460;
  bench.sign();
  bench.run(2_000);
  assert.equal(bench.mtu.mtu, 1_460);
});

test('over IPv6 the base is the least, and UDP payloads are smaller by the longer header', () => {
  const ladder = ladderOf('ipv6', NEEDS);
  assert.deepEqual([ladder.floor, ladder.headers], [1_280, 48]);
  assert.ok(ladder.rungs.includes(NEEDS.whole + 48));
  assert.equal(new PathMtu(seeded(1), ladder).maxDatagram, 1_232);
});

test('whatever the path does and loses: never a size that was not answered for, a bound on probes, and the right size in the end', () => {
  const step = fc.record({
    ms: fc.integer({ min: 1, max: 30_000 }),
    passes: fc.constantFrom(0, 1_100, 1_280, 1_300, 1_420, 1_492, 1_500, 9_000),
    event: fc.constantFrom('watch', 'restart', 'refused', 'sign', 'none'),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 20 }), (seed, steps) => {
      const bench = new Bench(1_500, NEEDS, seed).begin();
      bench.loss = 0.1;
      for (const { ms, passes, event } of steps) {
        bench.passes = passes;
        if (event === 'watch') bench.mtu.watch(bench.now);
        else if (event === 'restart') bench.mtu.restart();
        else if (event === 'refused') bench.mtu.refused(bench.now, bench.mtu.maxDatagram);
        else if (event === 'sign') bench.sign();
        const asked = bench.asked.length;
        bench.run(ms);
        assert.ok(bench.asked.length - asked <= 4 * 3 * 12, 'probes of one step');
        assert.ok(bench.mtu.deadline() > bench.now);
      }
      bench.passes = 1_492;
      bench.loss = 0;
      bench.mtu.restart();
      bench.sign();
      bench.run(5_000);
      assert.equal(bench.mtu.mtu, 1_492);
    }),
    { numRuns: 200 },
  );
});
