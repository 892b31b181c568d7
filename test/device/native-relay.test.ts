/** Devices and the data plane of a relay between them: frames, super-frames, bulk, limits, ends. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { concat } from '../../src/core/bytes.js';
import type { RelayTransport } from '../../src/core/way.js';
import type { Origin } from '../../src/device/relay-device.js';
import { RelayHost } from './host.js';
import { HOST_ADDRESS, type HostName, isRoot } from './namespaces.js';
import { OVERLAY, OVERLAY_6, PEER, PORT } from './pair.js';
import {
  CLIENT_INDEX,
  lastStep,
  login1,
  PSEUDONYM,
  RELAY_INDEX,
  RelayedPair,
  relayConfig,
  relayEndpoint,
  relayMessage,
  wayTo,
} from './relayed.js';

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

  for (const transports of [
    { one: 'tls', two: 'tls' },
    { one: 'udp', two: 'tls' },
  ] as const) {
    it(`carries by ${transports.one} to who is there by ${transports.two}, both ways`, async () => {
      await open();
      const origins = [await relayed.logIn('one', transports.one), await relayed.logIn('two', transports.two)];
      assert.deepEqual(
        origins.map((origin) => origin.slice(0, 3)),
        [transports.one, transports.two],
      );
      await relayed.goThrough(transports);
      await relayed.pair.namespaces.run('one', 'ping', '-c', '3', '-i', '0.05', '-W', '2', OVERLAY.two);
      await carries('one', OVERLAY.two);
      await carries('two', OVERLAY_6.one);
      const { tlsConnections, bytesForwarded } = await relayed.relay.stats();
      assert.equal(tlsConnections, transports.one === 'tls' ? 2 : 1);
      assert.ok(bytesForwarded > 8 * MEGABYTE, `${bytesForwarded} bytes forwarded`);
    });
  }

  for (const transport of ['udp', 'tls'] as const) {
    it(`names the way by ${transport} that things came, and says of no address that it was seen`, async () => {
      await open();
      const { one, two } = relayed.pair.hosts;
      for (const host of ['one', 'two'] as const) await relayed.logIn(host, transport);
      one.forget();
      two.forget();
      const token = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
      const challenge = concat(new Uint8Array([1, 0, 26]), token, new Uint8Array(18));
      await one.apply({ kind: 'send-control', peer: PEER, messages: challenge, to: wayTo('two', transport) });
      const answer = await one.event('control');
      assert.equal(answer.from, wayTo('two', transport));
      assert.deepEqual([...answer.messages], [2, 0, 26, ...token, ...new Uint8Array(18)]);
      // Its own path is the direct one.
      assert.equal((await two.event('strayed')).from, wayTo('one', transport));
      await one.apply({ kind: 'close-relay', relay: relayEndpoint(transport), transport });
      await one.apply({ kind: 'send-control', peer: PEER, messages: challenge, to: wayTo('two', transport) });
      assert.equal((await one.stats()).drops['relay-down'], 1);
    });
  }

  it('asks for a cookie first, and hands up only what a client may say', async () => {
    await open();
    const relay = relayEndpoint('udp');
    const [one, two] = [relayed.pair.hosts.one, relayed.pair.hosts.two];
    await relayed.logIn('one', 'udp');
    await two.apply({ kind: 'open-relay', relay, transport: 'udp', proxy: null });
    relayed.relay.forget();
    const say = (datagram: Uint8Array) => ({ kind: 'send-relay', relay, transport: 'udp', datagram }) as const;
    // A message under another's index, a login of a wrong length, a last step without a first; then one that may.
    await two.apply(say(relayMessage(RELAY_INDEX.one)), say(login1(5).subarray(1)), say(lastStep()));
    await one.apply(say(relayMessage(RELAY_INDEX.one)));
    const heard = await relayed.relay.event('datagram');
    assert.deepEqual([heard.from, heard.datagram[0]], [`udp/${HOST_ADDRESS.one}:${PORT}`, 0x49]);
    assert.equal(relayed.relay.events.length, 1);
    const { drops } = await relayed.relay.stats();
    assert.equal(drops['client-unknown'], 1);
    assert.equal(drops['login-unasked'], 1);
    assert.equal(drops['unknown-kind'], 1);
  });

  it('forwards nothing to who shares no tag, nor from where nobody logged in', async () => {
    await open();
    await relayed.logIn('one', 'udp');
    await relayed.logIn('two', 'udp');
    await relayed.goThrough({ one: 'udp', two: 'udp' });
    const ping = () => relayed.pair.namespaces.run('one', 'ping', '-c', '1', '-W', '1', OVERLAY.two);
    await ping();
    await relayed.relay.apply({
      kind: 'install-client',
      from: `udp/${HOST_ADDRESS.two}:${PORT}` as Origin,
      index: RELAY_INDEX.two,
      clientIndex: CLIENT_INDEX.two,
      pseudonym: PSEUDONYM.two,
      tags: [new Uint8Array(16)],
      bytesPerSecond: 0,
    });
    await assert.rejects(ping());
    await relayed.relay.apply({ kind: 'drop-client', index: RELAY_INDEX.one });
    await assert.rejects(ping());
    const { drops } = await relayed.relay.stats();
    assert.ok((drops['pseudonym-unknown'] ?? 0) > 0 && (drops['client-unknown'] ?? 0) > 0, JSON.stringify(drops));
  });

  it('lets a client send no faster than it may', async () => {
    await open();
    await relayed.logIn('one', 'udp', MEGABYTE);
    await relayed.logIn('two', 'udp');
    await relayed.goThrough({ one: 'udp', two: 'udp' });
    const began = performance.now();
    await carries('one', OVERLAY.two, 2 * MEGABYTE);
    const seconds = (performance.now() - began) / 1_000;
    // A quarter of a second's worth may come at once.
    assert.ok(seconds > 1.5, `2 MiB at 1 MiB/s took ${seconds} s`);
    assert.ok(((await relayed.relay.stats()).drops['client-rate'] ?? 0) > 0);
  });

  it('tells of a connection that ends, on both sides', async () => {
    await open();
    const from = await relayed.logIn('two', 'tls');
    const relay = relayEndpoint('tls');
    await relayed.pair.hosts.two.apply({ kind: 'close-relay', relay, transport: 'tls' });
    assert.equal((await relayed.relay.event('gone')).from, from);
    assert.deepEqual((await relayed.relay.stats()).clients, []);
    await relayed.logIn('two', 'tls');
    await relayed.relay.close();
    const closed = await relayed.pair.hosts.two.event('relay-closed');
    assert.match(closed.error, /192\.0\.2\.1:4911/);
    relayed.pair.hosts.two.forget();
    await relayed.pair.hosts.two.apply({ kind: 'open-relay', relay, transport: 'tls', proxy: null });
    assert.match((await relayed.pair.hosts.two.event('relay-closed')).error, /connecting to the relay.*refused/);
    await relayed.relay.open(relayConfig());
  });

  it('leaves no port behind, closed or killed, and says which one is taken', async () => {
    await relayed.pair.open();
    const listening = async () => {
      const sockets = await relayed.pair.namespaces.run('one', 'ss', '-Hanut');
      return sockets.split('\n').filter((line) => /LISTEN|UNCONN/.test(line) && /:491[01] /.test(line)).length;
    };
    await relayed.relay.open(relayConfig());
    assert.equal(await listening(), 4);
    const other = new RelayHost(relayed.pair.namespaces.name('one'));
    try {
      await assert.rejects(other.open(relayConfig()), { code: 'port-taken', message: /4910/ });
      await assert.rejects(other.open(relayConfig({ port: 4_912 })), { code: 'port-taken', message: /4911/ });
      await assert.rejects(other.open(relayConfig({ host: '198.51.100.7' })), { code: 'address-refused' });
      await relayed.relay.close();
      assert.equal(await listening(), 0);
      await other.open(relayConfig());
      assert.equal(await listening(), 4);
      await other.kill();
      assert.equal(await listening(), 0);
    } finally {
      await other.end();
    }
    await relayed.relay.open(relayConfig());
  });

  it('is measured beside the direct way', async (context) => {
    await open();
    const times: Record<'direct' | RelayTransport, number[]> = { direct: [], udp: [], tls: [] };
    for (let round = 0; round < 3; round++) {
      await relayed.goDirectly();
      times.direct.push(await carries('one', OVERLAY.two, 16 * MEGABYTE));
      for (const transport of ['udp', 'tls'] as const) {
        for (const host of ['one', 'two'] as const) await relayed.logIn(host, transport);
        await relayed.goThrough({ one: transport, two: transport });
        times[transport].push(await carries('one', OVERLAY.two, 16 * MEGABYTE));
      }
    }
    const median = (way: keyof typeof times) => times[way].sort((a, b) => a - b)[1] ?? 0;
    const ratio = (transport: RelayTransport) => (median('direct') / median(transport)).toFixed(2);
    context.diagnostic(`TCP through the relay to direct, medians of 3: ${ratio('udp')} by UDP, ${ratio('tls')} by TLS`);
  });
});
