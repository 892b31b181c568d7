/** The `-peer` addresses: asks "is a member here?" until one answers, and again when that one is lost. */
import { backoff } from '../core/backoff.js';
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { answers, type HelloBack } from '../wire/hello.js';
import type { PeerId } from './identity.js';

export const MAX_STATIC_PEERS = 64;
/** Endpoints of one name that are asked. */
const MAX_ENDPOINTS = 8;
const RETRY = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
/** Hellos whose answers may still come: those of a few tries. */
const REMEMBERED_HELLOS = 4 * MAX_ENDPOINTS;

interface StaticPeer {
  readonly name: string;
  /** The peer id that it must have, or null for any. */
  readonly id: string | null;
  endpoints: readonly Endpoint[];
  tries: number;
  nextAt: number;
  readonly nonces: Uint8Array[];
  found: PeerId | null;
  lastError: string | null;
}

/** A hello that's due, to one endpoint. */
export interface HelloWanted {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** How many were sent before. */
  readonly tries: number;
}

export class StaticPeers {
  private readonly peers = new Map<string, StaticPeer>();

  constructor(
    private readonly random: Random,
    private readonly isConnected: (id: PeerId) => boolean,
  ) {}

  /** Adds a peer, or sets the endpoints that its name stands for now. */
  set(now: number, name: string, id: string | null, endpoints: readonly Endpoint[]): void {
    const known = this.peers.get(name);
    const changed = known === undefined || known.endpoints.join() !== endpoints.join();
    const peer = known ?? { name, id, endpoints, tries: 0, nextAt: now, nonces: [], found: null, lastError: null };
    if (this.peers.size >= MAX_STATIC_PEERS && known === undefined) return;
    this.peers.set(name, Object.assign(peer, { endpoints: endpoints.slice(0, MAX_ENDPOINTS) }));
    if (changed) Object.assign(peer, { tries: 0, nextAt: now });
  }

  /** The network is another one now: those that didn't answer are asked again. */
  hurry(now: number): void {
    for (const peer of this.asking()) Object.assign(peer, { tries: 0, nextAt: now });
  }

  deadline(): number {
    const askable = this.asking().filter(({ endpoints }) => endpoints.length > 0);
    return Math.min(Number.POSITIVE_INFINITY, ...askable.map(({ nextAt }) => nextAt));
  }

  /** The hellos that are due now. */
  tick(now: number): HelloWanted[] {
    return this.asking()
      .filter(({ nextAt, endpoints }) => nextAt <= now && endpoints.length > 0)
      .flatMap((peer) => {
        const tries = peer.tries++;
        peer.nextAt = now + backoff(RETRY, peer.tries, this.random);
        return peer.endpoints.map((endpoint) => ({ name: peer.name, endpoint, tries }));
      });
  }

  /** Whether a hello to that endpoint is still of use. */
  isAsking(name: string, endpoint: Endpoint): boolean {
    return this.asking().some((peer) => peer.name === name && peer.endpoints.includes(endpoint));
  }

  /** The 24-byte nonce of a hello that goes out now: its answer will be known by it. */
  nonceFor(name: string): Uint8Array {
    const nonce = this.random(XAES_NONCE_BYTES);
    const nonces = this.peers.get(name)?.nonces ?? [];
    nonces.push(nonce);
    if (nonces.length > REMEMBERED_HELLOS) nonces.shift();
    return nonce;
  }

  /** Which peer a hello back is for: says whether `id` is welcome there. Null if nobody asked. */
  answered(back: HelloBack, id: PeerId, own: PeerId): 'welcome' | 'other' | null {
    const peer = [...this.peers.values()].find(({ nonces }) => nonces.some((nonce) => answers(back, nonce)));
    if (peer === undefined) return null;
    if (id === own) peer.lastError = 'that address is this machine itself';
    else if (peer.id !== null && peer.id !== id) peer.lastError = `the member there is ${id}, not ${peer.id}`;
    else {
      peer.found = id;
      peer.lastError = null;
      return 'welcome';
    }
    return 'other';
  }

  /** A peer was lost: whoever was found under its address is looked for again. */
  lost(now: number, id: PeerId): void {
    for (const peer of this.peers.values()) {
      if (peer.found === id) Object.assign(peer, { tries: 0, nextAt: now });
    }
  }

  /** `isCandidate`: whether hellos are sent there at all. */
  unanswered(
    isCandidate: (endpoint: Endpoint) => boolean,
  ): { name: string; endpoints: readonly Endpoint[]; lastError: string | null }[] {
    return this.asking().map(({ name, endpoints, lastError, tries }) => ({
      name,
      endpoints,
      lastError: lastError ?? why(endpoints, tries, isCandidate),
    }));
  }

  private asking(): StaticPeer[] {
    return [...this.peers.values()].filter(({ found }) => found === null || !this.isConnected(found));
  }
}

function why(
  endpoints: readonly Endpoint[],
  tries: number,
  isCandidate: (endpoint: Endpoint) => boolean,
): string | null {
  if (endpoints.length === 0) return 'its name has no address yet';
  if (!endpoints.some(isCandidate)) return "that's this machine itself, or inside one of its own networks";
  return tries > 2 ? 'no answer' : null;
}
