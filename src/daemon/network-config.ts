/** A saved network as its device and its machine want to be told. */
import { type Cidr, parseCidr } from '../core/ip.js';
import { parseMac } from '../core/mac.js';
import type { DeviceConfig } from '../device/device.js';
import type { Identity } from '../network/identity.js';
import type { NetworkConfig } from '../network/io.js';
import { admissionKey, networkSecrets } from '../network/secrets.js';
import { ownAddresses } from './addresses.js';
import { queueOf } from './keys.js';
import type { SavedNetwork } from './saved.js';

/** What of the system's help a device uses, and how it marks its datagrams. */
export type DeviceChoices = Pick<DeviceConfig, 'tapOffload' | 'udpGso' | 'udpGro' | 'threads' | 'fwmark'>;

/** The machine's. `unix`: what the wall clock shows, in ms since 1970; `bootCounter`: greater than in every run before. */
export function networkConfig(
  saved: SavedNetwork,
  identity: Identity,
  bootCounter: number,
  relays: Pick<NetworkConfig, 'relayOffer' | 'useMemberRelays'>,
  unix: () => number,
): NetworkConfig {
  return {
    secrets: networkSecrets(saved.root),
    identity,
    keys: queueOf(saved.root, saved.keys),
    wall: unix(),
    name: saved.name,
    addresses: saved.addresses,
    dynamic: saved.dynamic,
    chosen: saved.chosen,
    ula: saved.ula,
    mac: macOf(saved),
    mtu: saved.mtu,
    routes: cidrs(saved.routes),
    port: saved.port,
    bootCounter,
    remembered: saved.remembered,
    blocked: saved.blocked,
    acquaintances: saved.acquaintances,
    forwardOnly: saved.forwardOnly,
    bridge: saved.bridge,
    ...relays,
    unix,
  };
}

/** The device's, but for what the daemon chooses for all of them. */
export function deviceConfig(
  { secrets, identity, mac, mtu, port, bridge }: NetworkConfig,
  saved: SavedNetwork,
): Omit<DeviceConfig, keyof DeviceChoices> {
  return {
    name: saved.device,
    mac,
    mtu,
    mssClamp: saved.mssClamp,
    bridge,
    addresses: ownAddresses(saved),
    port,
    networkAdmissionKey: admissionKey(secrets),
    ownAdmissionKey: admissionKey(secrets, identity.publicKey),
    cookieKey: secrets.cookieKey,
  };
}

export function cidrs(list: readonly string[]): Cidr[] {
  return list.flatMap((text) => parseCidr(text) ?? []);
}

function macOf({ mac }: SavedNetwork): Uint8Array {
  const bytes = parseMac(mac);
  if (bytes === null) throw new RangeError(`expected a MAC, got ${mac}`);
  return bytes;
}
