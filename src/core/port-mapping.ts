/** What's asked of a router, and what it answers: one mapping of one UDP port. */
import type { Endpoint } from './endpoint.js';

/** RFC 6887, RFC 6886, UPnP Internet Gateway Device. */
export type MappingProtocol = 'pcp' | 'nat-pmp' | 'upnp';

export interface MappingRequest {
  readonly protocol: MappingProtocol;
  /** The router's IPv4 address: nobody else is asked, and no other answer is believed. */
  readonly gateway: string;
  /** Our own IPv4 address towards it. */
  readonly client: string;
  readonly internalPort: number;
  /** The one that we'd like; to give a mapping back: the one that we have. */
  readonly externalPort: number;
  readonly lifetimeSeconds: number;
  /** 12 bytes: PCP lets a mapping be changed by whoever knows it. */
  readonly nonce: Uint8Array;
}

/** `no-answer`: the router doesn't speak the protocol, or is silent. `error`: in words. */
export interface MappingFailure {
  readonly reason: 'no-answer' | 'refused' | 'failed';
  readonly error: string;
}

export type MappingAnswer =
  | { readonly kind: 'mapped'; readonly external: Endpoint; readonly lifetimeSeconds: number }
  | { readonly kind: 'released' }
  | ({ readonly kind: 'failed' } & MappingFailure);

/** Whoever asks it. An answer comes within seconds, if only `no-answer`; neither ever rejects. */
export interface MappingClient {
  map(request: MappingRequest): Promise<MappingAnswer>;
  release(request: MappingRequest): Promise<MappingAnswer>;
}

/** The way to the rest of the world: the router, and which of our addresses it knows us by. */
export interface DefaultRoute {
  readonly gateway: string;
  readonly device: string;
  /** Our own address on that device. */
  readonly local: string;
}
