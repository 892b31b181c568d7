/** Somebody on every path who doesn't know the hash: sees all datagrams, and sends them again, changed, back, from elsewhere, and in floods. */
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import type { Observer, Sent, World } from './world.js';

/** Datagrams that it keeps. */
const MEMORY = 500;
/** How many datagrams a flood has. */
const FLOOD = 100;
const HIDEOUT = makeEndpoint('203.0.113.66', 6_666);

export class Attacker implements Observer {
  private readonly memory: Sent[] = [];
  private busy = false;

  constructor(private readonly world: World) {
    world.observers.push(this);
  }

  carried(sent: Sent): void {
    if (this.busy) return; // its own
    this.memory.push(sent);
    if (this.memory.length > MEMORY) this.memory.shift();
  }

  /** One of its tricks; says which. */
  strike(): string {
    if (this.memory.length === 0) return 'has seen nothing yet';
    const seen = this.world.pick(this.memory);
    const tricks: readonly (() => string)[] = [
      () => this.send('replays', seen.from, seen.to, seen.datagram),
      () => this.send('replays from its own address', HIDEOUT, seen.to, seen.datagram),
      () => this.send('replays to another', seen.from, this.world.pick(this.memory).to, seen.datagram),
      () => this.send('reflects', seen.to, seen.from, seen.datagram),
      () => this.send('forges', seen.from, seen.to, this.changed(seen.datagram)),
      () => this.send('cuts', seen.from, seen.to, seen.datagram.subarray(0, this.below(seen.datagram.length))),
      () => this.flood(seen),
    ];
    return this.world.pick(tricks)();
  }

  private flood({ from, to, datagram }: Sent): string {
    for (let i = 0; i < FLOOD; i++) this.send('', from, to, i % 2 === 0 ? datagram : this.changed(datagram));
    return 'floods';
  }

  private send(what: string, from: Endpoint, to: Endpoint, datagram: Uint8Array): string {
    this.busy = true;
    this.world.carry(null, from, to, datagram);
    this.busy = false;
    return what;
  }

  /** A few other bytes: anywhere, but mostly where they'd be a good header. */
  private changed(datagram: Uint8Array): Uint8Array {
    const bytes = datagram.slice();
    for (let i = 0; i < 3; i++) bytes[this.below(this.world.chance(0.5) ? 20 : bytes.length)] = this.below(256);
    return bytes;
  }

  private below(limit: number): number {
    return Math.floor(this.world.fraction() * limit);
  }
}
