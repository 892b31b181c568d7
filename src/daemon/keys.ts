/** The key queue as people hand it in, as it's kept, and as the machine uses it. */
import { sameSecret } from '../core/crypto.js';
import { moment } from '../core/moment.js';
import { keyEntry, keySecret, type NetworkSecrets, networkSecrets } from '../network/secrets.js';
import { RpcError } from '../rpc/errors.js';
import { MAX_QUEUED_KEYS } from '../rpc/parameters.js';
import type { KeyInfo, KeyParams } from '../rpc/schema.js';
import { fingerprint, type KeyEntry } from '../session/key-queue.js';
import type { SavedKey, SavedNetwork } from './saved.js';

/**
 * Throws an `RpcError` that names the value unless each of `added` ends after the one before it, the first after the last of `queue`, and
 * none in the past; only the last may have no end. `wall`: ms since 1970.
 */
export function checkMoments(added: KeyParams, queue: readonly SavedKey[] | null, wall: number): void {
  const length = (queue?.length ?? 0) + added.length;
  if (length > MAX_QUEUED_KEYS)
    throw refusal(`keys: expected at most ${MAX_QUEUED_KEYS} in the queue, got ${length} with those that are there`);
  let before = queue?.at(-1)?.until;
  for (const [i, { ttl }] of added.entries()) {
    const name = `keys.${i}.ttl`;
    if (before === null)
      throw refusal(`${name}: expected no key after one without a ttl, which stays in use for ever, got ${said(ttl)}`);
    if (ttl !== undefined && ttl * 1000 <= wall)
      throw refusal(`${name}: expected a Unix time in the future, got ${said(ttl)}`);
    if (before !== undefined && ttl !== undefined && ttl <= before)
      throw refusal(`${name}: expected a Unix time after that of the key before, ${said(before)}, got ${said(ttl)}`);
    before = ttl ?? null;
  }
}

/** The queue with the added keys, which are stretched (a few hundred ms each). Throws an `RpcError` for one that's there already. */
export async function stretchKeys(
  added: KeyParams,
  queue: readonly SavedKey[],
  secrets: NetworkSecrets,
): Promise<SavedKey[]> {
  const keys = [...queue];
  for (const [i, { key, ttl }] of added.entries()) {
    const secret = await keySecret(key, secrets);
    const twin = keys.findIndex((other) => sameSecret(other.secret, secret));
    if (twin !== -1)
      throw refusal(`keys.${i}.key: expected a new key, got the one at place ${twin + 1} of the queue once more`);
    keys.push({ secret, until: ttl ?? null });
  }
  return keys;
}

/** Whether the network has these keys, as far as they haven't ended. */
export async function hasKeys({ keys, root }: SavedNetwork, asked: KeyParams, wall: number): Promise<boolean> {
  if (asked.length === 0 || keys === null) return asked.length === 0 && keys === null;
  const secrets = networkSecrets(root);
  for (const { key, ttl } of asked) {
    if (ttl !== undefined && ttl * 1000 <= wall) continue;
    const secret = await keySecret(key, secrets);
    if (!keys.some((has) => has.until === (ttl ?? null) && sameSecret(has.secret, secret))) return false;
  }
  return true;
}

/** The queue as sessions use it; a network without keys has one that never ends, made of the hash alone. */
export function queueOf(root: Uint8Array, keys: SavedNetwork['keys']): KeyEntry[] {
  const secrets = networkSecrets(root);
  if (keys === null) return [keyEntry(secrets, null, Number.POSITIVE_INFINITY)];
  return keys.map(({ secret, until }) => keyEntry(secrets, secret, ms(until)));
}

/** The queue without what ended up to `until` (ms since 1970); that is overwritten. */
export function without(keys: readonly SavedKey[], until: number): SavedKey[] {
  for (const key of keys) if (ms(key.until) <= until) key.secret.fill(0);
  return keys.filter((key) => ms(key.until) > until);
}

/** The queue for people: no key, but what tells one from another. */
export function describeKeys({ keys, root }: SavedNetwork, wall: number): KeyInfo[] {
  const entries = keys === null ? [] : queueOf(root, keys);
  const inUse = entries.find(({ until }) => until > wall);
  return entries.map((entry, i) => ({
    fingerprint: fingerprint(entry),
    until: keys?.[i]?.until ?? null,
    state: entry === inUse ? 'in-use' : entry.until <= wall ? 'ended' : 'later',
  }));
}

function ms(until: number | null): number {
  return until === null ? Number.POSITIVE_INFINITY : until * 1000;
}

function said(ttl: number | undefined): string {
  return ttl === undefined ? 'one without' : `${ttl} (${moment(ttl * 1000)})`;
}

function refusal(message: string): RpcError {
  return new RpcError('invalid-params', message);
}
