/**
 * Two members, each behind a kind of NAT, who have nothing but a DHT on a public host to find each other by.
 *
 *     ada ── router of ada ──┐              ┌── router of bob ── bob
 *     198.51.100.202         └── internet ──┘         198.51.100.202
 *                                   │
 *                                  dht
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { PeerInfo } from '../../../src/rpc/network-info.js';
import { dhtAt, servesDht } from './dht.js';
import type { Host } from './host.js';
import { behind, leave, type Nat } from './nat.js';
import { relayAt, servesRelay } from './relay.js';
import { onRoutedSubnets } from './scene.js';
import { freshHash } from './secrets.js';
import { waitFor } from './wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
/** How long two that can't meet are given, in ms. */
const GIVEN = 20_000;

export interface Pair {
  readonly one: Nat;
  readonly two: Nat;
  /** Whether a direct path can exist without the many-ports method. */
  readonly canMeet: boolean;
}

export const PAIRS: readonly Pair[] = [
  { one: 'none', two: 'none', canMeet: true },
  { one: 'none', two: 'masquerade', canMeet: true },
  { one: 'none', two: 'random', canMeet: true },
  { one: 'masquerade', two: 'masquerade', canMeet: true },
  { one: 'masquerade', two: 'random', canMeet: false },
  { one: 'random', two: 'random', canMeet: false },
];

export interface Met {
  /** From `p2p start` of the second to the first answered ping, and to a direct path, in ms; null if neither came. */
  readonly pingMs: number | null;
  readonly directMs: number | null;
  /** What the second says of the first in the end. */
  readonly member: PeerInfo;
}

export async function tryPair({ one, two, canMeet }: Pair): Promise<Met> {
  let met: Met | null = null;
  await onRoutedSubnets(['left', 'right', 'dht'], async ({ left, right, dht }) => {
    await servesDht(dht);
    const [ada, bob] = [await behind(left, one, 'ada'), await behind(right, two, 'bob')];
    try {
      for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht), '--no-lan'] });
      met = await meet(ada, bob, canMeet);
    } finally {
      for (const host of [ada, bob]) await leave(host);
    }
  });
  if (met === null) throw new Error('the scene ended before its time');
  return met;
}

async function meet(ada: Host, bob: Host, canMeet: boolean): Promise<Met> {
  const hash = freshHash();
  await ada.joins(hash, ADA);
  const began = performance.now();
  const since = () => Math.round(performance.now() - began);
  await bob.mustP2p('start', '-hash', hash, '-ip', BOB);
  if (!canMeet) {
    await waitFor('bob to hear of ada', () => bob.member(hash, ADA));
    await pause(GIVEN);
    const { code } = await bob.run('ping', '-n', '-c', '1', '-W', '1', ADA);
    return { pingMs: code === 0 ? since() : null, directMs: null, member: await bob.member(hash, ADA) };
  }
  const pinged = bob.pings(ADA, '-W', '0.2').then(since);
  const direct = waitFor('a direct path', async () => (await bob.member(hash, ADA)).path === 'direct').then(since);
  const [pingMs, directMs] = await Promise.all([pinged, direct]);
  return { pingMs, directMs, member: await bob.member(hash, ADA) };
}

export const RELAY_SIDES: readonly Nat[] = ['none', 'masquerade', 'random', 'UDP blocked'];

export interface MetAtRelay {
  /** From `p2p start` of the second to the first answered ping, in ms. */
  readonly pingMs: number;
  /** What the second says of the first then. */
  readonly member: PeerInfo;
}

/** The same with nothing but a relay at a public address, and no DHT. Rejects if they don't meet. */
export async function tryPairAtRelay(one: Nat, two: Nat): Promise<MetAtRelay> {
  let met: MetAtRelay | null = null;
  await onRoutedSubnets(['left', 'right', 'relay'], async ({ left, right, relay }) => {
    await servesRelay(relay);
    const [ada, bob] = [await behind(left, one, 'ada'), await behind(right, two, 'bob')];
    try {
      met = await meetAtRelay(ada, bob, relayAt(relay));
    } finally {
      for (const host of [ada, bob]) await leave(host);
    }
  });
  if (met === null) throw new Error('the scene ended before its time');
  return met;
}

async function meetAtRelay(ada: Host, bob: Host, relay: string): Promise<MetAtRelay> {
  const hash = freshHash();
  for (const host of [ada, bob]) await host.daemon({ args: ['--no-dht', '--no-lan', '-relay', relay] });
  await ada.joins(hash, ADA);
  const began = performance.now();
  await bob.joins(hash, BOB);
  await bob.pings(ADA);
  return { pingMs: Math.round(performance.now() - began), member: await bob.member(hash, ADA) };
}
