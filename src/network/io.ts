/**
 * What goes into the machine of one network and what comes out of it. The machine (`network.ts`) holds no socket, clock or
 * timer: the driver loop feeds inputs with the time at which they happened, and carries out the outputs.
 */
import type { Endpoint } from '../core/endpoint.js';
import type { Cidr } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { Way } from '../core/way.js';
import type { DeviceCommand, DeviceEvent, RelayProxy } from '../device/device.js';
import type { CandidateState } from '../paths/candidates.js';
import type { ClientState } from '../relay/client.js';
import type { KeyEntry } from '../session/key-queue.js';
import type { LiveSession } from '../session/live-sessions.js';
import type { Acquaintance } from './acquaintances.js';
import type { ChosenAddress } from './addresses/claims.js';
import type { NetworkEvent } from './events.js';
import type { HandshakeCounts } from './handshake-counts.js';
import type { Identity } from './identity.js';
import type { ProbeCounts } from './probe-queue.js';
import type { RelayOffer } from './record.js';
import type { NatKind, OutsideView } from './reflexive.js';
import type { NetworkSecrets } from './secrets.js';

/** What a member says of itself as people here want it; it may change while it runs. */
export interface MemberProfile {
  readonly name: string;
  /** The overlay's, in bytes. */
  readonly mtu: number;
  /** Subnets that it forwards to. */
  readonly routes: readonly Cidr[];
}

export interface NetworkConfig extends MemberProfile {
  readonly secrets: NetworkSecrets;
  readonly identity: Identity;
  /** Pre-shared keys of the sessions in their order, from `keyEntry` in secrets.ts; none: all have ended. */
  readonly keys: readonly KeyEntry[];
  /** What the wall clock shows when the machine is made, in ms since 1970. */
  readonly wall: number;
  /** Overlay addresses that people gave it, with prefix, e.g. `10.10.10.1/24`. */
  readonly addresses: readonly string[];
  /** Whether it chooses an IPv4 address by itself besides, and the one that it chose in an earlier run. */
  readonly dynamic: boolean;
  readonly chosen: ChosenAddress | null;
  /** Whether it has the IPv6 address that follows from its identity. */
  readonly ula: boolean;
  readonly mac: Uint8Array;
  /** UDP port of the device's sockets. */
  readonly port: number;
  /** Grows each time this daemon opens a network, also within one run; saved before it's used here, so that stamps never repeat. */
  readonly bootCounter: number;
  /** Members of the last run: tried at start. */
  readonly remembered: readonly RememberedPeer[];
  /** Peer ids that this member has nothing to do with. */
  readonly blocked: readonly string[];
  /** Who had which overlay address in earlier runs. */
  readonly acquaintances: readonly Acquaintance[];
  /** Everything goes through relays: no LAN, no direct path in either direction. */
  readonly forwardOnly: boolean;
  /** Whether there are others behind our device. */
  readonly bridge: boolean;
  /** The relay that this machine serves and offers to members, or null. */
  readonly relayOffer: RelayOffer | null;
  /** Whether relays that members offer are used. */
  readonly useMemberRelays: boolean;
  /** The wall clock, in ms since 1970: what we're called at relays changes every UTC day. */
  readonly unix: () => number;
}

export interface RememberedPeer {
  /** Member record, as signed. */
  readonly record: Uint8Array;
  /** Endpoints that answered, best first. */
  readonly endpoints: readonly Endpoint[];
  /** Last stamp (8 bytes) accepted from it, so that old datagrams stay old after our restart. */
  readonly stamp: Uint8Array;
}

/** How a member was first heard of; `incoming`: by its own handshake, `relay`: introduced there. */
export type Source = 'lan' | 'static' | 'gossip' | 'remembered' | 'dht' | 'relay' | 'incoming';

export type NetworkInput =
  | { readonly kind: 'device'; readonly event: DeviceEvent }
  /** The deadline has come. */
  | { readonly kind: 'tick' }
  /** This machine's addresses, at start and whenever they change. */
  | { readonly kind: 'interfaces'; readonly addresses: readonly LocalAddress[] }
  /** This machine's links or routes have changed, and its addresses haven't. */
  | { readonly kind: 'routes' }
  /** Subnets of all networks of this daemon, before one starts and after one stops: no candidate lies inside. */
  | { readonly kind: 'overlays'; readonly subnets: readonly Cidr[] }
  /** A beacon of a member was opened (docs/protocol.md section 6). */
  | { readonly kind: 'beacon'; readonly payload: Uint8Array; readonly from: Endpoint }
  /** A member's record that came from somewhere else, the DHT for one; not yet verified. */
  | { readonly kind: 'found'; readonly record: Uint8Array; readonly source: Source }
  /** All addresses that a `-peer` stands for at this moment; `id` is the peer id that it must have, if given. */
  | {
      readonly kind: 'static-peer';
      readonly name: string;
      readonly id: string | null;
      readonly endpoints: readonly Endpoint[];
    }
  /** Nodes of the DHT that can be asked where they see us. `isTrusted`: the user named this DHT. */
  | { readonly kind: 'dht-nodes'; readonly nodes: readonly Endpoint[]; readonly isTrusted: boolean }
  /** A router lets datagrams in to us at this endpoint; null: none does any more. */
  | { readonly kind: 'port-mapped'; readonly external: Endpoint | null }
  /** A relay to log in at, or the addresses that its name stands for now. */
  | { readonly kind: 'relay'; readonly relay: RelayChoice }
  /** A relay isn't to be used any more. */
  | { readonly kind: 'drop-relay'; readonly name: string }
  | { readonly kind: 'forward-only'; readonly on: boolean }
  /** The overlay addresses that people give it from now on, and whether it chooses one besides. */
  | { readonly kind: 'set-addresses'; readonly addresses: readonly string[]; readonly dynamic: boolean }
  /** The system refused to give the device this address (without prefix length). */
  | { readonly kind: 'address-refused'; readonly ip: string; readonly error: string }
  /** What this member says of itself from now on. */
  | { readonly kind: 'profile'; readonly profile: MemberProfile }
  /** What the wall clock shows, in ms since 1970; every ten seconds or so, since somebody may set it. */
  | { readonly kind: 'clock'; readonly wall: number }
  /** The key queue as it is from now on. Goes on if the network stood still without a key. */
  | { readonly kind: 'keys'; readonly keys: readonly KeyEntry[] }
  /** Somebody asks whether the member with this peer id answers, and how; a `pong` with the same number follows, if it does. */
  | { readonly kind: 'ping'; readonly peer: string; readonly request: number }
  /** All peer ids that are blocked from now on. */
  | { readonly kind: 'block'; readonly ids: readonly string[] }
  /** That this member has another's overlay address now is as it should be. */
  | { readonly kind: 'accept'; readonly id: string }
  /** Say goodbye to all members; the last input. */
  | { readonly kind: 'leave' };

export type NetworkOutput =
  | { readonly kind: 'device'; readonly command: DeviceCommand }
  /** The plaintext of a beacon (section 6) to send now; it comes again at its interval, and the latest may be repeated on a new interface. */
  | { readonly kind: 'beacon'; readonly payload: Uint8Array }
  /** Our member record, as soon as it has an endpoint and whenever it changed: for whoever publishes it. */
  | { readonly kind: 'record'; readonly record: Uint8Array }
  /** The device is to have these addresses, with prefix, and none that it had before; the chosen one of them is to be kept. */
  | {
      readonly kind: 'addresses';
      readonly addresses: readonly string[];
      readonly chosen: ChosenAddress | null;
    }
  /** Something that a person may want to know. Holds no secret. */
  | {
      readonly kind: 'notable';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly facts: Readonly<Record<string, string | number>>;
    }
  /** For whoever watches. */
  | { readonly kind: 'event'; readonly event: NetworkEvent }
  /** A relay showed its key for the first time: it's to be kept. */
  | { readonly kind: 'pin'; readonly relay: string; readonly key: Uint8Array }
  /** Keys that ended up to this moment (ms since 1970) are of no use any more: they have to be wiped from wherever they're kept. */
  | { readonly kind: 'wipe-keys'; readonly until: number }
  /** A ping was answered. */
  | { readonly kind: 'pong'; readonly pong: Pong }
  /** Who has which overlay address has changed. */
  | { readonly kind: 'acquaintances'; readonly acquaintances: readonly Acquaintance[] }
  /** What the next run should remember has changed. */
  | { readonly kind: 'remember'; readonly peers: readonly RememberedPeer[] };

/** A relay as people name it. */
export interface RelayChoice {
  /** `HOST:PORT`, as it was given. */
  readonly name: string;
  /** Where its UDP port and its TLS port are; null: there's none, or its name has no address now. */
  readonly udp: Endpoint | null;
  readonly tls: Endpoint | null;
  /** The 32-byte key that it must have; null: whichever it shows first. */
  readonly key: Uint8Array | null;
  /** What TLS connections go through. */
  readonly proxy: RelayProxy | null;
  /** The member whose relay it is, by peer id and name; null: people named it. */
  readonly offeredBy: { readonly id: string; readonly name: string } | null;
}

export interface RelaySnapshot extends ClientState {
  readonly name: string;
  /** The name of the member whose relay it is, or null. */
  readonly offeredBy: string | null;
  /** The key that it shows and mustn't have, 64 hex digits, or null. */
  readonly refusedId: string | null;
}

/** How frames go to a peer. */
export type PathKind = 'lan' | 'direct' | 'relay' | 'none';

/** A ping's answer, and what it tells of the path. */
export interface Pong {
  /** The number that the ping came with. */
  readonly request: number;
  readonly path: PathKind;
  readonly endpoint: Way;
  readonly rttMs: number;
}

export interface PeerSnapshot {
  /** 16 hex digits. */
  readonly id: string;
  readonly name: string;
  /** All but `ula`. */
  readonly addresses: readonly string[];
  /** Its IPv6 address in the network's own subnet, with prefix, or null. */
  readonly ula: string | null;
  /** Those of them that it holds, without prefix lengths: an address that several claim is one's only. */
  readonly held: readonly string[];
  readonly mac: string;
  /** Whether there are others behind it. */
  readonly bridge: boolean;
  /** `refused`: a side won't have the session, `lastError` says why. `blocked`: this side, because somebody here said so. */
  readonly state: 'connected' | 'connecting' | 'unreachable' | 'refused' | 'blocked';
  readonly path: PathKind;
  readonly endpoint: Way | null;
  readonly rttMs: number | null;
  /** Of the path in use, as measured: bytes of IP packet. */
  readonly pathMtu: number | null;
  /** Since when connected, ms ago; null if not connected. */
  readonly connectedMs: number | null;
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  readonly source: Source;
  /** When a session with it was there first, in ms since 1970; null if never. */
  readonly knownSince: number | null;
  readonly lastError: string | null;
  /** Subnets that it offers, e.g. `192.168.7.0/24`. */
  readonly routes: readonly string[];
}

/** What's known of a peer's sessions and paths. */
export interface PeerDetails {
  readonly id: string;
  readonly name: string;
  readonly state: PeerSnapshot['state'];
  /** How it was found. */
  readonly source: Source;
  /** Of its member record, decimal. */
  readonly sequence: string;
  /** Of the handshake under way; 0 if there's none. */
  readonly handshakeTries: number;
  readonly sessions: readonly (Pick<LiveSession, 'role' | 'heard'> & { readonly ageMs: number })[];
  readonly candidates: readonly CandidateState[];
}

export interface NetworkDetails {
  /** The NAT before this machine, as far as it's known. */
  readonly nat: NatKind;
  readonly outside: OutsideView;
  /** What we tell others: our own endpoints as candidates. */
  readonly endpoints: readonly Endpoint[];
  readonly probes: ProbeCounts;
  readonly peers: readonly PeerDetails[];
}

export interface NetworkSnapshot {
  /** `key-expired`: it stands still until there's a key again. */
  readonly state: 'running' | 'key-expired' | 'left';
  /** Own peer id. */
  readonly id: string;
  /** Whether it looks for an address and has none so far. */
  readonly isSeeking: boolean;
  readonly peers: readonly PeerSnapshot[];
  /** A `-peer` that no member was found at yet. */
  readonly unanswered: readonly {
    readonly name: string;
    readonly endpoints: readonly Endpoint[];
    readonly lastError: string | null;
  }[];
  readonly relays: readonly RelaySnapshot[];
  readonly forwardOnly: boolean;
  /** What's wrong, in plain words: two members with one address, a cloned identity, another version nearby. */
  readonly problems: readonly string[];
  readonly handshakes: HandshakeCounts;
  /** Datagrams dropped by the control plane, by reason. */
  readonly drops: Readonly<Record<string, number>>;
}
