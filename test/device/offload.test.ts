/** Bulk traffic through real devices, compared by hash: with and without each kind of offload, and over a bad wire. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { concat, u16, u32, u64 } from '../../src/core/bytes.js';
import { sealGcm } from '../../src/core/crypto.js';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { sealFrame } from '../../src/wire/transport.js';
import { Host } from './host.js';
import { HOST_ADDRESS, type HostName, isRoot } from './namespaces.js';
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

  it('lets no frame past whose offload fields contradict it', async () => {
    await pair.open();
    const frame = tcp();
    const total = [frame.length >> 8, frame.length & 0xff];
    const good = [0x11, 16, 0, 34, 0, 10];
    const wrong = [
      [0x11, 16, 0, 34, 0, 0], // segments of nothing
      [0x11, 16, 0, 35, 0, 10], // L4 elsewhere
      [0x11, 16, 0xff, 0xff, 0, 10], // L4 outside
      [0x11, 6, 0, 34, 0, 10], // the field of UDP
      [0x11, 0xff, 0, 34, 0, 10], // a field outside
      [0x10, 16, 0, 34, 0, 10], // segments without checksum
      [0x21, 16, 0, 34, 0, 10], // IPv6
      [0x31, 6, 0, 34, 0, 10], // UDP
      [0x01, 200, 0, 34, 0, 0], // a checksum outside
      [0x01, 16, 0, 14, 0, 0], // a checksum in the IP header
    ];
    let counter = 0n;
    const send = async (cut: number, part: number[], content: Uint8Array) => {
      const datagram = sealedPart(pair.keys.one, counter++, cut, part, content);
      await pair.hosts.one.apply({ kind: 'send-datagram', to: makeEndpoint(HOST_ADDRESS.two, PORT), datagram });
    };
    for (const offload of wrong) {
      await send(0, [0, 1, ...total], concat(Uint8Array.from(offload), frame));
      await send(2, [0, 2, ...total], concat(Uint8Array.from(offload), frame.subarray(0, 64)));
    }
    const unknown = Uint8Array.from([0x71, 16, 0, 34, 0, 10]);
    await send(0, [0, 1, ...total], concat(unknown, frame));
    await send(2, [0, 3, ...total], concat(Uint8Array.from(good), frame.subarray(0, 64)));
    await send(2, [0, 2, ...total], concat(Uint8Array.from(good), frame.subarray(0, 65)));
    // The last is as it should be: it alone isn't dropped.
    await send(0, [0, 1, ...total], concat(Uint8Array.from(good), frame));
    const wanted = { 'offload-malformed': 2 * wrong.length - 2, 'offload-unsupported': 3, 'part-malformed': 2 };
    await eventually(async () => {
      const { drops, peers } = await pair.hosts.two.stats();
      const counted = Object.entries(drops).filter(([reason]) => /offload|part|frame|source|forged|tap/.test(reason));
      assert.deepEqual(Object.fromEntries(counted), wanted);
      assert.ok((peers[0]?.framesIn ?? 0) > 0);
    });
  });

  it("drops members' router advertisements where the kernel can't be told to", async () => {
    const contained = new Host(pair.namespaces.name('two'), 'mount --bind -o ro /proc/sys /proc/sys');
    try {
      await pair.open();
      await contained.open(config('two', { name: 'p2p1', port: PORT + 1, addresses: [] }));
      await contained.apply(
        { kind: 'set-peer', peer: PEER, macs: [macBytes(MAC.one)], addresses: [], offload: true, bridge: false },
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
        await pair.hosts.one.apply({ kind: 'send-datagram', to: makeEndpoint(HOST_ADDRESS.two, PORT + 1), datagram });
      }
      await contained.event('session-heard');
      await eventually(async () => {
        const { drops, peers } = await contained.stats();
        assert.deepEqual([drops['router-advertisement'], peers[0]?.framesIn], [1, 1]);
      });
    } finally {
      await contained.end();
    }
  });
});

describe('a system that refuses to cut messages', { skip: isRoot ? false : 'needs root', timeout: 120_000 }, () => {
  it('gets datagrams one by one from the first refusal on, and nothing is lost', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'p2p-no-gso-'));
    const library = join(directory, 'no-gso.so');
    const source = fileURLToPath(new URL('../../../test/device/tools/no-gso.c', import.meta.url));
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-o', library, source]);
    const pair = await Pair.make(`export LD_PRELOAD='${library}'`);
    try {
      await pair.open();
      // UDP isn't sent again by anyone, so all that's there came through.
      const [sent, received] = await pair.udp('one', OVERLAY.two, { count: 20, length: 50_000, segment: 1_200 });
      assert.equal(received, sent);
      const fallback = await pair.hosts.one.event('fallback');
      assert.equal(fallback.help, 'udp-gso');
      assert.match(fallback.error, /os error 5/);
      const [tcpSent, tcpReceived] = await pair.tcp('one', OVERLAY_6.two, 4 * MEGABYTE);
      assert.equal(tcpReceived, tcpSent);
      assert.equal(pair.hosts.one.events.filter(({ kind }) => kind === 'fallback').length, 1);
      const { drops } = await pair.hosts.one.stats();
      assert.equal(drops['send-failed'], undefined);
    } finally {
      await pair.remove();
      await rm(directory, { recursive: true });
    }
  });
});

/** A TCP segment of 20 bytes in an Ethernet frame from one to two: its headers are 54 bytes. */
function tcp(): Uint8Array {
  const packet = new Uint8Array(60);
  packet.set([0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6]);
  packet[32] = 0x50;
  return concat(macBytes(MAC.two), macBytes(MAC.one), Uint8Array.of(0x08, 0x00), packet);
}

/** A part of a frame under one's key, whatever it says of itself. */
function sealedPart(key: Uint8Array, counter: bigint, cut: number, part: number[], content: Uint8Array): Uint8Array {
  const header = concat(Uint8Array.of(0x40, cut), u16(9), u32(INDEX.two), u64(counter), Uint8Array.from(part));
  return concat(header, sealGcm(key, concat(u32(9), u64(counter)), content, header));
}

/** An ICMPv6 message in an Ethernet frame from one to two. */
function icmp6(type: number): Uint8Array {
  const packet = new Uint8Array(56);
  packet.set([0x60, 0, 0, 0, 0, 16, 58, 255]);
  packet[40] = type;
  return concat(macBytes(MAC.two), macBytes(MAC.one), Uint8Array.of(0x86, 0xdd), packet);
}

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      return await check();
    } catch {
      await setTimeout(50);
    }
  }
  await check();
}
