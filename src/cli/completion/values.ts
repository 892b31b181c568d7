/** The values that only the running daemon knows: what `p2p show` prints as well, to the same people. */
import type { NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import type { Source, Wanted, Word } from './wanted.js';

/** Nobody waits longer for a list, in ms. */
const ASK_MS = 1_000;

/** The words that fit, with what stands before each. Without a daemon: what's known without one. */
export async function fitting(wanted: Wanted, socket: string): Promise<Word[]> {
  const { words, source, typed, before, hash } = wanted;
  const asked = source === null || source === 'files' ? [] : await ask(source, hash, socket);
  return [...words, ...asked]
    .filter(({ value }) => value.startsWith(typed))
    .map(({ value, text }) => ({ value: `${before}${value}`, text: firstLine(text) }));
}

async function ask(source: Source, hash: string | null, socket: string): Promise<Word[]> {
  const { call } = await import('../../rpc/client.js');
  try {
    const { networks } = await call(socket, 'daemon.status', hash === null ? {} : { hash }, ASK_MS);
    return valuesOf(source, networks);
  } catch {
    return []; // a shell that completes is no place for an error
  }
}

export function valuesOf(source: Source, networks: readonly NetworkInfo[]): Word[] {
  const members = networks.flatMap(({ peers }) => peers);
  switch (source) {
    case 'hashes':
      return networks.map(({ hash, device, addresses }) => ({ value: hash, text: `${device} ${addresses.join(' ')}` }));
    case 'devices':
      return networks.map(({ device, addresses }) => ({ value: device, text: addresses.join(' ') }));
    case 'ids':
      return members.map((peer) => ({ value: peer.id, text: describe(peer) }));
    case 'members':
      return members.flatMap((peer) => namesOf(peer).map((value) => ({ value, text: describe(peer) })));
    case 'files':
      return [];
  }
}

function namesOf({ name, addresses }: PeerInfo): string[] {
  return [...addresses.map((address) => address.split('/')[0] ?? ''), ...(/^[\w.-]+$/.test(name) ? [name] : [])];
}

function describe({ name, addresses, state }: PeerInfo): string {
  return `${name} ${addresses.map((address) => address.split('/')[0]).join(' ')} ${state}`;
}

function firstLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}].*/su, '');
}
