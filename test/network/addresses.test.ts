/** Addresses that members choose by themselves: everybody ends with one of its own, and stays there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cidr, inSubnet, isPrivate } from '../../src/core/ip.js';
import { type Claim, claimsOf, outranks } from '../../src/network/addresses/claims.js';
import { defaultSubnet, inOwnOrder, ulaOf, ulaSubnet } from '../../src/network/addresses/derived.js';
import { givenSubnets, isAcceptable } from '../../src/network/addresses/subnet.js';
import { deriveIdentity } from '../../src/network/identity.js';
import { readRecord, signRecord } from '../../src/network/record.js';
import { type HostOptions, SECRETS, type SimHost, World } from '../sim/world.js';

const NET = SECRETS.networkId;
const MINUTE = 60_000;
const DEFAULT = defaultSubnet(NET);

function dynamic(world: World, n: number, options: Partial<HostOptions> = {}): SimHost {
  return world.host({ ip: `192.0.2.${n}`, overlay: `host${n}`, dynamic: true, ...options });
}

function ipOf({ chosen }: SimHost): string {
  return chosen?.address.split('/')[0] ?? 'none';
}

/** Runs until all have an address; then nobody's changes any more, and each has its own. */
function settles(world: World, hosts: readonly SimHost[], ms: number): void {
  world.clock.runUntil(world.clock.now + ms);
  const changes = hosts.map((host) => host.addressesChangedAt.length);
  world.clock.runUntil(world.clock.now + 2 * MINUTE);
  assert.deepEqual(
    hosts.map((host) => host.addressesChangedAt.length),
    changes,
    'nobody moves any more',
  );
  assert.equal(new Set(hosts.map(ipOf)).size, hosts.length, `each its own: ${hosts.map(ipOf).join(' ')}`);
  for (const host of hosts) {
    assert.notEqual(host.chosen, null, host.options.overlay);
    assert.equal(host.network.isSeeking, false);
    assert.ok(host.device.addresses.includes(host.chosen?.address ?? ''), 'the device has it');
    assert.deepEqual(host.snapshot().problems, []);
  }
}

test('the first member waits a few seconds for others, and takes an address of the subnet that follows from the network', () => {
  const world = new World(1);
  const a = dynamic(world, 1);
  assert.equal(a.network.isSeeking, true);
  world.clock.runUntilTrue(() => a.chosen !== null, 10_000, 'an address');
  assert.ok(inSubnet(ipOf(a), DEFAULT));
  const b = dynamic(world, 2);
  world.clock.runUntilTrue(() => b.chosen !== null, 10_000, 'another');
  assert.ok(inSubnet(ipOf(b), DEFAULT));
  settles(world, [a, b], 0);
  assert.deepEqual(a.peer(b)?.addresses, [b.chosen?.address]);
});

test('members that start at once end with addresses of their own and stay there: in a small subnet, with clocks that are wrong', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.integer({ min: 2, max: 12 }),
      fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 12, maxLength: 12 }),
      fc.boolean(),
      (seed, count, skews, lossy) => {
        const world = new World(seed);
        if (lossy) Object.assign(world.wire, { loss: 0.1, jitter: 40, delay: 40 });
        // A /28 has 14 addresses: with so few, several want the same one.
        const given = world.host({ ip: '192.0.2.100', overlay: '10.10.10.1', overlayPrefix: 28 });
        const hosts = Array.from({ length: count }, (_, i) => dynamic(world, i + 1, { wallAhead: skews[i] ?? 0 }));
        settles(world, hosts, MINUTE);
        for (const host of hosts) {
          assert.ok(inSubnet(ipOf(host), { ip: '10.10.10.1', prefix: 28 }), ipOf(host));
          assert.notEqual(ipOf(host), '10.10.10.1');
        }
        assert.deepEqual(given.addressesChangedAt, []);
      },
    ),
    { numRuns: 8 },
  );
});

test('two that chose the same address apart: when they meet, the later one moves and the other stays', () => {
  const world = new World(3);
  const chosen = { address: '10.70.1.9/24', since: 1_000 };
  const a = dynamic(world, 1, { chosen: { ...chosen, since: 2_000 } });
  const b = dynamic(world, 2, { chosen });
  settles(world, [a, b], MINUTE);
  assert.equal(ipOf(b), '10.70.1.9', 'the earlier choice');
  assert.ok(inSubnet(ipOf(a), { ip: '10.70.1.0', prefix: 24 }), 'the network stays where it is');
  assert.ok(a.notables.includes('taking another address'));
});

test('an address that a member was given beats one that was chosen, however early', () => {
  const world = new World(4);
  const a = dynamic(world, 1, { chosen: { address: '10.10.10.7/24', since: 0 } });
  const b = world.host({ ip: '192.0.2.2', overlay: '10.10.10.7' });
  settles(world, [a], MINUTE);
  assert.notEqual(ipOf(a), '10.10.10.7');
  assert.ok(inSubnet(ipOf(a), { ip: '10.10.10.0', prefix: 24 }));
  assert.deepEqual(b.snapshot().problems, []);
  assert.deepEqual(b.addressesChangedAt, []);
});

test('a member that chose before it knew where the network is follows the members with given addresses', () => {
  const world = new World(5);
  const a = dynamic(world, 1);
  world.clock.runUntilTrue(() => a.chosen !== null, 10_000, 'an address');
  world.host({ ip: '192.0.2.2', overlay: '10.10.10.1' });
  settles(world, [a], MINUTE);
  assert.ok(inSubnet(ipOf(a), { ip: '10.10.10.0', prefix: 24 }));
});

test('who answers a probe has the address, whatever the records say', () => {
  const world = new World(6);
  const a = world.host({ ip: '192.0.2.1', overlay: '10.10.10.1' });
  const b = dynamic(world, 2);
  const [first = '', second = ''] = inOwnOrder({ ip: '10.10.10.0', prefix: 24 }, NET, b.identity.publicKey);
  // Somebody behind a: its frames have a's MAC.
  world.observers.push({
    delivering: (host, frame) => {
      const asked = [...frame.subarray(38, 42)].join('.');
      if (host !== a || frame[13] !== 0x06 || asked !== first) return;
      const answer = frame.slice();
      answer.set(frame.subarray(6, 12), 0);
      answer.set(a.device.config.mac, 6);
      answer.set(Uint8Array.of(0, 2, ...a.device.config.mac, ...frame.subarray(38, 42)), 20);
      a.device.sendFrame(answer);
    },
  });
  settles(world, [b], MINUTE);
  assert.equal(ipOf(b), second);
});

test('a chosen address is kept over a restart, and claimed without asking', () => {
  const world = new World(7);
  const a = dynamic(world, 1);
  world.clock.runUntilTrue(() => a.chosen !== null, 10_000, 'an address');
  a.kill();
  const { master, options, chosen } = a;
  const again = world.host({ ...options, master, ...(chosen === null ? {} : { chosen }), bootCounter: 2 });
  assert.equal(again.network.isSeeking, false);
  settles(world, [again], MINUTE);
  assert.deepEqual(again.chosen, chosen);
});

test('where no address is free it says so, and takes one when one is', () => {
  const world = new World(8);
  // A /29 has six.
  const given = Array.from({ length: 6 }, (_, i) =>
    world.host({ ip: `192.0.2.${i + 1}`, overlay: `10.10.10.${i + 1}`, overlayPrefix: 29 }),
  );
  const a = dynamic(world, 9);
  world.clock.runUntil(MINUTE);
  assert.match(a.snapshot().problems.join(), /no address is free in 10\.10\.10\.0\/29/);
  given[3]?.input({ kind: 'set-addresses', addresses: ['10.10.10.20/29'], dynamic: false });
  settles(world, [a], 2 * MINUTE);
  assert.equal(ipOf(a), '10.10.10.4');
});

test('other addresses at run time: the others see them, and one that was chosen is let go of and chosen again', () => {
  const world = new World(9);
  const [a, b] = [dynamic(world, 1), dynamic(world, 2)];
  world.clock.runUntilTrue(() => a.chosen !== null && b.chosen !== null && a.isConnectedTo(b), MINUTE, 'both there');
  a.input({ kind: 'set-addresses', addresses: ['10.10.10.1/24', '2001:db8:10::1/64'], dynamic: false });
  assert.equal(ipOf(a), 'none');
  world.clock.runUntilTrue(() => b.peer(a)?.addresses[0] === '10.10.10.1/24', 5_000, 'b to see it');
  assert.deepEqual(b.peer(a)?.addresses, ['10.10.10.1/24', '2001:db8:10::1/64']);
  assert.deepEqual(b.snapshot().problems, []);
  world.clock.runUntil(world.clock.now + MINUTE);
  assert.ok(inSubnet(ipOf(b), { ip: '10.10.10.0', prefix: 24 }), 'b follows');
  a.input({ kind: 'set-addresses', addresses: [], dynamic: true });
  settles(world, [a, b], MINUTE);
  assert.ok(inSubnet(ipOf(a), { ip: ipOf(b), prefix: 24 }), 'where the other one is');
  assert.deepEqual(b.peer(a)?.addresses, [a.chosen?.address]);
});

test('every member has an IPv6 address of its own in one subnet, and nobody may say that another’s is its own', () => {
  const world = new World(10);
  const [a, b] = [world.host({ ip: '192.0.2.1', overlay: '10.10.10.1' }), dynamic(world, 2)];
  world.clock.runUntilTrue(() => a.isConnectedTo(b), MINUTE, 'connected');
  const ula = ulaOf(NET, b.identity.publicKey);
  assert.equal(a.peer(b)?.ula, `${ula.ip}/64`);
  assert.ok(inSubnet(ula.ip, ulaSubnet(NET)) && ula.ip.startsWith('fd'));
  assert.deepEqual(ula, ulaOf(NET, b.identity.publicKey));
  const liar = deriveIdentity(new Uint8Array(32).fill(9), NET);
  const record = readRecord(NET, b.record ?? new Uint8Array());
  assert.ok(record !== null);
  const addresses = [{ ip: '10.10.10.9', prefix: 24 }, ula];
  const said = signRecord(NET, liar, { ...record, staticKey: liar.staticPublic, addresses });
  assert.deepEqual(readRecord(NET, said.bytes)?.addresses, [{ ip: '10.10.10.9', prefix: 24 }]);
});

const CLAIM: fc.Arbitrary<Claim> = fc.record({
  ip: fc.constant('10.10.10.1'),
  prefix: fc.constant(24),
  by: fc.constantFrom('aa', 'bb', 'cc'),
  chosenAt: fc.option(fc.integer({ min: 0, max: 3 })),
});

test('of two claims never both win, one wins if one was chosen by somebody else, and there are no circles', () => {
  fc.assert(
    fc.property(CLAIM, CLAIM, CLAIM, (a, b, c) => {
      assert.ok(!(outranks(a, b) && outranks(b, a)));
      if (a.by !== b.by && (a.chosenAt !== null || b.chosenAt !== null)) assert.ok(outranks(a, b) || outranks(b, a));
      if (outranks(a, b) && outranks(b, c)) assert.ok(outranks(a, c));
    }),
  );
});

test('of a record with a claim only the first address was chosen', () => {
  const record = {
    addresses: [cidr('10.70.1.2/24'), cidr('10.10.10.1/24')],
    claimedAt: 5,
    peerId: deriveIdentity(new Uint8Array(32), NET).peerId,
  };
  assert.deepEqual(
    claimsOf(record).map(({ chosenAt }) => chosenAt),
    [5, null],
  );
});

test('a member is believed about subnets for private use that this machine is not in, and about no others', () => {
  const local = [cidr('192.168.1.20/24')];
  for (const good of ['10.1.2.0/24', '172.16.0.0/16', '192.168.2.0/29', '100.64.0.0/24'])
    assert.ok(isAcceptable(cidr(good), local), good);
  for (const bad of ['8.8.8.0/24', '10.0.0.0/8', '10.1.2.0/30', '192.168.0.0/16', '192.168.1.128/25', '169.254.0.0/16'])
    assert.ok(!isAcceptable(cidr(bad), local), bad);
  const claim = (text: string, by: string): Claim => ({ ...cidr(text), by, chosenAt: null });
  const claims = [
    claim('10.1.1.1/24', 'a'),
    claim('10.2.2.1/24', 'b'),
    claim('10.2.2.2/24', 'c'),
    claim('fd00::1/64', 'd'),
  ];
  assert.deepEqual(givenSubnets(claims), [cidr('10.2.2.0/24'), cidr('10.1.1.0/24')]);
});

test('the subnet of a network is a private /24, and each member goes through all its hosts once', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (id, identity) => {
        const subnet = defaultSubnet(id);
        assert.ok(isPrivate(subnet.ip) && subnet.prefix === 24);
        const hosts = [...inOwnOrder(subnet, id, identity)];
        assert.equal(new Set(hosts).size, 254);
        assert.ok(hosts.every((ip) => inSubnet(ip, subnet) && !/\.(0|255)$/.test(ip)));
      },
    ),
    { numRuns: 30 },
  );
});

function cidr(text: string): Cidr {
  const [ip = '', prefix] = text.split('/');
  return { ip, prefix: Number(prefix) };
}
