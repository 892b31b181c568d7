/** Bulk traffic through real devices, compared by hash: with and without each kind of offload, and over a bad wire. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { concat } from '../../src/core/bytes.js';
import { sealFrame } from '../../src/wire/transport.js';
import { Host } from './host.js';
import { type HostName, isRoot } from './namespaces.js';
import { config, type Faults, INDEX, MAC, macBytes, OVERLAY, OVERLAY_6, Pair, PEER, PORT, type Side } from './pair.js';

const MEGABYTE = 1 << 20;
const plain: Side = { changes: { tapOffload: false }, understood: false };
const bad: Faults = { seed: 7, loss: 10, duplication: 10, reordering: 20 };

describe('offload', { skip: isRoot ? false : 'needs root', timeout: 300_000 }, () => {
  let pair: Pair;

  before(async () => {
    pair = await Pair.make();
  });

  after(() => pair.remove());
  afterEach(() => pair.close());

  async function carries(from: HostName, address: string, length = 4 * MEGABYTE): Promise<void> {
    const [sent, received] = await pair.tcp(from, address, length);
    assert.match(sent, /^[0-9a-f]{64}$/);
    assert.equal(received, sent);
  }

  it('carries TCP in super-frames, over IPv4 and IPv6', async () => {
    await pair.open();
    for (const address of [OVERLAY.two, OVERLAY_6.two]) {
      const { framesOut, bytesOut } = await pair.counted('one', () => carries('one', address, 16 * MEGABYTE));
      // Frames larger than the MTU left the interface, and most of the bytes were in them.
      assert.ok(bytesOut / framesOut > 2 * 1_374, `${bytesOut} bytes in ${framesOut} frames`);
    }
    await carries('two', OVERLAY.one);
    const { drops } = await pair.hosts.two.stats();
    assert.deepEqual(
      Object.keys(drops).filter((reason) => /offload|part|forged/.test(reason)),
      [],
    );
  });

  it('gives a peer that understands no offload complete frames', async () => {
    await pair.open({ two: plain });
    await carries('one', OVERLAY.two);
    await carries('two', OVERLAY.one);
    await carries('one', OVERLAY_6.two);
    await pair.close();
    await pair.open({ one: plain, two: plain });
    const { framesOut, bytesOut } = await pair.counted('one', () => carries('one', OVERLAY.two));
    assert.ok(bytesOut / framesOut <= 1_374, `${bytesOut} bytes in ${framesOut} frames`);
    await carries('two', OVERLAY_6.one);
  });

  it('completes super-frames itself for an interface that takes none', async () => {
    await pair.open({ two: { changes: { tapOffload: false } } });
    const { framesOut, bytesOut } = await pair.counted('one', () => carries('one', OVERLAY.two));
    assert.ok(bytesOut / framesOut > 1_374, `${bytesOut} bytes in ${framesOut} frames`);
    await carries('one', OVERLAY_6.two);
    await carries('two', OVERLAY.one);
    const [sent, received] = await pair.udp('one', OVERLAY_6.two, { count: 20, length: 20_000, segment: 1_200 });
    assert.equal(received, sent);
  });

  it('does without UDP_SEGMENT and without UDP_GRO', async () => {
    for (const changes of [{ udpGso: false }, { udpGro: false }, { udpGso: false, udpGro: false }]) {
      await pair.open({ one: { changes }, two: { changes } });
      await carries('one', OVERLAY.two);
      await pair.close();
    }
    await pair.open();
  });

  it('switches each help while traffic goes on', async () => {
    await pair.open();
    const traffic = carries('one', OVERLAY.two, 64 * MEGABYTE);
    for (const on of [false, true]) {
      for (const help of ['tap-offload', 'udp-gso', 'udp-gro'] as const) {
        for (const host of ['one', 'two'] as const) await pair.hosts[host].apply({ kind: 'set-help', help, on });
      }
    }
    await traffic;
    assert.deepEqual(
      pair.hosts.one.events.filter(({ kind }) => kind === 'fallback'),
      [],
    );
    await assert.rejects(pair.hosts.one.apply({ kind: 'set-help', help: 'tso' as 'udp-gso', on: true }), /tso/);
  });

  it('carries everything over a bad wire, whichever side understands what', async () => {
    for (const [one, two] of [
      [{}, {}],
      [{}, plain],
      [plain, {}],
    ] as const) {
      await pair.open({ one, two }, bad);
      await carries('one', OVERLAY.two);
      await carries('two', OVERLAY_6.one, MEGABYTE);
      await pair.close();
    }
    await pair.open();
  });

  it('carries large UDP datagrams, and those that a kernel cut', async () => {
    await pair.open();
    for (const address of [OVERLAY.two, OVERLAY_6.two]) {
      const whole = await pair.udp('one', address, { count: 20, length: 60_000, segment: 0 });
      assert.equal(whole[1], whole[0]);
      const { framesOut } = await pair.counted('one', async () => {
        const cut = await pair.udp('one', address, { count: 50, length: 50_001, segment: 1_200 });
        assert.equal(cut[1], cut[0]);
        assert.match(cut[0], / 2100$/);
      });
      // Where the kernel leaves the cutting of UDP to us, each message is one frame.
      assert.ok(framesOut < 500, `${framesOut} frames for 50 messages`);
    }
  });

  it('carries segments for which the path has no room, whole or in pieces', async () => {
    await pair.open({ one: { maxDatagram: 1_252, changes: { mtu: 9_000 } }, two: { changes: { mtu: 9_000 } } });
    await carries('one', OVERLAY.two);
    await carries('two', OVERLAY_6.one);
  });

  it('loses nothing when the path shrinks', async () => {
    await pair.open();
    try {
      await pair.namespaces.run('one', 'ip', 'link', 'set', 'cable', 'mtu', '1400');
      await carries('one', OVERLAY.two);
      const { drops } = await pair.hosts.one.stats();
      assert.equal(drops['send-failed'] ?? 0, 0);
      // Datagrams left one by one, in fragments: what the kernel doesn't do with those that it's to cut itself.
      const counted = await pair.namespaces.run('one', 'nstat', '-asz', 'IpFragCreates');
      assert.ok(Number(/IpFragCreates +(\d+)/.exec(counted)?.[1]) > 1_000, counted);
      assert.deepEqual(
        pair.hosts.one.events.filter(({ kind }) => kind === 'fallback'),
        [],
      );
    } finally {
      await pair.namespaces.run('one', 'ip', 'link', 'set', 'cable', 'mtu', '1500');
    }
  });

  it('carries a VXLAN tunnel inside', async () => {
    await pair.open();
    for (const host of ['one', 'two'] as const) {
      const remote = host === 'one' ? OVERLAY.two : OVERLAY.one;
      const inside = (...args: string[]) => pair.namespaces.run(host, 'ip', ...args);
      await inside(...'link add vx0 type vxlan id 5 dstport 4789 dev p2p0 remote'.split(' '), remote);
      await inside('address', 'add', `10.20.0.${host === 'one' ? 1 : 2}/24`, 'dev', 'vx0');
      await inside('link', 'set', 'vx0', 'up');
    }
    await carries('one', '10.20.0.2');
    await carries('two', '10.20.0.1');
  });

  it('passes DSCP and ECN outwards, and congestion inwards', async () => {
    await pair.open();
    const nft = (...rule: string[]) => pair.namespaces.run('two', 'nft', ...rule);
    try {
      await nft('add table ip t; add chain ip t in { type filter hook prerouting priority -300; }');
      await nft('add rule ip t in iifname cable udp dport', String(PORT), 'ip dscp ef ip ecn ect0 counter');
      await nft('add rule ip t in iifname cable udp dport', String(PORT), 'ip ecn ect0 ip ecn set ce');
      await nft('add rule ip t in iifname p2p0 icmp type echo-request ip dscp ef ip ecn ce counter');
      // EF and ECT(0).
      await pair.namespaces.run('one', 'ping', '-c', '5', '-i', '0.02', '-Q', '0xba', OVERLAY.two);
      const rules = await nft('list', 'table', 'ip', 't');
      assert.match(rules, /dscp ef ip ecn ect0 counter packets [5-9]/);
      assert.match(rules, /dscp ef ip ecn ce counter packets 5/);
    } finally {
      await nft('delete', 'table', 'ip', 't');
    }
  });

  it("drops members' router advertisements where the kernel can't be told to", async () => {
    const contained = new Host(pair.namespaces.name('two'), 'mount --bind -o ro /proc/sys /proc/sys');
    try {
      await pair.open();
      await contained.open(config('two', { name: 'p2p1', port: PORT + 1, addresses: [] }));
      await contained.apply(
        { kind: 'set-peer', peer: PEER, macs: [macBytes(MAC.one)], offload: true },
        {
          kind: 'install-session',
          keys: {
            peer: PEER,
            localIndex: INDEX.two,
            remoteIndex: INDEX.one,
            sealKey: pair.keys.two,
            openKey: pair.keys.one,
            use: 'seal-when-heard',
            lifetime: 60_000,
          },
        },
      );
      for (const [counter, type] of [134, 128].entries()) {
        const place = { lane: 9, receiverIndex: INDEX.two, counter: BigInt(counter) };
        const datagram = sealFrame(pair.keys.one, place, icmp6(type));
        await pair.hosts.one.apply({ kind: 'send-datagram', to: `192.0.2.2:${PORT + 1}` as never, datagram });
      }
      await contained.event('session-heard');
      for (let attempt = 0; attempt < 50; attempt++) {
        const { drops, peers } = await contained.stats();
        if (drops['router-advertisement'] === 1 && peers[0]?.framesIn === 1) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.fail(JSON.stringify(await contained.stats()));
    } finally {
      await contained.end();
    }
  });
});

/** An ICMPv6 message in an Ethernet frame from one to two. */
function icmp6(type: number): Uint8Array {
  const packet = new Uint8Array(56);
  packet.set([0x60, 0, 0, 0, 0, 16, 58, 255]);
  packet[40] = type;
  return concat(macBytes(MAC.two), macBytes(MAC.one), Uint8Array.of(0x86, 0xdd), packet);
}
