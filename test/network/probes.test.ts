/** The budget for probes and the queue before it: what one victim, one router can get, whoever asks; and that nobody starves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import { MAX_BUCKETS, PROBE_RATES, ProbeBudget } from '../../src/network/probe-budget.js';
import { MAX_WAITING, type Probe, ProbeQueue } from '../../src/network/probe-queue.js';

const VICTIM = '203.0.113.7';
const far = (n: number) => makeEndpoint(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 4900);

function target(owner: string, endpoint: Endpoint, onLink = false) {
  return { owner, endpoint, onLink };
}

/** A queue and what it sent. */
function bench() {
  const queue = new ProbeQueue(0);
  const sent: { at: number; owner: string; endpoint: Endpoint }[] = [];
  const ask = (now: number, owner: string, endpoint: Endpoint, more: Partial<Probe> = {}) =>
    queue.ask(now, {
      what: 'handshake',
      ...target(owner, endpoint),
      tries: 0,
      isWanted: () => true,
      send: (at) => sent.push({ at, owner, endpoint }),
      ...more,
    });
  const run = (from: number, until: number) => {
    let ticks = 0;
    for (let at = from; queue.deadline() <= until; ticks++) {
      at = Math.max(at, queue.deadline());
      queue.tick(at);
    }
    return ticks;
  };
  return { queue, sent, ask, run };
}

test('one address gets a burst and then a trickle, under however many names and ports it is asked for', () => {
  const budget = new ProbeBudget(0);
  let granted = 0;
  for (let now = 0; now < 600_000; now += 250) {
    const owner = `peer ${now % 97_000}`;
    if (budget.take(now, target(owner, makeEndpoint(VICTIM, 1 + (now % 60_000))))) granted++;
  }
  const { burst, perSecond } = PROBE_RATES.address;
  assert.ok(granted >= burst && granted <= burst + perSecond * 600, `${granted} datagrams in ten minutes`);
});

test('one site, one IPv6 link and one IPv6 site are bounded as well', () => {
  const ask = (endpoint: (i: number) => Endpoint) => {
    const budget = new ProbeBudget(0);
    return Array.from({ length: 250 }, (_, i) => budget.take(0, target(`peer ${i}`, endpoint(i)))).filter(Boolean)
      .length;
  };
  assert.equal(
    ask((i) => makeEndpoint(`203.0.113.${i + 1}`, 4900)),
    PROBE_RATES.site.burst,
  );
  assert.equal(
    ask((i) => makeEndpoint(`2001:db8::${(i + 1).toString(16)}`, 4900)),
    PROBE_RATES.address.burst,
  );
  assert.equal(
    ask((i) => makeEndpoint(`2001:db8:0:${i.toString(16)}::1`, 4900)),
    PROBE_RATES.site.burst,
  );
});

test('a LAN is no site: each of its addresses stands for itself, of IPv6 too', () => {
  const budget = new ProbeBudget(0);
  for (let i = 1; i <= 100; i++) {
    assert.ok(budget.take(0, target(`a ${i}`, makeEndpoint(`192.0.2.${i}`, 4900), true)));
    assert.ok(budget.take(0, target(`b ${i}`, makeEndpoint(`2001:db8::${i}`, 4900), true)));
  }
});

test('one owner is bounded, and what is refused costs nobody else anything', () => {
  const budget = new ProbeBudget(0);
  const granted = Array.from({ length: 200 }, (_, i) => budget.take(0, target('peer 1', far(i << 8)))).filter(Boolean);
  assert.equal(granted.length, PROBE_RATES.owner.burst);
  const others = Array.from({ length: 250 }, (_, i) => budget.take(0, target(`peer ${i + 2}`, far(i << 8))));
  assert.equal(others.filter(Boolean).length, PROBE_RATES.all.burst - PROBE_RATES.owner.burst);
});

test('where a member has answered there is room for many members', () => {
  const budget = new ProbeBudget(0);
  const ask = () => Array.from({ length: 200 }, (_, i) => budget.take(0, target(`${i}`, makeEndpoint(VICTIM, i + 1))));
  assert.equal(ask().filter(Boolean).length, PROBE_RATES.address.burst);
  budget.prove(makeEndpoint(VICTIM, 9), false);
  assert.equal(ask().filter(Boolean).length, PROBE_RATES.provenAddress.burst);
});

test('whatever is asked, in any window no more leaves than the rates say', () => {
  const ask = fc.record({ ms: fc.integer({ min: 0, max: 500 }), owner: fc.nat(20), host: fc.nat(40), port: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(ask, { minLength: 200, maxLength: 600 }), (asks) => {
      const budget = new ProbeBudget(0);
      const granted: { at: number; address: string }[] = [];
      let now = 0;
      for (const { ms, owner, host, port } of asks) {
        now += ms;
        const address = `203.0.${host}.1`;
        if (budget.take(now, target(`${owner}`, makeEndpoint(address, 1 + port)))) granted.push({ at: now, address });
      }
      for (const { at, address } of granted) {
        const window = granted.filter((other) => other.at >= at && other.at <= at + 10_000);
        assert.ok(window.length <= PROBE_RATES.all.burst + PROBE_RATES.all.perSecond * 10);
        const there = window.filter((other) => other.address === address);
        assert.ok(there.length <= PROBE_RATES.address.burst + PROBE_RATES.address.perSecond * 10);
      }
    }),
    { numRuns: 50 },
  );
});

test('what is over the budget is put off, not lost: everyone gets a turn, who was never tried before those who were', () => {
  const { sent, ask, run, queue } = bench();
  const owners = Array.from({ length: 400 }, (_, i) => `peer ${i}`);
  for (const [i, owner] of owners.entries()) {
    ask(0, owner, far(i << 8), { what: 'handshake', tries: 3 });
    ask(0, owner, far((i << 8) + 1), { what: 'challenge', tries: 0 });
  }
  assert.equal(sent.length, PROBE_RATES.all.burst);
  assert.equal(queue.counts().waiting, 800 - PROBE_RATES.all.burst);
  run(0, 60_000);
  assert.equal(new Set(sent.map(({ endpoint }) => endpoint)).size, 800);
  const later = sent.slice(PROBE_RATES.all.burst);
  const firstTries = later.map(({ endpoint }) => endpoint.includes('.1:'));
  assert.ok(firstTries.lastIndexOf(true) < firstTries.indexOf(false), 'first tries go first');
  assert.deepEqual(queue.counts(), { sent: 800, putOff: 800 - PROBE_RATES.all.burst, waiting: 0 });
  assert.equal(queue.deadline(), Number.POSITIVE_INFINITY);
});

test('probes to a victim do not hold up those to others, nor make the queue spin', () => {
  const { sent, ask, run } = bench();
  for (let i = 0; i < 2_000; i++) ask(0, `peer ${i}`, makeEndpoint(VICTIM, i + 1));
  ask(0, 'honest', far(1));
  const ticks = run(0, 30_000);
  assert.ok(sent.some(({ owner, at }) => owner === 'honest' && at <= 1_000));
  assert.ok(sent.filter(({ endpoint }) => endpoint.startsWith(VICTIM)).length <= PROBE_RATES.address.burst + 3);
  assert.ok(ticks <= 31, `${ticks} turns in 30 s`);
});

test('what is no longer wanted when its turn comes costs nothing; one probe waits once', () => {
  const { sent, ask, run, queue } = bench();
  for (let i = 0; i < PROBE_RATES.all.burst; i++) ask(0, `peer ${i}`, far(i << 8));
  let wanted = true;
  for (let again = 0; again < 5; again++) ask(0, 'x', far(1), { isWanted: () => wanted });
  assert.equal(queue.counts().waiting, 1);
  wanted = false;
  run(0, 10_000);
  assert.equal(sent.filter(({ owner }) => owner === 'x').length, 0);
});

test('what waits is bounded, and who finds no room is told', () => {
  const { ask, queue } = bench();
  const taken = Array.from({ length: MAX_WAITING + 1_000 }, (_, i) => ask(0, `peer ${i}`, makeEndpoint(VICTIM, 4900)));
  assert.equal(queue.counts().waiting, MAX_WAITING);
  assert.equal(taken.at(-1), false);
});

test('a victim is not forgotten, and given another burst, by naming more addresses than there are buckets for', () => {
  const budget = new ProbeBudget(0);
  let [there, elsewhere] = [0, 0];
  for (let now = 0; now < 600_000; now += 30) {
    if (budget.take(now, target(`peer ${now}`, makeEndpoint(VICTIM, 4900)))) there++;
    if (budget.take(now, target(`other ${now}`, far((now / 30) << 8)))) elsewhere++;
  }
  assert.ok(elsewhere > 3 * MAX_BUCKETS, `${elsewhere} others`);
  assert.ok(there <= PROBE_RATES.address.burst + PROBE_RATES.address.perSecond * 600, `${there} to the victim`);
});

test('an IPv4 address has one budget, whether it is on-link at that moment or not', () => {
  const budget = new ProbeBudget(0);
  const take = (i: number) => budget.take(0, target(`peer ${i}`, makeEndpoint(VICTIM, i + 1), i % 2 === 0));
  assert.equal(Array.from({ length: 100 }, (_, i) => take(i)).filter(Boolean).length, PROBE_RATES.address.burst);
});
