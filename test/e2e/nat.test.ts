/**
 * Members behind NATs that keep strangers out, and no server but a DHT: they meet by punching holes from the data socket.
 *
 *     ada ── router of ada ──┐              ┌── router of bob ── bob
 *     198.51.100.202         └── internet ──┘         198.51.100.202
 *                                   │
 *                                  dht
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { dhtAt, servesDht } from './harness/dht.js';
import { Host } from './harness/host.js';
import { Namespace } from './harness/namespace.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { timed } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** The same inside of both routers, as private addresses often are. */
const INSIDE = { router: '198.51.100.201', host: '198.51.100.202' } as const;

/** `masquerade` keeps one port for all destinations where it can; `random` takes a random one for each. */
type Nat = 'none' | 'masquerade' | 'masquerade random';

const PAIRS: readonly (readonly [Nat, Nat])[] = [
  ['none', 'masquerade'],
  ['none', 'masquerade random'],
  ['masquerade', 'masquerade'],
];

for (const [one, two] of PAIRS) {
  test(`NAT ${one} × ${two}: direct, by DHT alone`, (t) =>
    onRoutedSubnets(['left', 'right', 'dht'], async ({ left, right, dht }) => {
      await servesDht(dht);
      const [ada, bob] = [await behind(left, one, 'ada'), await behind(right, two, 'bob')];
      try {
        await meetDirectly(t, ada, bob, dhtAt(dht));
      } finally {
        for (const host of [ada, bob]) await leave(host);
      }
    }));
}

async function meetDirectly(t: TestContext, ada: Host, bob: Host, dht: string): Promise<void> {
  const hash = freshHash();
  for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dht, '--no-lan'] });
  await ada.joins(hash, ADA);
  const { ms } = await timed(async () => {
    await bob.joins(hash, BOB);
    await bob.pings(ADA);
  });
  t.diagnostic(`from start to the first answered ping: ${ms} ms`);
  assert.equal((await ada.member(hash, BOB)).path, 'direct');
}

/** The host itself, or one behind it, which it translates for and lets nobody in to. */
async function behind(router: Host, nat: Nat, name: string): Promise<Host> {
  if (nat === 'none') return router;
  const inside = await Namespace.make(name);
  await inside.ip(`link add eth0 type veth peer name inside netns ${router.namespace.name}`);
  await inside.ip(
    `address add ${INSIDE.host}/29 dev eth0`,
    'link set eth0 up',
    `route add default via ${INSIDE.router}`,
  );
  await router.namespace.ip(`address add ${INSIDE.router}/29 dev inside`, 'link set inside up');
  await router.namespace.sysctl({ 'net/ipv4/ip_forward': 1 });
  await router.namespace.run('nft', ['-f', '-'], {
    input: rules(nat === 'masquerade' ? 'masquerade' : 'masquerade fully-random'),
  });
  return new Host(name, inside, { ipv4: INSIDE.host, ipv6: '' });
}

function rules(translate: string): string {
  return `
    table ip p2ptest {
      chain translate {
        type nat hook postrouting priority srcnat
        oifname "eth0" ${translate}
      }
      chain forwarded {
        type filter hook forward priority filter
        iifname "eth0" ct state new drop
      }
      chain own {
        type filter hook input priority filter
        iifname "eth0" meta l4proto udp ct state new drop
      }
    }
`;
}

/** A host that the stage doesn't know is ended here. */
async function leave(host: Host): Promise<void> {
  if (host.addresses.ipv6 !== '') return;
  await host.killDaemon('SIGTERM');
  host.remove();
}
