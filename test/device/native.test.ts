import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { concat, u16, u32, u64 } from '../../src/core/bytes.js';
import { mac16, sealGcm } from '../../src/core/crypto.js';
import { type Endpoint, encodeEndpoint, makeEndpoint } from '../../src/core/endpoint.js';
import type { DeviceConfig } from '../../src/device/device.js';
import { sealControl, sealFrame } from '../../src/wire/transport.js';
import { Host } from './host.js';
import {
  HOST_ADDRESS,
  HOST_ADDRESS_6,
  type HostName,
  isRoot,
  joinedNamespaces,
  type Namespaces,
  notOnLinux,
} from './namespaces.js';

const PORT = 4900;
const PEER = 7;
const MAC = { one: '02:00:00:00:00:01', two: '02:00:00:00:00:02' } as const;
const OVERLAY = { one: '10.10.10.1', two: '10.10.10.2' } as const;
const INDEX = { one: 0x11111111, two: 0x22222222 } as const;
const OTHER = { one: 'two', two: 'one' } as const;
const ADMISSION_KEY = new Uint8Array(randomBytes(32));
const elsewhere = makeEndpoint('192.0.2.99', PORT);

function macBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(':', ''), 'hex'));
}

function endpoint(host: HostName): Endpoint {
  return makeEndpoint(HOST_ADDRESS[host], PORT);
}

function config(host: HostName, changes: Partial<DeviceConfig> = {}): DeviceConfig {
  return {
    name: 'p2p0',
    mac: macBytes(MAC[host]),
    mtu: 1360,
    addresses: [`${OVERLAY[host]}/24`],
    port: PORT,
    networkAdmissionKey: ADMISSION_KEY,
    ownAdmissionKey: randomBytes(32),
    cookieKey: randomBytes(32),
    tapOffload: true,
    udpGso: true,
    udpGro: true,
    threads: 1,
    fwmark: 0,
    mssClamp: false,
    bridge: false,
    ...changes,
  };
}

describe('native device', { skip: isRoot ? false : 'needs root', timeout: 120_000 }, () => {
  let namespaces: Namespaces;
  let hosts: Record<HostName, Host>;

  before(async () => {
    namespaces = await joinedNamespaces();
    hosts = { one: new Host(namespaces.name('one')), two: new Host(namespaces.name('two')) };
  });

  after(async () => {
    await Promise.all([hosts.one.end(), hosts.two.end()]);
    await namespaces.remove();
  });

  const keys = { one: randomBytes(32), two: randomBytes(32) };

  async function install(host: HostName, maxDatagram = 1280): Promise<void> {
    const other = OTHER[host];
    await hosts[host].apply(
      { kind: 'set-peer', peer: PEER, macs: [macBytes(MAC[other])], addresses: [], offload: true, bridge: false },
      { kind: 'set-endpoint', peer: PEER, endpoint: endpoint(other), maxDatagram },
      {
        kind: 'install-session',
        keys: {
          peer: PEER,
          localIndex: INDEX[host],
          remoteIndex: INDEX[other],
          sealKey: keys[host],
          openKey: keys[other],
          use: host === 'one' ? 'seal-now' : 'seal-when-heard',
          lifetime: 180_000,
        },
      },
    );
  }

  it('opens an interface with its MAC, MTU and addresses', async () => {
    await hosts.one.open(config('one', { addresses: ['10.10.10.1/24', '2001:db8:10::1/64'] }));
    await hosts.two.open(config('two'));
    const link = await namespaces.run('one', 'ip', 'address', 'show', 'dev', 'p2p0');
    assert.match(link, /mtu 1360/);
    assert.match(link, /link\/ether 02:00:00:00:00:01/);
    assert.match(link, /inet 10\.10\.10\.1\/24 brd 10\.10\.10\.255/);
    assert.match(link, /inet6 2001:db8:10::1\/64/);
    assert.match(link, /[<,]UP[,>]/);
  });

  it('heeds no router advertisements', { skip: notOnLinux }, async () => {
    const accept = await namespaces.run('one', 'cat', '/proc/sys/net/ipv6/conf/p2p0/accept_ra');
    assert.equal(accept.trim(), '0');
  });

  it('carries a ping and the ARP exchange before it', async () => {
    await install('one');
    await install('two');
    await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null });
    const heard = await hosts.two.event('session-heard');
    assert.deepEqual([heard.peer, heard.localIndex, heard.from], [PEER, INDEX.two, endpoint('one')]);
    const control = await hosts.two.event('control');
    assert.deepEqual([...control.messages], [7, 0, 0]);
    await namespaces.run('one', 'ping', '-c', '3', '-i', '0.05', '-W', '2', OVERLAY.two);
    const neighbours = await namespaces.run('one', 'ip', 'neighbour', 'show', 'dev', 'p2p0');
    assert.match(neighbours, /10\.10\.10\.2 lladdr 02:00:00:00:00:02/);
    const [peer] = (await hosts.one.stats()).peers;
    assert.ok(peer !== undefined && peer.framesIn >= 4 && peer.framesOut >= 4 && peer.heardAt !== null);
  });

  it('carries IPv6 neighbours and multicast', async () => {
    const ping = () => namespaces.run('one', 'ping', '-6', '-c', '2', '-i', '0.2', '-W', '1', 'ff02::1%p2p0');
    // Link-local addresses can be used once the kernel has looked for duplicates.
    await eventually(async () => {
      const addresses = await namespaces.run('two', 'ip', '-6', 'address', 'show', 'dev', 'p2p0');
      assert.match(addresses, /scope link/);
      assert.doesNotMatch(addresses, /tentative/);
      const own = await namespaces.run('one', 'ip', '-6', 'address', 'show', 'dev', 'p2p0');
      assert.doesNotMatch(own, /tentative/);
    });
    assert.match(await ping(), /fe80::ff:fe00:2/);
  });

  it('answers a challenge without asking the control plane', async () => {
    hosts.one.forget();
    hosts.two.forget();
    const challenge = Uint8Array.from([1, 0, 26, 9, 8, 7, 6, 5, 4, 3, 2, ...new Uint8Array(18)]);
    await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: challenge, to: endpoint('two') });
    const { messages, from } = await hosts.one.event('control');
    assert.equal(from, endpoint('two'));
    const seen = encodeEndpoint(endpoint('one'));
    assert.deepEqual([...messages], [2, 0, 26, 9, 8, 7, 6, 5, 4, 3, 2, ...seen]);
    assert.deepEqual(hosts.two.events, []);
  });

  it('answers from the address that was asked, of either family', async () => {
    await namespaces.run('two', 'ip', 'address', 'add', '192.0.2.5/24', 'dev', 'cable');
    const cable = JSON.parse(await namespaces.run('two', 'ip', '-j', '-6', 'address', 'show', 'dev', 'cable'));
    const own = JSON.parse(await namespaces.run('one', 'ip', '-j', 'link', 'show', 'dev', 'cable'));
    const addresses: { scope: string; local: string }[] = cable[0].addr_info;
    const linkLocal = addresses.find(({ scope }) => scope === 'link')?.local ?? '';
    for (const ip of ['192.0.2.5', HOST_ADDRESS_6.two, `${linkLocal}%${own[0].ifindex}`]) {
      hosts.one.forget();
      const challenge = Uint8Array.from([1, 0, 26, ...new Uint8Array(26)]);
      await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: challenge, to: makeEndpoint(ip, PORT) });
      assert.equal((await hosts.one.event('control')).from, makeEndpoint(ip, PORT));
    }
  });

  it('goes on when its interface was down for a while', async () => {
    await namespaces.run('one', 'ip', 'link', 'set', 'p2p0', 'down');
    await hosts.two.apply({ kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null });
    await setTimeout(100);
    await namespaces.run('one', 'ip', 'link', 'set', 'p2p0', 'up');
    await namespaces.run('one', 'ping', '-c', '1', '-W', '2', OVERLAY.two);
    assert.ok(hosts.one.events.every(({ kind }) => kind !== 'device-gone'));
  });

  /** Sends from one what anybody with its keys could; gives what two counted meanwhile. */
  async function countedAfter(...datagrams: Uint8Array[]): Promise<Record<string, number>> {
    const before = await hosts.two.stats();
    for (const datagram of datagrams) {
      await hosts.one.apply({ kind: 'send-datagram', to: endpoint('two'), datagram });
    }
    // Datagrams of sessions keep their order, and so do the others: when both of these have arrived, so have they.
    hosts.two.forget();
    await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null });
    await hosts.one.apply({ kind: 'send-datagram', to: endpoint('two'), datagram: hello(++hellos) });
    await hosts.two.event('control');
    await hosts.two.event('datagram');
    const after = await hosts.two.stats();
    const grown = Object.entries(after.drops).map(([reason, n]) => [reason, n - (before.drops[reason] ?? 0)] as const);
    return Object.fromEntries(grown.filter(([, n]) => n > 0));
  }

  it('counts replayed, forged, stale and unknown datagrams and says nothing', { skip: notOnLinux }, async () => {
    const place = { lane: 9, receiverIndex: INDEX.two };
    const good = sealControl(keys.one, { ...place, counter: 9_000n }, new Uint8Array([0, 0, 0]));
    const old = sealControl(keys.one, { ...place, counter: 808n }, new Uint8Array([0, 0, 0]));
    const forged = Uint8Array.from(good, (byte, at) => (at === 20 ? byte ^ 1 : byte));
    forged[15] = 0xff;
    const stranger = sealControl(keys.one, { ...place, receiverIndex: 5, counter: 1n }, new Uint8Array());
    const farLane = sealControl(keys.one, { ...place, lane: 16, counter: 1n }, new Uint8Array());
    assert.deepEqual(
      await countedAfter(good, good, good, old, forged, stranger, farLane, Uint8Array.of(0x40), Uint8Array.of(0x99, 1)),
      {
        replayed: 2,
        'too-old': 1,
        forged: 1,
        'unread-session': 2,
        'unknown-lane': 1,
        'unknown-kind': 1,
      },
    );
  });

  it('refuses frames that a peer may not send', async () => {
    let counter = 0n;
    const frame = (destination: string, source: string) => {
      const bytes = concat(macBytes(destination), macBytes(source), new Uint8Array(50));
      return sealFrame(keys.one, { lane: 10, receiverIndex: INDEX.two, counter: counter++ }, bytes);
    };
    const counted = await countedAfter(
      frame(MAC.two, '02:00:00:00:00:99'),
      frame(MAC.two, MAC.two),
      frame('02:00:00:00:00:77', MAC.one),
      frame('01:80:c2:00:00:0e', MAC.one),
      sealFrame(keys.one, { lane: 10, receiverIndex: INDEX.two, counter: counter++ }, new Uint8Array(13)),
      frame('ff:ff:ff:ff:ff:ff', MAC.one),
    );
    assert.deepEqual(counted, { 'source-mac': 2, 'not-for-us': 1, 'reserved-group': 1, 'frame-malformed': 1 });
  });

  let hellos = 0;

  function hello(number: number): Uint8Array {
    const body = new Uint8Array(1016);
    body.set([0x20, 1, 0, 0, number]);
    return concat(body, mac16(ADMISSION_KEY, body));
  }

  it('passes up only handshakes that know the hash', async () => {
    const good = hello(++hellos);
    const wrong = Uint8Array.from(good, (byte, at) => (at === 500 ? byte ^ 1 : byte));
    assert.deepEqual(await countedAfter(wrong, good.subarray(1), good.subarray(0, 1000)), {
      'handshake-mac': 1,
      'handshake-length': 1,
      'unknown-kind': 1,
    });
    hosts.two.forget();
    await hosts.one.apply({ kind: 'send-datagram', to: endpoint('two'), datagram: good });
    const event = await hosts.two.event('datagram');
    assert.deepEqual([event.from, event.proven, event.datagram], [endpoint('one'), false, good]);
  });

  it('goes on after garbage, sealed and unsealed', async () => {
    const counted = await countedAfter(...Array.from({ length: 600 }, (_, at) => garbage(at)));
    const total = Object.values(counted).reduce((sum, n) => sum + n, 0);
    assert.ok(total > 300, JSON.stringify(counted));
    await namespaces.run('one', 'ping', '-c', '1', '-W', '2', OVERLAY.two);
  });

  /** By turns random bytes, random messages and random parts under the right key. */
  function garbage(at: number): Uint8Array {
    const content = new Uint8Array(randomBytes(randomInt(0, 1_200)));
    // Lanes that nobody seals on: the counters of the others would be spent.
    const place = { lane: randomInt(13, 16), receiverIndex: INDEX.two, counter: BigInt(at) };
    if (at % 3 === 0) return concat(Uint8Array.of(randomInt(0x1f, 0x4a), randomInt(3)), content);
    if (at % 3 === 1)
      return sealControl(
        keys.one,
        place,
        content.map((byte) => byte % 9),
      );
    const part = Uint8Array.of(randomInt(4), randomInt(5), randomInt(4), randomInt(256));
    const prefix = concat(Uint8Array.of(0x40, randomInt(4)), u16(place.lane), u32(INDEX.two), u64(place.counter), part);
    const offload = randomInt(2) === 0 ? new Uint8Array(6) : new Uint8Array(randomBytes(6));
    const nonce = concat(u32(place.lane), u64(place.counter));
    return concat(prefix, sealGcm(keys.one, nonce, concat(offload, content), prefix));
  }

  it('tells of a peer that strayed, and of one that is silent', async () => {
    hosts.one.forget();
    hosts.two.forget();
    await hosts.two.apply({ kind: 'set-endpoint', peer: PEER, endpoint: elsewhere, maxDatagram: 1280 });
    await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null });
    assert.equal((await hosts.two.event('strayed')).from, endpoint('one'));
    const silent = await hosts.one.event('silent');
    assert.equal(silent.peer, PEER);
    await hosts.two.apply({ kind: 'set-endpoint', peer: PEER, endpoint: endpoint('one'), maxDatagram: 1280 });
  });

  it('tells of an address that no route leads to', async () => {
    hosts.one.forget();
    const to = makeEndpoint('198.51.100.1', PORT);
    await hosts.one.apply({ kind: 'send-datagram', to, datagram: new Uint8Array([0x20]) });
    const { to: told, error } = await hosts.one.event('unreachable');
    assert.equal(told, to);
    assert.match(error, /unreachable/);
  });

  it('ends a session with its lifetime and goes back to the one before', async () => {
    hosts.one.forget();
    const short = { peer: PEER, localIndex: 5, remoteIndex: 6, sealKey: randomBytes(32), openKey: randomBytes(32) };
    await hosts.one.apply({ kind: 'install-session', keys: { ...short, use: 'seal-now', lifetime: 200 } });
    const gone = await hosts.one.event('session-gone');
    assert.deepEqual([gone.peer, gone.localIndex], [PEER, 5]);
    await namespaces.run('one', 'ping', '-c', '1', '-W', '2', OVERLAY.two);
  });

  it('refuses what another device or program has, and leaves nothing behind', async () => {
    const other = new Host(namespaces.name('one'));
    try {
      await assert.rejects(other.open(config('one', { port: 4901 })), { code: 'name-taken' });
      await assert.rejects(other.open(config('one', { name: 'cable', port: 4901 })), { code: 'name-taken' });
      await assert.rejects(other.open(config('one', { name: 'p2p1' })), { code: 'port-taken' });
      const bad = { name: 'p2p1', port: 4901 };
      const refused = config('one', { ...bad, addresses: ['10.10.20.1/24', '10.10.20.1/24'] });
      await assert.rejects(other.open(refused), { code: 'address-refused' });
      await assert.rejects(other.open(config('one', { ...bad, name: 'p2p%d' })), { code: 'failed' });
      const links = await namespaces.run('one', 'ip', '-o', 'link');
      assert.doesNotMatch(links, /p2p1/);
      await other.open(config('one', { ...bad, addresses: [] }));
    } finally {
      await other.end();
    }
  });

  it('cuts frames that are larger than the path and joins them again', async () => {
    await Promise.all([hosts.one.close(), hosts.two.close()]);
    await hosts.one.open(config('one', { mtu: 9_000 }));
    await hosts.two.open(config('two', { mtu: 9_000 }));
    await install('one', 1_452);
    await install('two', 1_252);
    const ping = await namespaces.run('one', 'ping', '-c', '20', '-i', '0.02', '-s', '8972', '-M', 'do', OVERLAY.two);
    assert.match(ping, /20 received/);
    const packets = await namespaces.run('two', 'ip', '-s', '-j', 'link', 'show', 'dev', 'cable');
    assert.ok(JSON.parse(packets)[0].stats64.rx.packets > 7 * 20);
  });

  it('says when its interface is deleted from outside, and can still be closed', async () => {
    hosts.two.forget();
    await namespaces.run('two', 'ip', 'link', 'delete', 'p2p0');
    await hosts.two.event('device-gone');
    await hosts.two.close();
    await hosts.two.open(config('two'));
  });

  it('tells once of addresses that change together', async () => {
    await hosts.one.watch();
    for (const last of [31, 32, 33]) {
      await namespaces.run('one', 'ip', 'address', 'add', `192.0.2.${last}/24`, 'dev', 'cable');
    }
    await eventually(async () => assert.equal(hosts.one.changes, 1));
    await namespaces.run('one', 'ip', 'address', 'delete', '192.0.2.31/24', 'dev', 'cable');
    await eventually(async () => assert.equal(hosts.one.changes, 2));
  });

  it('leaves no interface and no socket when it is closed', async () => {
    await Promise.all([hosts.one.close(), hosts.two.close()]);
    for (const host of ['one', 'two'] as const) {
      assert.doesNotMatch(await namespaces.run(host, 'ip', '-o', 'link'), /p2p0/);
      assert.doesNotMatch(await namespaces.run(host, 'ss', '-uan'), /:4900/);
    }
  });
});

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      return await check();
    } catch {
      await setTimeout(100);
    }
  }
  await check();
}
