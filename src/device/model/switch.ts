/** The switch as lists of claims: slow, obvious, and the model for the one in Rust. */
import { hex } from '../../core/bytes.js';
import { isHosts } from '../../core/ip.js';
import type { PeerHandle } from '../device.js';
import { claimedAddresses, HIDDEN } from './addresses.js';

const HEADER_BYTES = 14;

export type Outbound =
  | { readonly kind: 'to'; readonly peer: PeerHandle }
  /** To every peer that has a session: broadcast, multicast and MACs that no peer has recorded. Those may have been learned. */
  | { readonly kind: 'flood' }
  | { readonly kind: 'refused'; readonly reason: string };

/** A peer's frame that may go to the local device, or why it mustn't. */
export type Inbound =
  | {
      readonly kind: 'deliver';
      /** `unrecorded`: a MAC that nobody has recorded, for whoever is behind our bridge. */
      readonly to: 'us' | 'group' | 'unrecorded';
      /** It comes from a MAC behind the peer's bridge. */
      readonly fromBehind: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Rights {
  readonly macs: readonly Uint8Array[];
  readonly addresses: readonly string[];
  readonly bridge: boolean;
}

export interface Own {
  readonly mac: Uint8Array;
  readonly addresses: readonly string[];
  readonly bridge: boolean;
}

/** Of two claims to one thing the first holds, until it's let go. */
class Claims {
  private list: { readonly peer: PeerHandle; readonly thing: string }[] = [];

  set(peer: PeerHandle, things: readonly string[]): void {
    this.list = this.list.filter((claim) => claim.peer !== peer || things.includes(claim.thing));
    for (const thing of things) if (!this.has(peer, thing)) this.list.push({ peer, thing });
  }

  holderOf(thing: string): PeerHandle | undefined {
    return this.list.find((claim) => claim.thing === thing)?.peer;
  }

  private has(peer: PeerHandle, thing: string): boolean {
    return this.list.some((claim) => claim.peer === peer && claim.thing === thing);
  }
}

export class Switch {
  private readonly macs = new Claims();
  private readonly addresses = new Claims();
  private readonly bridges = new Set<PeerHandle>();
  private readonly own: string;

  constructor(private us: Own) {
    this.own = hex(us.mac);
  }

  /** Without prefix lengths. */
  setOwnAddresses(addresses: readonly string[]): void {
    this.us = { ...this.us, addresses };
  }

  setPeer(peer: PeerHandle, { macs, addresses, bridge }: Rights): void {
    const wanted = macs.filter((mac) => !isGroup(mac) && hex(mac) !== this.own).map(hex);
    this.macs.set(peer, wanted);
    this.addresses.set(peer, addresses.filter(isHosts));
    if (bridge) this.bridges.add(peer);
    else this.bridges.delete(peer);
  }

  dropPeer(peer: PeerHandle): void {
    this.setPeer(peer, { macs: [], addresses: [], bridge: false });
  }

  /** Where a frame of the local device goes; never to where it came from. */
  outbound(frame: Uint8Array): Outbound {
    if (frame.length < HEADER_BYTES) return { kind: 'refused', reason: 'frame-malformed' };
    if (isReserved(frame)) return { kind: 'refused', reason: 'reserved-group' };
    const destination = hex(frame.subarray(0, 6));
    if (destination === this.own) return { kind: 'refused', reason: 'not-for-us' };
    const peer = this.macs.holderOf(destination);
    return peer === undefined ? { kind: 'flood' } : { kind: 'to', peer };
  }

  /** Whether a frame of `peer` may go to the local device. */
  inbound(frame: Uint8Array, peer: PeerHandle): Inbound {
    if (frame.length < HEADER_BYTES) return { kind: 'refused', reason: 'frame-malformed' };
    if (isReserved(frame)) return { kind: 'refused', reason: 'reserved-group' };
    const holder = this.macs.holderOf(hex(frame.subarray(6, 12)));
    const fromBehind = holder === undefined && this.maySendForOthers(peer, frame.subarray(6, 12));
    if (holder !== peer && !fromBehind) return { kind: 'refused', reason: 'source-mac' };
    const to = this.destination(frame);
    if (to === null) return { kind: 'refused', reason: 'not-for-us' };
    const claimed = claimedAddresses(frame);
    if (claimed === HIDDEN) return { kind: 'refused', reason: HIDDEN };
    if (!claimed.every((address) => this.mayClaim(peer, address)))
      return { kind: 'refused', reason: 'address-of-another' };
    return { kind: 'deliver', to, fromBehind };
  }

  private maySendForOthers(peer: PeerHandle, source: Uint8Array): boolean {
    return this.bridges.has(peer) && !isGroup(source) && hex(source) !== this.own;
  }

  private destination(frame: Uint8Array): 'us' | 'group' | 'unrecorded' | null {
    const destination = hex(frame.subarray(0, 6));
    if (destination === this.own) return 'us';
    if (isGroup(frame)) return 'group';
    return this.us.bridge && this.macs.holderOf(destination) === undefined ? 'unrecorded' : null;
  }

  private mayClaim(peer: PeerHandle, address: string): boolean {
    if (this.us.addresses.includes(address)) return false;
    const holder = this.addresses.holderOf(address);
    return holder === undefined || holder === peer || (this.us.bridge && this.bridges.has(peer));
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
