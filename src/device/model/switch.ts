/** The switch as a list of claims: slow, obvious, and the model for the one in Rust. */
import { hex } from '../../core/bytes.js';
import type { PeerHandle } from '../device.js';

const HEADER_BYTES = 14;

export type Outbound =
  | { readonly kind: 'to'; readonly peer: PeerHandle }
  /** To every peer that has a session: broadcast, multicast and MACs that no peer has recorded. */
  | { readonly kind: 'flood' }
  | { readonly kind: 'refused'; readonly reason: string };

export class Switch {
  /** In the order in which they were made: of two claims to one MAC the first holds. */
  private claims: { readonly peer: PeerHandle; readonly mac: string }[] = [];
  private readonly own: string;

  constructor(ownMac: Uint8Array) {
    this.own = hex(ownMac);
  }

  setPeer(peer: PeerHandle, macs: readonly Uint8Array[]): void {
    const wanted = macs.filter((mac) => !isGroup(mac) && hex(mac) !== this.own).map(hex);
    this.claims = this.claims.filter((claim) => claim.peer !== peer || wanted.includes(claim.mac));
    for (const mac of wanted) {
      if (!this.claims.some((claim) => claim.peer === peer && claim.mac === mac)) this.claims.push({ peer, mac });
    }
  }

  dropPeer(peer: PeerHandle): void {
    this.claims = this.claims.filter((claim) => claim.peer !== peer);
  }

  /** Where a frame of the local device goes; never to where it came from. */
  outbound(frame: Uint8Array): Outbound {
    if (frame.length < HEADER_BYTES) return { kind: 'refused', reason: 'frame-malformed' };
    if (isReserved(frame)) return { kind: 'refused', reason: 'reserved-group' };
    const destination = hex(frame.subarray(0, 6));
    if (destination === this.own) return { kind: 'refused', reason: 'not-for-us' };
    const peer = this.holderOf(destination);
    return peer === undefined ? { kind: 'flood' } : { kind: 'to', peer };
  }

  /** Whether a frame of `peer` may go to the local device: null, or why not. */
  inbound(frame: Uint8Array, peer: PeerHandle): string | null {
    if (frame.length < HEADER_BYTES) return 'frame-malformed';
    if (isReserved(frame)) return 'reserved-group';
    if (this.holderOf(hex(frame.subarray(6, 12))) !== peer) return 'source-mac';
    return isGroup(frame) || hex(frame.subarray(0, 6)) === this.own ? null : 'not-for-us';
  }

  private holderOf(mac: string): PeerHandle | undefined {
    return this.claims.find((claim) => claim.mac === mac)?.peer;
  }
}

/** Whether a MAC, or the destination at the start of a frame, names a group. */
function isGroup(mac: Uint8Array): boolean {
  return ((mac[0] ?? 0) & 1) === 1;
}

/** 01-80-C2-00-00-0x: for the link itself (IEEE 802.1Q table 8-1), never carried. */
function isReserved(frame: Uint8Array): boolean {
  return hex(frame.subarray(0, 5)) === '0180c20000' && ((frame[5] ?? 0) & 0xf0) === 0;
}
