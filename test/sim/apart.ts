/** Watches that no two members stay apart that a path exists for: each pair for itself, all the time. */
import { nameOf } from './faults.js';
import { canMeetThrough } from './nat-pairs.js';
import type { SimHost, World } from './world.js';

/** Two members between whom there is a path without interruption are connected within this, in ms: the slowest retry, and a handshake. */
export const CONVERGES_WITHIN = 90_000;
/** How often it looks, in ms. */
const LOOK_EVERY = 1_000;

export class Apart {
  /** Since when a pair is apart though there's a path; by the names of both, and how often each was started. */
  private readonly since = new Map<string, number>();
  /** The longest that a pair stayed apart, in ms. */
  longest = 0;

  constructor(
    private readonly world: World,
    private readonly hosts: readonly SimHost[],
  ) {
    this.look();
  }

  private look(): void {
    const { hosts, world } = this;
    for (const [i, a] of hosts.entries()) for (const b of hosts.slice(i + 1)) this.lookAt(a, b);
    world.clock.at(world.clock.now + LOOK_EVERY, () => this.look());
  }

  private lookAt(a: SimHost, b: SimHost): void {
    const pair = [a, b].map((host) => `${nameOf(host)} (start ${host.options.bootCounter ?? 1})`).join(' and ');
    if (!hasPath(this.world, a, b) || (a.isConnectedTo(b) && b.isConnectedTo(a))) {
      this.since.delete(pair);
      return;
    }
    const { now } = this.world.clock;
    const since = this.since.get(pair) ?? now;
    this.since.set(pair, since);
    this.longest = Math.max(this.longest, now - since);
    if (now - since <= CONVERGES_WITHIN) return;
    throw new Error(
      `${pair} are apart since ${(since / 1000).toFixed(0)} s, though there's a path:\n${story(a, b)}\n${story(b, a)}`,
    );
  }
}

/** Whether two members could be connected now: both are there, the wire passes both ways, and their NATs can be opened. */
export function hasPath({ wire }: World, a: SimHost, b: SimHost): boolean {
  if (!a.isUp || !b.isUp || !wire.passes(a, b) || !wire.passes(b, a)) return false;
  return canMeetThrough(a.options.nat, b.options.nat);
}

/** What one makes of the other: its state, and every candidate's fate. */
function story(of: SimHost, other: SimHost): string {
  const peer = of.network.details(of.now).peers.find(({ id }) => id === other.identity.peerId);
  return `${nameOf(of)} at ${of.endpoint}: ${of.peer(other)?.state ?? 'unknown'} ${JSON.stringify(peer)}`;
}
