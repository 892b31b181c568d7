/** Devices with several queues: what goes side by side arrives whole, in order within a flow, and only once. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Host } from './host.js';
import { type HostName, isRoot } from './namespaces.js';
import { config, OVERLAY, OVERLAY_6, Pair, PORT, type Side } from './pair.js';

const MEGABYTE = 1 << 20;
const FLOWS = 6;
/** Has one CPU take what comes over the cable, as one queue of a card would: else the cable itself reorders when a sender changes its CPU. */
const ONE_CPU = 'echo 1 > /sys/class/net/cable/queues/rx-0/rps_cpus';
const threads = (number: number): Side => ({ changes: { threads: number } });

describe('several queues', { skip: isRoot ? false : 'needs root', timeout: 300_000 }, () => {
  let pair: Pair;

  before(async () => {
    pair = await Pair.make();
    for (const host of ['one', 'two'] as const) await pair.namespaces.run(host, 'sh', '-c', ONE_CPU);
  });

  after(() => pair.remove());
  afterEach(() => pair.close());

  /** Several flows at once, in both directions and families. */
  async function carriesFlows(length: number): Promise<void> {
    const flows = Array.from({ length: FLOWS }, async (_, flow) => {
      const from: HostName = flow % 3 === 2 ? 'two' : 'one';
      const address = (flow % 2 === 0 ? OVERLAY : OVERLAY_6)[from === 'one' ? 'two' : 'one'];
      const [sent, received] = await pair.tcp(from, address, length, 5_200 + flow);
      assert.match(sent, /^[0-9a-f]{64}$/);
      assert.equal(received, sent);
    });
    await Promise.all(flows);
  }

  async function drops(host: HostName): Promise<Record<string, number>> {
    return (await pair.hosts[host].stats()).drops;
  }

  it('carries several flows at once, whatever number of queues each side has', async () => {
    for (const [one, two] of [
      [2, 2],
      [4, 4],
      [3, 1],
      [2, 3],
    ] as const) {
      await pair.open({ one: threads(one), two: threads(two) });
      await carriesFlows(4 * MEGABYTE);
      for (const host of ['one', 'two'] as const) {
        const wrong = Object.keys(await drops(host)).filter((reason) =>
          /offload|part|forged|replayed|old|lane|unknown/.test(reason),
        );
        assert.deepEqual(wrong, [], `${one} and ${two} queues`);
      }
      await pair.close();
    }
    await pair.open();
  });

  it('spreads flows over lanes, each with a hop limit of its own', async () => {
    await pair.open({ one: threads(4), two: threads(4) });
    const nft = (...rule: string[]) => pair.namespaces.run('two', 'nft', ...rule);
    await nft('add table inet t; add chain inet t in { type filter hook prerouting priority -300; }');
    try {
      // The lane: two bytes, two bytes into the payload.
      for (const lane of [0, 1, 2, 3]) {
        const ours = `iifname cable udp dport ${PORT} @th,64,8 0x40 @th,80,16 ${lane}`;
        await nft(`add rule inet t in ${ours} ip ttl ${64 - lane} counter comment right`);
        await nft(`add rule inet t in ${ours} ip ttl != ${64 - lane} counter comment wrong`);
      }
      await pair.ordered('one', OVERLAY.two, 32, 64);
      const rules = await nft('list', 'chain', 'inet', 't', 'in');
      const counts = (comment: string) =>
        [...rules.matchAll(new RegExp(`packets (\\d+) bytes \\d+ comment "${comment}"`, 'g'))].map(([, n]) =>
          Number(n),
        );
      assert.ok(
        counts('right').every((count) => count > 0),
        rules,
      );
      assert.deepEqual(counts('wrong'), [0, 0, 0, 0]);
    } finally {
      await nft('delete', 'table', 'inet', 't');
    }
  });

  it('keeps each flow in order', async () => {
    for (const [one, two] of [
      [4, 4],
      [4, 1],
      [2, 3],
    ] as const) {
      await pair.open({ one: threads(one), two: threads(two) });
      // What waits for an address to be resolved is overtaken by what comes right after.
      await pair.namespaces.run('one', 'ping', '-c', '1', OVERLAY.two);
      const count = 4_000;
      const { came, late } = await pair.ordered('one', OVERLAY.two, 8, count);
      assert.deepEqual(late, Array(8).fill(0), `${one} and ${two} queues`);
      // Short of room datagrams are dropped; there's nothing to show if most are.
      assert.ok(
        came.every((number) => number > count / 4),
        String(came),
      );
      await pair.close();
    }
    await pair.open();
  });

  it('lets nothing in twice over a bad wire', async () => {
    await pair.open({ one: threads(4), two: threads(4) }, { seed: 11, loss: 10, duplication: 20, reordering: 20 });
    await carriesFlows(MEGABYTE);
    const { replayed, forged } = await drops('two');
    assert.ok((replayed ?? 0) > 0);
    assert.equal(forged, undefined);
    const { came, late } = await pair.ordered('one', OVERLAY.two, 4, 500);
    assert.ok(came.every((number, flow) => number <= 500 && (late[flow] ?? 0) < 100));
  });

  it('leaves nothing behind, closed or killed, and shares its port with nobody', async () => {
    const links = () => pair.namespaces.run('one', 'ip', '-o', 'link');
    await pair.open({ one: threads(4) });
    const other = new Host(pair.namespaces.name('one'));
    try {
      const elsewhere = config('one', { name: 'p2p1', addresses: [], threads: 4 });
      await assert.rejects(other.open(elsewhere), { code: 'port-taken' });
      await assert.rejects(other.open({ ...elsewhere, name: 'p2p0', port: PORT + 1 }), { code: 'name-taken' });
      await pair.close();
      assert.doesNotMatch(await links(), /p2p0/);
      await other.open(elsewhere);
      assert.match(await links(), /p2p1/);
      await other.kill();
      assert.doesNotMatch(await links(), /p2p1/);
      await pair.open({ one: threads(4) });
    } finally {
      await other.end();
    }
  });
});
