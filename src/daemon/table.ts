/** The networks that there are, and those whose devices are being opened: who has which hash, device, port, and which subnets. */
import type { Cidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import { RpcError } from '../rpc/errors.js';
import { subnetsOf } from './addresses.js';
import type { Entry } from './entry.js';
import type { Host } from './host.js';
import type { Taken } from './opening.js';
import type { SavedNetwork } from './saved.js';

/** How many networks a daemon has at most. */
const MAX_NETWORKS = 256;

export class Table {
  private readonly entries = new Map<string, Entry>();
  /** Devices that are being opened: theirs are overlay addresses too. */
  private readonly opening = new Map<string, SavedNetwork>();

  constructor(
    private readonly host: Host,
    /** Subnets behind members to which there are routes. */
    private readonly routed: () => readonly Cidr[],
  ) {}

  get(hash: string): Entry | undefined {
    return this.entries.get(hash);
  }

  all(): Entry[] {
    return [...this.entries.values()];
  }

  set(entry: Entry): void {
    this.entries.set(entry.saved.hash, entry);
  }

  delete(hash: string): void {
    this.entries.delete(hash);
  }

  /** The network with this hash; throws an `RpcError` if there's none. */
  find(hash: string): Entry {
    const entry = this.entries.get(hash);
    if (entry === undefined) throw new RpcError('no-such-network', 'no network has this hash');
    return entry;
  }

  /** The network whose device has this name, also one that isn't up; throws an `RpcError` if there's none. */
  on(device: string): Entry {
    const entry = [...this.entries.values()].find(({ saved }) => saved.device === device);
    if (entry === undefined) throw new RpcError('no-such-network', `no network has the device ${device}`);
    return entry;
  }

  /** The network with this hash, or all; throws an `RpcError` if there's none. */
  some(hash: string | undefined): Entry[] {
    if (hash !== undefined) return [this.find(hash)];
    if (this.entries.size === 0) throw new RpcError('no-such-network', 'there is no network');
    return [...this.entries.values()];
  }

  /** Throws an `RpcError` if there's no room for one more, or if there's one with that hash. */
  refuseIfUsed(hash: string): void {
    if (this.entries.has(hash)) throw new RpcError('hash-in-use', 'the hash is already in use on this machine');
    if (this.entries.size >= MAX_NETWORKS)
      throw new RpcError('too-many', `expected at most ${MAX_NETWORKS} networks, and there are as many already`);
  }

  /** What's taken of what can be used once. `but`: of this network nothing is. */
  taken(but: SavedNetwork | null): Taken {
    const others = [...this.entries.values()].map(({ saved }) => saved).filter((saved) => saved !== but);
    return { devices: new Set(others.map((o) => o.device)), ports: new Set(others.map((o) => o.port)) };
  }

  /** The device of this network is being opened, until the promise settles. */
  async whileOpening<T>(saved: SavedNetwork, open: () => Promise<T>): Promise<T> {
    this.opening.set(saved.device, saved);
    this.tellOverlays();
    try {
      return await open();
    } catch (error) {
      this.opening.delete(saved.device);
      this.tellOverlays();
      throw error;
    } finally {
      this.opening.delete(saved.device);
    }
  }

  /** This machine's addresses, but for those of its networks. */
  localAddresses(): LocalAddress[] {
    const overlay = new Set([...this.entries.values()].filter((e) => e.running !== null).map((e) => e.saved.device));
    return this.host.localAddresses((device) => overlay.has(device) || this.opening.has(device));
  }

  /** Subnets of all networks but this one that are up or about to be, and those behind members to which there are routes: all that lies in an overlay. */
  overlays(but: string): Cidr[] {
    const up = [...this.entries.values()].filter(({ running }) => running !== null).map(({ saved }) => saved);
    const others = [...up, ...this.opening.values()].filter(({ hash }) => hash !== but);
    return [...others.flatMap(subnetsOf), ...this.routed()];
  }

  /** All are told what's overlay now. */
  tellOverlays(): void {
    for (const { running, saved } of this.entries.values()) running?.setOverlays(this.overlays(saved.hash));
  }
}
