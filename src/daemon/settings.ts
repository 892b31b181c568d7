/** What can be changed of a network while it's there: its keys, whom it blocks, whether it uses relays only, its addresses, name, MTU. Saved before it takes effect. */
import { DeviceError } from '../device/device.js';
import { networkSecrets } from '../network/secrets.js';
import type { Addressing } from '../rpc/address-fields.js';
import { RpcError } from '../rpc/errors.js';
import type { IdentityInfo, NetworkInfo } from '../rpc/network-info.js';
import type { KeyInfo, KeyParams, Parsed } from '../rpc/schema.js';
import { addressWarnings, checkAddresses, checkMtu } from './addresses.js';
import type { Config } from './config.js';
import type { Entry } from './entry.js';
import type { Host } from './host.js';
import { checkMoments, stretchKeys } from './keys.js';
import type { Log } from './log.js';
import { findIdentity } from './names/find-member.js';
import { hasNamedRelay } from './plan.js';
import type { SavedNetwork } from './saved.js';
import type { Table } from './table.js';
import { keyWeaknesses } from './weak.js';

const PEER_ID = /^[0-9a-f]{16}$/i;
/** How many peers a network has blocked at most. */
const MAX_BLOCKED = 256;

export class Settings {
  constructor(
    private readonly around: { readonly host: Host; readonly config: Config; readonly log: Log },
    /** Does one change after the other. */
    private readonly change: <T>(task: () => Promise<T>) => Promise<T>,
    private readonly table: Table,
    /** The networks as clients are told of them. */
    private readonly list: () => readonly NetworkInfo[],
  ) {}

  /** Appends to a network's key queue. Rejects with an `RpcError`; then nothing has changed. */
  addKeys(hash: string, added: KeyParams): Promise<{ warnings: string[] }> {
    return this.change(async () => {
      const entry = this.table.find(hash);
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
      const entry = this.table.find(hash);
      const own = this.table.localAddresses();
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
    const entries = hash === undefined ? this.table.all() : [this.table.find(hash)];
    return entries.map((entry) => ({ id: entry.saved.id, hash: entry.saved.hash, peers: entry.identities() }));
  }

  /** This machine has nothing to do with that peer from now on. Resolves to its id; rejects with an `RpcError`, and then nothing has changed. */
  block(who: string, hash: string | undefined): Promise<string> {
    return this.setBlocked(who, hash, (blocked, id) => [...blocked, id]);
  }

  unblock(who: string, hash: string | undefined): Promise<string> {
    return this.setBlocked(who, hash, (blocked) => blocked);
  }

  /** That this peer has another's overlay address now is as it should be. Its id; throws an `RpcError`. */
  accept(who: string, hash: string | undefined): string {
    const { entry, id } = this.meant(who, hash);
    entry.accept(id);
    return id;
  }

  /** Whose id, name or address that is, and of which network; a peer id needn't be known if a hash comes with it. Throws an `RpcError`. */
  private meant(who: string, hash: string | undefined): { readonly entry: Entry; readonly id: string } {
    const entries = this.table.some(hash);
    if (PEER_ID.test(who) && hash !== undefined) return { entry: this.table.find(hash), id: who.toLowerCase() };
    const hostNames = new Map(this.list().flatMap(({ peers }) => peers.map(({ id, hostName }) => [id, hostName])));
    const all = entries.flatMap((entry) =>
      entry.identities().map((peer) => ({
        device: entry.saved.device,
        hash: entry.saved.hash,
        peer: { ...peer, hostName: hostNames.get(peer.id) ?? null },
      })),
    );
    if (PEER_ID.test(who) && !all.some(({ peer }) => peer.id === who.toLowerCase()))
      throw new RpcError('invalid-params', `who: expected a peer that a network knows, or a hash with it, got ${who}`);
    const found = findIdentity(all, who);
    return { entry: this.table.find(found.hash), id: found.peer.id };
  }

  private setBlocked(
    who: string,
    hash: string | undefined,
    change: (others: readonly string[], id: string) => readonly string[],
  ): Promise<string> {
    return this.change(async () => {
      const { entry, id } = this.meant(who, hash);
      const blocked = change(
        entry.saved.blocked.filter((other) => other !== id),
        id,
      );
      if (blocked.length > MAX_BLOCKED)
        throw new RpcError('too-many', `expected at most ${MAX_BLOCKED} blocked peers, and there are as many already`);
      await entry.setBlocked(blocked).catch((error: Error) => {
        throw new RpcError('state-failed', `who is blocked can't be saved: ${error.message}`);
      });
      this.around.log
        .network(entry.saved.id)
        .info({ peer: id, blocked: blocked.includes(id) }, 'a peer was blocked or unblocked');
      return id;
    });
  }

  /** The key queue of the network with this hash. */
  keys(hash: string): KeyInfo[] {
    return this.table.find(hash).keys(this.around.host.wall());
  }

  /** Of the network with this hash, or of all; it's kept. Rejects with an `RpcError`; a value that can't be set anywhere is set nowhere. */
  set({ hash, fwd, name, mtu, route: routes, 'accept-routes': acceptRoutes }: Parsed<'network.set'>): Promise<void> {
    const profile = given({ name, mtu, routes, acceptRoutes });
    return this.change(async () => {
      const entries = this.table.some(hash);
      for (const { saved } of entries) {
        if (fwd) this.checkForwardOnly(saved);
        checkMtu(mtu ?? saved.mtu, saved.addresses);
      }
      for (const entry of entries) {
        if (Object.keys(profile).length > 0) await entry.setProfile(profile);
        if (fwd !== undefined) await entry.setForwardOnly(fwd);
      }
    });
  }

  private checkForwardOnly({ relays, device }: SavedNetwork): void {
    if (hasNamedRelay([...relays, ...this.around.config.relays])) return;
    throw new RpcError(
      'invalid-params',
      `fwd: the network on ${device} has no relay but those of members, who are found directly`,
    );
  }
}

/** Without what wasn't given. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
