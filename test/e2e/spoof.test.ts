/** A member that says over raw sockets that others' addresses are its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const DEV = 'mesh';
const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const EVE = '10.10.10.3';
const BROADCAST = 'ffffffffffff';
const ALL_NODES = '333300000001';

test('a member that claims the addresses of others by ARP, neighbour discovery or as its source poisons nothing', () =>
  onLan(['ada', 'bob', 'eve'], async ({ ada, bob, eve }) => {
    const hash = freshHash();
    for (const host of [ada, bob, eve]) await host.daemon();
    await ada.joins(hash, ADA, '-dev', DEV);
    await bob.joins(hash, BOB, '-dev', DEV);
    await eve.joins(hash, EVE, '-dev', DEV);
    for (const ip of [BOB, EVE]) await ada.meets(hash, ip);
    await eve.meets(hash, ADA);
    const bob6 = await linkLocal(bob);
    await ada.pings(BOB);
    await ada.pings(`${bob6}%${DEV}`);

    const [evesMac, bobsMac] = [await eve.mac(DEV), await bob.mac(DEV)];
    const evil = [BOB, ADA].flatMap((ip) => poison(evesMac, ip, bob6));
    const honest = [arp(evesMac, EVE, 2), arp(evesMac, '0.0.0.0', 1), `${BROADCAST}${evesMac}88b5${'00'.repeat(46)}`];
    const atAda = await ada.capture(DEV);
    const before = await dropped(ada, hash);
    await eve.sendFrames(DEV, ...evil, ...honest);
    const came = (frames: readonly string[]) =>
      frames.filter((frame) => atAda.frames.some((seen) => seen.frame === frame));
    await waitFor('the honest frames', () => came(honest).length === honest.length);
    assert.deepEqual(came(evil), []);
    assert.equal((await dropped(ada, hash)) - before, evil.length);

    const neighbours = (await ada.must('ip', 'neigh', 'show', 'dev', DEV)).replaceAll(':', '');
    for (const address of [BOB, bob6.replaceAll(':', '')])
      assert.match(neighbours, new RegExp(`^${address} lladdr ${bobsMac}`, 'm'));
    await ada.pings(BOB);
    assert.match(await ada.mustP2p('debug'), /address-of-another/);
  }));

/** Frames of `mac` that make a host believe that `ip` or `ip6` is there. */
function poison(mac: string, ip: string, ip6: string): string[] {
  const advertisement = neighbourAdvertisement(mac, ip6);
  return [
    arp(mac, ip, 2),
    arp(mac, ip, 1),
    tagged(arp(mac, ip, 2)),
    `${BROADCAST}${mac}0800450000140000000040110000${v4(ip)}${v4(ADA)}${'00'.repeat(26)}`,
    advertisement,
    tagged(advertisement),
  ];
}

/** An ARP message to all in which `mac` says that it has `ip`. */
function arp(mac: string, ip: string, operation: 1 | 2): string {
  return `${BROADCAST}${mac}080600010800060400${`0${operation}`}${mac}${v4(ip)}${'00'.repeat(6)}${v4(ADA)}${'00'.repeat(18)}`;
}

/** Unsolicited, overriding, with the link-layer address of its sender (RFC 4861 section 4.4). */
function neighbourAdvertisement(mac: string, ip6: string): string {
  const target = v6(ip6);
  const message = `8800000020000000${target}0201${mac}`;
  return `${ALL_NODES}${mac}86dd6000000000203aff${v6('fe80::3')}ff02${'00'.repeat(13)}01${message}`;
}

function tagged(frame: string): string {
  return `${frame.slice(0, 24)}81000000${frame.slice(24)}`;
}

function v4(ip: string): string {
  return Buffer.from(ip.split('.').map(Number)).toString('hex');
}

/** `fe80::` with as many groups behind it as there are. */
function v6(ip: string): string {
  const [head = '', tail = ''] = ip.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '').map((group) => group.padStart(4, '0')); // biome-ignore format: short
  const [first, last] = [groups(head).join(''), groups(tail).join('')];
  return first + '0'.repeat(32 - first.length - last.length) + last;
}

async function linkLocal(host: Host): Promise<string> {
  return waitFor(`${host.name}'s link-local address`, async () => {
    const text = await host.must('ip', '-6', 'address', 'show', 'dev', DEV, 'scope', 'link', '-tentative');
    return /inet6 (fe80:[^/]+)/.exec(text)?.[1];
  });
}

async function dropped(host: Host, hash: string): Promise<number> {
  return (await host.network(hash)).drops['address-of-another'] ?? 0;
}
