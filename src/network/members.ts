/** The table of the other members: by identity, by handle, by session index. */
import { hex } from '../core/bytes.js';
import type { PeerHandle } from '../device/device.js';
import type { Peer } from './peer.js';

/** Members of one network that a machine knows; a member that isn't connected makes room for a new one. */
export const MAX_MEMBERS = 1024;

export class Members {
  private readonly byIdentity = new Map<string, Peer>();
  private readonly byHandle = new Map<PeerHandle, Peer>();

  get isFull(): boolean {
    return this.byIdentity.size >= MAX_MEMBERS;
  }

  /** When the first of them wants its tick. */
  deadline(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const peer of this.byHandle.values()) first = Math.min(first, peer.deadline());
    return first;
  }

  all(): Peer[] {
    return [...this.byIdentity.values()];
  }

  connected(): Peer[] {
    return this.all().filter((peer) => peer.isConnected);
  }

  /** By the 32 bytes of its identity. */
  get(identity: Uint8Array): Peer | undefined {
    return this.byIdentity.get(hex(identity));
  }

  /** By its identity in hex. */
  withIdentity(identity: string): Peer | undefined {
    return this.byIdentity.get(identity);
  }

  withHandle(handle: PeerHandle): Peer | undefined {
    return this.byHandle.get(handle);
  }

  withId(id: string): Peer | undefined {
    return this.all().find(({ record }) => record.peerId === id);
  }

  /** Whose handshake an answer with this index would belong to. */
  awaiting(localIndex: number): Peer | undefined {
    return this.all().find(({ session }) => session.awaits(localIndex));
  }

  /** Whether a handshake or session of anyone has this local index. */
  isIndexTaken(localIndex: number): boolean {
    return this.all().some(({ session }) => session.owns(localIndex));
  }

  add(peer: Peer): void {
    this.byIdentity.set(hex(peer.record.identity), peer);
    this.byHandle.set(peer.handle, peer);
  }

  /** Takes the longest known of those that aren't connected out, if the table is full. */
  makeRoom(): Peer | null {
    if (!this.isFull) return null;
    const spare = this.all().find((peer) => !peer.isConnected);
    if (spare === undefined) return null;
    this.byIdentity.delete(hex(spare.record.identity));
    this.byHandle.delete(spare.handle);
    return spare;
  }
}
