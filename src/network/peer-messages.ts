/** What connected peers tell each other in control messages (docs/protocol.md section 8): takes it, and hands it to whom it concerns. */
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import type { Way } from '../core/way.js';
import { CONTROL, type ControlMessage, challenge, decodeControl, readAnswer } from '../wire/control.js';
import type { DropReason, Drops } from './drops.js';
import type { GossipExchange } from './gossip-exchange.js';
import type { Keys } from './keys.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import { Pings } from './pings.js';

/** How a datagram came. */
interface Arrival {
  /** When it was received, which is earlier than `now` if we were busy. */
  readonly at: number;
  readonly from: Way;
}

export class PeerMessages {
  private readonly pings: Pings;

  constructor(
    private readonly members: Members,
    private readonly gossip: GossipExchange,
    private readonly keys: Keys,
    private readonly drops: Drops,
    private readonly outbox: Outbox,
    random: Random,
    /** A peer saw our datagrams come from there. */
    private readonly seenAt: (now: number, observed: Endpoint) => void,
  ) {
    this.pings = new Pings(random);
  }

  received(now: number, peer: Peer, plaintext: Uint8Array, arrival: Arrival): void {
    const messages = decodeControl(plaintext);
    if (messages === null) this.drops.count('control-malformed');
    for (const message of messages ?? []) this.drops.count(this.take(now, peer, message, arrival));
  }

  /** Asks the member with this peer id by the path in use; nothing happens if there's none. `request`: comes back with its `pong`. */
  ping(now: number, id: string, request: number): void {
    const peer = this.members.withId(id);
    const path = peer?.paths.current ?? null;
    if (peer === undefined || path === null) return;
    this.outbox.control(peer.handle, [challenge(this.pings.ask(now, request, path))], path.endpoint);
  }

  private take(now: number, peer: Peer, message: ControlMessage, arrival: Arrival): DropReason {
    if (message.type === CONTROL.answer) return this.answer(now, peer, message.body, arrival);
    if (message.type === CONTROL.keys) return this.keys.heard(now, peer, message.body) ? null : 'control-malformed';
    if (message.type !== CONTROL.bye) return this.gossip.receive(now, peer, message) ? null : 'control-unknown';
    peer.left(now, this.keys.whyGone(now, peer));
    return null;
  }

  private answer(now: number, peer: Peer, body: Uint8Array, { at, from }: Arrival): DropReason {
    const answer = readAnswer(body);
    if (answer === null) return 'control-malformed';
    const pong = this.pings.answered(answer.token, at);
    if (pong !== null) this.outbox.push({ kind: 'pong', pong });
    peer.carryPaths(now, peer.paths.answered(now, answer.token, at, from));
    if (answer.observed !== null) this.seenAt(now, answer.observed);
    return null;
  }
}
