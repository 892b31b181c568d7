/** What becomes of a network's members when its key queue moves on, and what they tell each other of their queues. */
import { BoundedMap } from '../core/bounded-map.js';
import { moment } from '../core/moment.js';
import type { Random } from '../core/random.js';
import { fingerprint, KEY_TOLERANCE, type KeyEntry } from '../session/key-queue.js';
import { HINT_BYTES, keysMessage, readKeys, type ToldKey } from '../wire/keys.js';
import type { NetworkConfig } from './io.js';
import { keyDifference } from './key-difference.js';
import { Keyring } from './keyring.js';
import { MAX_MEMBERS, type Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import { WallClock } from './wall-clock.js';

export class Keys {
  readonly ring: Keyring;
  readonly clock: WallClock;
  private readonly told = new BoundedMap<Peer, readonly ToldKey[]>(MAX_MEMBERS);

  constructor(
    { keys, wall }: NetworkConfig,
    private readonly members: Members,
    private readonly outbox: Outbox,
    random: Random,
    now: number,
  ) {
    this.clock = new WallClock(now, wall);
    this.ring = new Keyring(keys, this.clock, random, now);
  }

  deadline(): number {
    return this.ring.deadline();
  }

  /** Something may be due: sessions move on to the key of this moment, and those under one that's over end. */
  turn(now: number): void {
    const { warning, wipe, rotated } = this.ring.turn(now);
    if (warning !== null) this.outbox.notable('warn', warning);
    if (rotated !== null) this.outbox.event({ kind: 'key-rotated', key: fingerprint(rotated), until: rotated.until });
    if (wipe !== null) this.outbox.push({ kind: 'wipe-keys', until: wipe });
    for (const peer of this.members.all()) peer.carrySession(now, peer.session.turnKeys(now));
  }

  /** The queue is another one from now on. */
  replace(now: number, entries: readonly KeyEntry[]): void {
    this.ring.replace(now, entries);
    for (const peer of this.members.connected()) this.greet(peer);
  }

  /** Tells a peer what we have. */
  greet(peer: Peer): void {
    this.outbox.control(peer.handle, [keysMessage(this.own())]);
  }

  /** A peer told what it has. False if it's malformed. */
  heard(now: number, peer: Peer, body: Uint8Array): boolean {
    const keys = readKeys(body);
    if (keys === null) return false;
    const before = this.differenceWith(now, peer);
    this.told.set(peer, keys);
    const after = this.differenceWith(now, peer);
    if (after !== null && after !== before) this.outbox.notable('warn', sentence(peer, after));
    return true;
  }

  /** In what a peer's queue differs from ours, in words; null if in nothing, or if it never told. */
  differenceWith(now: number, peer: Peer): string | null {
    const theirs = this.told.get(peer);
    return theirs === undefined ? null : keyDifference(this.own(), theirs, this.clock.at(now));
  }

  /** Why a peer that says goodbye does so, if it's for want of a key; else null. */
  whyGone(now: number, peer: Peer): string | null {
    const ends = this.told.get(peer)?.at(-1)?.until ?? Number.POSITIVE_INFINITY;
    return ends - KEY_TOLERANCE > this.clock.at(now) ? null : `it knows no key after ${moment(ends)}`;
  }

  problems(now: number): string[] {
    const differences = this.members.connected().flatMap((peer) => {
      const difference = this.differenceWith(now, peer);
      return difference === null ? [] : [sentence(peer, difference)];
    });
    return [...this.ring.problems(now), ...differences];
  }

  private own(): ToldKey[] {
    return this.ring.entries.map(({ id, until }) => ({ until, hint: id.subarray(0, HINT_BYTES) }));
  }
}

function sentence({ record }: Peer, difference: string): string {
  return `${record.name} (${record.peerId}) ${difference}`;
}
