/** What can be changed of a network while it's there: its keys, whom it blocks, whether it uses relays only. Saved before it takes effect. */
import type { LocalAddress } from '../core/local-address.js';
import { DeviceError } from '../device/device.js';
import { networkSecrets } from '../network/secrets.js';
import { RpcError } from '../rpc/errors.js';
import type { Addressing } from '../rpc/fields.js';
import type { IdentityInfo } from '../rpc/network-info.js';
import type { KeyInfo, KeyParams } from '../rpc/schema.js';
import { addressWarnings, checkAddresses } from './addresses.js';
import type { Config } from './config.js';
import type { Entry } from './entry.js';
import type { Host } from './host.js';
import { checkMoments, stretchKeys } from './keys.js';
import type { Log } from './log.js';
import { hasNamedRelay } from './plan.js';
import { keyWeaknesses } from './weak.js';

/** How many peers a network has blocked at most. */
const MAX_BLOCKED = 256;

/** The networks that are there. */
export interface Entries {
  /** Throws an `RpcError` if there's none with this hash. */
  find(hash: string): Entry;
  /** The one with this hash, or all; throws an `RpcError` if there's none. */
  some(hash: string | undefined): readonly Entry[];
  all(): readonly Entry[];
  /** This machine's addresses, those of networks left out. */
  localAddresses(): readonly LocalAddress[];
}

export class Settings {
  constructor(
    private readonly around: { readonly host: Host; readonly config: Config; readonly log: Log },
    /** Does one change after the other. */
    private readonly change: <T>(task: () => Promise<T>) => Promise<T>,
    private readonly entries: Entries,
  ) {}

  /** Appends to a network's key queue. Rejects with an `RpcError`; then nothing has changed. */
  addKeys(hash: string, added: KeyParams): Promise<{ warnings: string[] }> {
    return this.change(async () => {
      const entry = this.entries.find(hash);
      const { saved } = entry;
      checkMoments(added, saved.keys, this.around.host.wall());
      const keys = await stretchKeys(added, saved.keys ?? [], networkSecrets(saved.root));
      await entry.setKeys(keys).catch((error: Error) => {
        throw new RpcError('state-failed', `the keys can't be saved: ${error.message}`);
      });
      this.around.log.network(saved.id).info({ added: added.length, keys: keys.length }, 'keys added');
      return { warnings: keyWeaknesses(added) };
    });
  }

  /** These addresses are the network's from now on. Rejects with an `RpcError`; then nothing has changed. */
  setAddresses(hash: string, addressing: Addressing): Promise<{ entry: Entry; warnings: string[] }> {
    return this.change(async () => {
      const entry = this.entries.find(hash);
      const own = this.entries.localAddresses();
      checkAddresses(addressing, entry.saved.mtu, own);
      await entry.setAddresses(addressing).catch((error: Error) => {
        if (error instanceof DeviceError)
          throw new RpcError('address-refused', `ip: the system refuses it (${error.message})`);
        throw new RpcError('state-failed', `the addresses can't be saved: ${error.message}`);
      });
      const { addresses, dynamic } = addressing;
      this.around.log
        .network(entry.saved.id)
        .info({ addresses: addresses.join(), dynamic }, 'the addresses are others');
      return { entry, warnings: addressWarnings(addresses, own) };
    });
  }

  /** The identities that the network with this hash knows, or that all do. */
  identities(hash: string | undefined): { id: string; hash: string; peers: IdentityInfo[] }[] {
    const entries = hash === undefined ? this.entries.all() : [this.entries.find(hash)];
    return entries.map((entry) => ({ id: entry.saved.id, hash: entry.saved.hash, peers: entry.identities() }));
  }

  /** This machine has nothing to do with that peer id from now on. Rejects with an `RpcError`; then nothing has changed. */
  block(id: string, hash: string | undefined): Promise<void> {
    return this.setBlocked(id, hash, (blocked) => [...blocked, id]);
  }

  unblock(id: string, hash: string | undefined): Promise<void> {
    return this.setBlocked(id, hash, (blocked) => blocked);
  }

  /** The network with this hash, or the one that knows this peer id (an identity is a member of one network); throws an `RpcError` if there's none. */
  knowing(id: string, hash: string | undefined): Entry {
    if (hash !== undefined) return this.entries.find(hash);
    const entry = this.entries.all().find((each) => each.identities().some((peer) => peer.id === id));
    if (entry === undefined)
      throw new RpcError('invalid-params', `id: expected a peer that a network knows, or a hash with it, got ${id}`);
    return entry;
  }

  private setBlocked(
    id: string,
    hash: string | undefined,
    change: (others: readonly string[]) => readonly string[],
  ): Promise<void> {
    return this.change(async () => {
      const entry = this.knowing(id, hash);
      const blocked = change(entry.saved.blocked.filter((other) => other !== id));
      if (blocked.length > MAX_BLOCKED)
        throw new RpcError('too-many', `expected at most ${MAX_BLOCKED} blocked peers, and there are as many already`);
      await entry.setBlocked(blocked).catch((error: Error) => {
        throw new RpcError('state-failed', `who is blocked can't be saved: ${error.message}`);
      });
      this.around.log
        .network(entry.saved.id)
        .info({ peer: id, blocked: blocked.includes(id) }, 'a peer was blocked or unblocked');
    });
  }

  /** The key queue of the network with this hash. */
  keys(hash: string): KeyInfo[] {
    return this.entries.find(hash).keys(this.around.host.wall());
  }

  /** Through relays only, or not; it's kept. */
  setForwardOnly(hash: string | undefined, on: boolean): Promise<void> {
    return this.change(async () => {
      for (const entry of this.entries.some(hash)) {
        if (on && !hasNamedRelay([...entry.saved.relays, ...this.around.config.relays]))
          throw new RpcError(
            'invalid-params',
            `fwd: the network on ${entry.saved.device} has no relay but those of members, who are found directly`,
          );
      }
      for (const entry of this.entries.some(hash)) await entry.setForwardOnly(on);
    });
  }
}
