/** A relay of a test, and what its members say of it. */
import { call } from '../../../src/rpc/client.js';
import type { RelayInfo } from '../../../src/rpc/relay-info.js';
import type { Host } from './host.js';
import { waitFor } from './wait.js';

/** Makes a host a relay, and nothing else. */
export async function servesRelay(host: Host, ...args: readonly string[]): Promise<void> {
  await host.daemon({ args: ['--relay', '--no-dht', '--no-lan', ...args] });
}

export function relayAt(host: Host): string {
  return `${host.addresses.ipv4}:4910`;
}

export async function relayInfo(host: Host): Promise<RelayInfo> {
  const { relay } = await call(host.socket, 'daemon.status', {});
  if (relay === null) throw new Error(`${host.name} is no relay`);
  return relay;
}

/** Waits until a member's frames to another go that way. */
export async function usesPath(host: Host, hash: string, ip: string, path: string): Promise<void> {
  await waitFor(`${host.name}'s path to ${ip} is ${path}`, async () => {
    const member = await host.member(hash, ip);
    if (member.path !== path) throw new Error(`it's ${member.path} ${member.endpoint}`);
    return true;
  });
}
