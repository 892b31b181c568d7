/** Where frames may go, both ways: the switch, the MACs that are learned behind bridges, and the bound of floods. */
import { hex } from '../../core/bytes.js';
import { linkLocalOf } from '../../core/ip.js';
import { type Rate, TokenBucket } from '../../core/token-bucket.js';
import type { DeviceConfig, PeerHandle } from '../device.js';
import { Learned } from './learned.js';
import { type Inbound, type Rights, Switch } from './switch.js';

/** Broadcast, multicast and unknown destinations of one member, in units of `FLOOD_UNIT` bytes (native/src/engine/behind.rs). */
const FLOODS: Rate = { burst: 4_096, perSecond: 2_048 };
const FLOOD_UNIT = 2_048;

export class Frames {
  private readonly switch: Switch;
  private readonly learned = new Learned();
  private readonly own: TokenBucket;
  private readonly peers = new Map<PeerHandle, TokenBucket>();

  constructor(
    private readonly config: DeviceConfig,
    now: number,
  ) {
    const addresses = hostsOf(config.addresses, config.mac);
    this.switch = new Switch({ mac: config.mac, addresses, bridge: config.bridge });
    this.own = new TokenBucket(FLOODS, now);
  }

  /** With prefix lengths. */
  setOwnAddresses(addresses: readonly string[]): void {
    this.switch.setOwnAddresses(hostsOf(addresses, this.config.mac));
  }

  setPeer(peer: PeerHandle, rights: Rights): void {
    this.switch.setPeer(peer, rights);
    if (!rights.bridge) this.learned.forget(peer);
  }

  dropPeer(peer: PeerHandle): void {
    this.switch.dropPeer(peer);
    this.learned.forget(peer);
    this.peers.delete(peer);
  }

  /** Where a frame of the local network stack goes: to a peer, or to all that can be reached; or why it goes nowhere. */
  outbound(now: number, frame: Uint8Array): PeerHandle | 'all' | { readonly refused: string } {
    const [destination, source] = [frame.subarray(0, 6), frame.subarray(6, 12)];
    const isOthers = hex(source) !== hex(this.config.mac) && !isGroup(source);
    const refused = this.config.bridge && isOthers ? this.learned.note(hex(source), 'here', now) : null;
    if (refused !== null) return { refused };
    const outbound = this.switch.outbound(frame);
    if (outbound.kind === 'refused') return { refused: outbound.reason };
    if (outbound.kind === 'to') return outbound.peer;
    const place = isGroup(destination) ? undefined : this.learned.find(hex(destination), now);
    if (place === 'here') return { refused: 'not-for-us' };
    if (place !== undefined) return place;
    return this.own.takeSome(now, floodCost(frame)) ? 'all' : { refused: 'broadcast-limited' };
  }

  /** Why a peer's frame may not go to the local network stack; null if it may. */
  inbound(now: number, frame: Uint8Array, peer: PeerHandle): string | null {
    const inbound = this.switch.inbound(frame, peer);
    return inbound.kind === 'refused' ? inbound.reason : this.refuses(now, inbound, frame, peer);
  }

  /** For frames from others than the peer, or to others than us. */
  private refuses(
    now: number,
    { to, fromBehind }: Extract<Inbound, { kind: 'deliver' }>,
    frame: Uint8Array,
    peer: PeerHandle,
  ): string | null {
    const refused = fromBehind ? this.learned.note(hex(frame.subarray(6, 12)), peer, now) : null;
    if (refused !== null) return refused;
    const place = to === 'unrecorded' ? this.learned.find(hex(frame.subarray(0, 6)), now) : undefined;
    if (to === 'us' || place === 'here') return null;
    if (place !== undefined) return 'not-for-us';
    const floods = this.peers.get(peer) ?? new TokenBucket(FLOODS, now);
    this.peers.set(peer, floods);
    return floods.takeSome(now, floodCost(frame)) ? null : 'broadcast-limited';
  }
}

/** Without prefix lengths, and the link-local one that follows from the MAC. */
function hostsOf(addresses: readonly string[], mac: Uint8Array): string[] {
  return [...addresses.map((address) => address.split('/', 1)[0] ?? ''), linkLocalOf(mac)];
}

function isGroup(mac: Uint8Array): boolean {
  return ((mac[0] ?? 0) & 1) === 1;
}

function floodCost(frame: Uint8Array): number {
  return 1 + Math.floor(frame.length / FLOOD_UNIT);
}
