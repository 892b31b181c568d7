/** Devices and the data plane of a relay between them: frames, super-frames, bulk, limits, ends. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type HostName, isRoot } from './namespaces.js';
import { OVERLAY, OVERLAY_6 } from './pair.js';
import { RELAY_INDEX, RelayedPair, relayConfig } from './relayed.js';

const MEGABYTE = 1 << 20;

describe('a relay between two devices', { skip: isRoot ? false : 'needs root', timeout: 300_000 }, () => {
  let relayed: RelayedPair;

  before(async () => {
    relayed = await RelayedPair.make();
  });

  after(() => relayed.remove());

  afterEach(async () => {
    await relayed.pair.close();
    await relayed.relay.close();
    relayed.relay.forget();
  });

  async function open(): Promise<void> {
    await relayed.relay.open(relayConfig());
    await relayed.pair.open();
  }

  async function carries(from: HostName, address: string, length = 4 * MEGABYTE): Promise<number> {
    const began = performance.now();
    const [sent, received] = await relayed.pair.tcp(from, address, length);
    assert.match(sent, /^[0-9a-f]{64}$/);
    assert.equal(received, sent);
    return performance.now() - began;
  }

  it('carries frames and super-frames by UDP, runs of them as one message', async () => {
    await open();
    await relayed.logIn('one', 'udp');
    await relayed.logIn('two', 'udp');
    await relayed.goThrough({ one: 'udp', two: 'udp' });
    await relayed.pair.namespaces.run('one', 'ping', '-c', '3', '-i', '0.05', '-W', '2', OVERLAY.two);
    const { framesOut, bytesOut } = await relayed.pair.counted('one', async () => {
      await carries('one', OVERLAY.two, 16 * MEGABYTE);
    });
    assert.ok(bytesOut / framesOut > 2 * 1_374, `${bytesOut} bytes in ${framesOut} frames`);
    await carries('two', OVERLAY_6.one);
    const stats = await relayed.relay.stats();
    assert.ok(stats.bytesForwarded > 20 * MEGABYTE, `${stats.bytesForwarded} bytes forwarded`);
    assert.deepEqual(
      stats.clients.map(({ index, bytesIn }) => [index, bytesIn > MEGABYTE]).sort(),
      [RELAY_INDEX.one, RELAY_INDEX.two].map((index) => [index, true]),
    );
    // Not one of them went another way, and none was opened that hadn't been sealed for us.
    const { drops } = await relayed.pair.hosts.two.stats();
    assert.deepEqual(
      Object.keys(drops).filter((reason) => /relay|forged|part|malformed/.test(reason)),
      [],
    );
  });
});
