/** From the parameters of `start` to the network that will be saved: all checks that need no device. */
import type { LocalAddress } from '../core/local-address.js';
import { formatMac } from '../core/mac.js';
import { defaultMac, deriveIdentity } from '../network/identity.js';
import { networkSecrets, rootSecret } from '../network/secrets.js';
import { RpcError } from '../rpc/errors.js';
import type { PortRange } from '../rpc/fields.js';
import { MAX_RELAYS } from '../rpc/parameters.js';
import { MEMBERS, relayName } from '../rpc/relay-fields.js';
import type { StartParams } from '../rpc/schema.js';
import { addressWarnings, checkAddresses, MIN_IPV6_MTU } from './addresses.js';
import type { Config } from './config.js';
import { checkMoments, hasKeys, stretchKeys } from './keys.js';
import type { SavedNetwork } from './saved.js';
import { keyWeaknesses, weakness } from './weak.js';

/** A network that wants a device name and a port. */
export type Plan = Omit<SavedNetwork, 'device' | 'port'> & {
  readonly device: string | null;
  readonly port: number | null;
};

/** Throws an `RpcError` for parameters that each are good, but not together or not here. */
export function checkStart(params: StartParams, config: Config, own: readonly LocalAddress[], wall: number): void {
  const refuse = (message: string): never => {
    throw new RpcError('invalid-params', message);
  };
  checkMoments(params.keys, null, wall);
  if (params.port !== undefined && params.ports !== undefined) refuse('ports: expected either port or ports, got both');
  const asked = [...params.relay, ...config.relays];
  const relays = new Set(asked.filter((relay) => relay !== MEMBERS).map(relayName));
  if (relays.size > MAX_RELAYS)
    refuse(`relay: expected at most ${MAX_RELAYS} with those of the daemon, got ${relays.size}`);
  if (params.fwd && !hasNamedRelay(asked))
    refuse(
      'fwd: expected a relay with it, of the network or of the daemon, got none but those of members, who are found directly',
    );
  checkAddresses(params.ip, params.mtu ?? config.mtu, own);
}

/** Whether there's a relay that needs no member to be found first. */
export function hasNamedRelay(relays: readonly string[]): boolean {
  return relays.some((relay) => relay !== MEMBERS);
}

/** Stretches the secrets (about a second for a hash that a person made up) and fills in the defaults. */
export async function planStart(params: StartParams, config: Config, master: Uint8Array): Promise<Plan> {
  const root = await rootSecret(params.hash);
  const secrets = networkSecrets(root);
  const identity = deriveIdentity(master, secrets.networkId);
  const mtu = params.mtu ?? config.mtu;
  return {
    id: Buffer.from(secrets.networkId).toString('hex'),
    hash: params.hash,
    root,
    ...params.ip,
    chosen: null,
    ula: !params['no-ula'] && mtu >= MIN_IPV6_MTU,
    device: params.dev ?? null,
    mac: params.mac ?? formatMac(defaultMac(identity.publicKey)),
    name: params.name ?? config.name,
    port: params.port ?? null,
    ports: params.port === undefined ? (params.ports ?? config.ports) : null,
    mtu,
    mssClamp: params['mss-clamp'] ?? config.mssClamp,
    peers: [...new Set(params.peer)],
    keys: params.keys.length === 0 ? null : await stretchKeys(params.keys, [], secrets),
    noLan: params['no-lan'],
    dht: params.dht ?? null,
    relays: [...new Set(params.relay)],
    forwardOnly: params.fwd,
    bridge: params.bridge ?? config.bridge,
    routes: [...new Set(params.route)],
    acceptRoutes: [...new Set(params['accept-routes'])],
    remembered: [],
    blocked: [],
    acquaintances: [],
  };
}

/** Whether a saved network is what `start` with these parameters would make; what they leave open may be anything. */
export async function describes(params: StartParams, saved: SavedNetwork, wall: number): Promise<boolean> {
  const { ip, dev, mac, name, port, ports, peer, keys, mtu, dht, relay } = params;
  const same = (asked: unknown, has: unknown) => asked === undefined || JSON.stringify(asked) === JSON.stringify(has);
  return (
    same(ip.addresses, saved.addresses) &&
    ip.dynamic === saved.dynamic &&
    (!params['no-ula'] || !saved.ula) &&
    [same(dev, saved.device), same(mac, saved.mac), same(name, saved.name), same(port, saved.port)].every(Boolean) &&
    [same(ports, saved.ports), same(mtu, saved.mtu), same(dht, saved.dht)].every(Boolean) &&
    same([...new Set(peer)], saved.peers) &&
    same(params['mss-clamp'], saved.mssClamp) &&
    same(params.bridge, saved.bridge) &&
    same([...new Set(relay)], saved.relays) &&
    params.fwd === saved.forwardOnly &&
    same([...new Set(params.route)], saved.routes) &&
    same([...new Set(params['accept-routes'])], saved.acceptRoutes) &&
    params['no-lan'] === saved.noLan &&
    (await hasKeys(saved, keys, wall))
  );
}

/** What the person who starts the network should know. */
export function startWarnings(params: StartParams, own: readonly LocalAddress[]): string[] {
  const guessable = [weakness(params.hash), ...keyWeaknesses(params.keys)].filter((warning) => warning !== null);
  return [...guessable, ...addressWarnings(params.ip.addresses, own)];
}

/** Ports to try, in random order: at most `limit`. */
export function portChoices({ min, max }: PortRange, limit: number, random: () => number = Math.random): number[] {
  const size = max - min + 1;
  const first = Math.floor(random() * size);
  const step = coprimeStep(size, random);
  return Array.from({ length: Math.min(size, limit) }, (_, i) => min + ((first + i * step) % size));
}

/** A step that visits every one of `size` places before it comes back. */
function coprimeStep(size: number, random: () => number): number {
  for (;;) {
    const step = 1 + Math.floor(random() * size);
    if (gcd(step, size) === 1) return step;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
