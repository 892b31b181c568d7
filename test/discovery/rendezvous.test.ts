/** The rendezvous machine against a DHT that's a map: meeting, forgetting, lying, clocks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayOf } from '../../src/core/days.js';
import { publicKeyOf } from '../../src/discovery/dht/announce-key.js';
import {
  Rendezvous,
  type RendezvousInput,
  type RendezvousOutput,
  type RendezvousRequest,
} from '../../src/discovery/dht/rendezvous.js';
import { openRecord, type RendezvousSecrets, sealRecord } from '../../src/discovery/dht/sealed-record.js';
import { VirtualClock } from '../sim/clock.js';
import { seeded } from '../sim/random.js';

const NOON = Date.UTC(2026, 10, 21, 12);
const DAY = 86_400_000;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

class Dht {
  readonly topics = new Map<string, Map<string, Uint8Array>>();
  readonly values = new Map<string, { value: Uint8Array; sequence: number }>();
  refuses = false;
  delay = 20;
}

class Member {
  readonly rendezvous: Rendezvous;
  readonly found: string[] = [];
  readonly problems: string[] = [];
  readonly requests: RendezvousRequest[] = [];
  dropped = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly dht: Dht,
    readonly name: string,
    readonly options: { network?: number; wallClock?: number; boot?: number; secret?: number } = {},
  ) {
    this.rendezvous = new Rendezvous(
      this.secrets,
      publicKeyOf,
      seeded(name.charCodeAt(0) * 1000 + (options.boot ?? 1)),
      options.boot ?? 1,
    );
    this.feed({ kind: 'ready' });
    this.feed({ kind: 'record', record: new TextEncoder().encode(name) });
  }

  get secrets(): RendezvousSecrets {
    const fill = (byte: number) => new Uint8Array(32).fill(byte);
    const network = this.options.network ?? 1;
    return {
      topicKey: fill(network),
      recordKey: fill(network + 100),
      announceSecret: fill(this.options.secret ?? this.name.charCodeAt(0)),
    };
  }

  get unix(): number {
    return (this.options.wallClock ?? NOON) + this.clock.now;
  }

  feed(input: RendezvousInput): void {
    for (const output of this.rendezvous.handle(this.clock.now, this.unix, input)) this.carryOut(output);
    const deadline = this.rendezvous.deadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.clock.at(deadline, () => this.rendezvous.deadline() <= this.clock.now && this.feed({ kind: 'tick' }));
  }

  private carryOut(output: RendezvousOutput): void {
    if (output.kind === 'found') this.found.push(new TextDecoder().decode(output.record));
    else if (output.kind === 'problem') this.problems.push(output.text);
    else if (output.kind === 'dropped') this.dropped++;
    else this.clock.at(this.clock.now + this.dht.delay, () => this.answer(output.request));
  }

  private answer(request: RendezvousRequest): void {
    this.requests.push(request);
    const { topics, values } = this.dht;
    if (request.kind === 'publish') {
      const key = publicKeyOf(request.seed);
      const stored = values.get(hex(key));
      if (!this.dht.refuses) {
        topics.set(hex(request.topic), (topics.get(hex(request.topic)) ?? new Map()).set(hex(key), key));
        if (stored === undefined || stored.sequence < request.sequence) values.set(hex(key), request);
      }
      this.feed({ kind: 'published', day: request.day, error: this.dht.refuses ? 'refused' : null });
    } else if (request.kind === 'look') {
      this.feed({ kind: 'looked', day: request.day, keys: [...(topics.get(hex(request.topic))?.values() ?? [])] });
    } else {
      const stored = values.get(hex(request.key));
      this.feed({
        kind: 'fetched',
        day: request.day,
        key: request.key,
        value: stored?.value ?? null,
        sequence: stored?.sequence ?? 0,
      });
    }
  }
}

function world() {
  return { clock: new VirtualClock(), dht: new Dht() };
}

test('members that start at once find each other within a second', () => {
  const { clock, dht } = world();
  const members = ['a', 'b', 'c'].map((name) => new Member(clock, dht, name));
  clock.runUntil(1_500);
  for (const member of members) {
    assert.deepEqual(new Set(member.found), new Set(['a', 'b', 'c'].filter((name) => name !== member.name)));
    assert.match(member.rendezvous.state(clock.now) ?? '', /^announced \d s ago, 2 members found$/);
  }
});

test('another network is not found, and what it put under our topic is dropped', () => {
  const { clock, dht } = world();
  const [a, stranger] = [new Member(clock, dht, 'a'), new Member(clock, dht, 's', { network: 2 })];
  clock.runUntil(60_000);
  assert.deepEqual([a.found, stranger.found], [[], []]);
  const topic = [...dht.topics.values()][0];
  const foreign = [...dht.values.keys()].at(-1) ?? '';
  topic?.set(foreign, Buffer.from(foreign, 'hex'));
  clock.runUntil(200_000);
  assert.deepEqual(a.found, []);
  assert.ok(a.dropped > 0);
});

test('a DHT that has forgotten us is noticed within about a minute', () => {
  const { clock, dht } = world();
  const a = new Member(clock, dht, 'a');
  clock.runUntil(10 * 60_000);
  dht.topics.clear();
  dht.values.clear();
  const b = new Member(clock, dht, 'b');
  clock.runUntil(clock.now + 70_000);
  assert.deepEqual(b.found.slice(0, 1), ['a']);
  assert.ok(a.found.includes('b'));
});

test('a clock that is a day off keeps nobody apart, and is told; around midnight it is nothing', () => {
  const { clock, dht } = world();
  const a = new Member(clock, dht, 'a');
  const late = new Member(clock, dht, 'l', { wallClock: NOON - DAY });
  clock.runUntil(5_000);
  assert.ok(a.found.includes('l') && late.found.includes('a'));
  assert.match(a.problems.join(), /2026-11-20, and it's 2026-11-21 here: one of the clocks is a day off/);

  const other = world();
  const before = new Member(other.clock, other.dht, 'b', { wallClock: Date.UTC(2026, 10, 21, 23, 59, 50) });
  const after = new Member(other.clock, other.dht, 'n', { wallClock: Date.UTC(2026, 10, 22, 0, 0, 10) });
  other.clock.runUntil(5_000);
  assert.ok(before.found.includes('n') && after.found.includes('b'));
  assert.deepEqual([...before.problems, ...after.problems], []);
});

test('a day passes: the member moves to the new topic', () => {
  const { clock, dht } = world();
  const a = new Member(clock, dht, 'a');
  clock.runUntil(DAY);
  const days = new Set(a.requests.filter(({ kind }) => kind === 'publish').map(({ day }) => day));
  assert.deepEqual([...days], [dayOf(NOON), dayOf(NOON + DAY)]);
});

test('a machine that starts at 1970 says so', () => {
  const { clock, dht } = world();
  const a = new Member(clock, dht, 'a', { wallClock: 1_000 });
  clock.runUntil(1_000);
  assert.match(a.problems[0] ?? '', /clock says 1970-01-01/);
});

test('the sequence grows over a restart, whatever the clock does; a counter that fell back catches up', () => {
  const { clock, dht } = world();
  const first = new Member(clock, dht, 'a', { boot: 7 });
  clock.runUntil(60_000);
  const stored = () => [...dht.values.values()][0]?.sequence ?? 0;
  const before = stored();
  first.feed({ kind: 'lost' });
  new Member(clock, dht, 'a', { boot: 8, wallClock: NOON - 3_600_000 });
  clock.runUntil(clock.now + 10_000);
  assert.ok(stored() > before);
  const high = stored();
  new Member(clock, dht, 'a', { boot: 2 });
  clock.runUntil(clock.now + 120_000);
  assert.ok(stored() > high, 'the restored machine has put its own record');
});

test("two machines with one identity get to see each other's record", () => {
  const { clock, dht } = world();
  const original = new Member(clock, dht, 'a');
  const clone = new Member(clock, dht, 'c', { secret: 'a'.charCodeAt(0) });
  clock.runUntil(200_000);
  assert.ok(original.found.includes('c'));
  assert.ok(clone.found.includes('a'));
});

test('a DHT that refuses is asked at a bounded pace and the reason is shown', () => {
  const { clock, dht } = world();
  dht.refuses = true;
  const a = new Member(clock, dht, 'a');
  clock.runUntil(60 * 60_000);
  const publishes = a.requests.filter(({ kind }) => kind === 'publish').length;
  assert.ok(publishes < 75, `${publishes} tries in an hour`);
  assert.match(a.rendezvous.state(clock.now) ?? '', /not announced: refused/);
});

test('a DHT that never answers does not stop the machine, nor make it spin', () => {
  const { clock, dht } = world();
  dht.delay = Number.POSITIVE_INFINITY;
  const a = new Member(clock, dht, 'a');
  clock.runUntil(60 * 60_000);
  dht.delay = 20;
  clock.runUntil(clock.now + 6 * 60_000);
  assert.match(a.rendezvous.state(clock.now) ?? '', /^announced/);
});

test('what lies in the DHT is one length, and opens for its own day and key only', () => {
  const { clock, dht } = world();
  const { secrets } = new Member(clock, dht, 'a');
  const key = new Uint8Array(32).fill(5);
  const record = new TextEncoder().encode('a record with a name in it');
  const values = [record, new Uint8Array(800)].map((r) =>
    sealRecord(secrets, '2026-11-21', key, new Uint8Array(24), r),
  );
  assert.deepEqual(
    values.map(({ length }) => length),
    [941, 941],
  );
  const value = values[0] ?? new Uint8Array();
  assert.deepEqual(openRecord(secrets, '2026-11-21', key, value), record);
  assert.equal(openRecord(secrets, '2026-11-22', key, value), null);
  assert.equal(openRecord(secrets, '2026-11-21', new Uint8Array(32), value), null);
  for (let i = 0; i < value.length; i += 13)
    assert.equal(
      openRecord(
        secrets,
        '2026-11-21',
        key,
        value.map((b, j) => (i === j ? b ^ 1 : b)),
      ),
      null,
    );
  assert.equal(openRecord(secrets, '2026-11-21', key, new Uint8Array(2_000)), null);
  assert.equal(openRecord(secrets, '2026-11-21', key, new Uint8Array()), null);
});
