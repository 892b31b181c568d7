/**
 * What the control plane asks of a data plane: a network device, its UDP sockets, and the sessions that join them.
 *
 * Two things implement it: `native.ts` (Rust, real frames) and `memory.ts` (slow and obvious: the tests' network card and
 * the model that the Rust switch and replay window are checked against). No Ethernet frame passes this interface.
 */
import type { Endpoint } from '../core/endpoint.js';
import type { RelayTransport, Way } from '../core/way.js';

/** A small integer by which both sides name a peer; chosen by the control plane, unique within a device. */
export type PeerHandle = number;

export interface DeviceConfig {
  /** Interface name, at most 15 bytes. Taken literally; an existing interface of that name is an error, unless a crash of ours has left it. On macOS `feth` and a number below 16,000. */
  readonly name: string;
  /** 6 bytes, unicast. */
  readonly mac: Uint8Array;
  /** Overlay MTU in bytes, without the Ethernet header. */
  readonly mtu: number;
  /** Overlay addresses with their prefix lengths, e.g. `10.10.10.1/24`. */
  readonly addresses: readonly string[];
  /** UDP port of the data sockets, the same for IPv4 and IPv6. */
  readonly port: number;
  /** Mark of all that the sockets send (SO_MARK, 32 bits), for the system's routing rules; 0 for none. */
  readonly fwmark: number;
  /** Whether the MSS of TCP connections is lowered, both ways, so that their segments needn't be cut for the path. */
  readonly mssClamp: boolean;
  /** Whether others are behind the interface, as it's a port of a bridge: their MACs are learned, and frames for them delivered. */
  readonly bridge: boolean;
  /** 32-byte admission keys (docs/protocol.md section 2). */
  readonly networkAdmissionKey: Uint8Array;
  readonly ownAdmissionKey: Uint8Array;
  /** 32 bytes, seals cookies. */
  readonly cookieKey: Uint8Array;
  /** Checksums and segmentation are left to whoever can do them best: super-frames between the system and us. */
  readonly tapOffload: boolean;
  /** One message to the system for many datagrams (UDP_SEGMENT), and from it (UDP_GRO). */
  readonly udpGso: boolean;
  readonly udpGro: boolean;
  /** Pairs of threads that carry frames side by side, 1 to 4. Flows are spread over them; one where the system can't do that. */
  readonly threads: number;
}

/** What of the system's help a device uses; each can be switched by itself. */
export type Help = 'tap-offload' | 'udp-gso' | 'udp-gro';

export interface SessionKeys {
  readonly peer: PeerHandle;
  /** Index that the peer puts into datagrams for us: random, unique within the device. */
  readonly localIndex: number;
  /** Index that we put into datagrams for the peer. */
  readonly remoteIndex: number;
  /** 32-byte AES-256 keys. */
  readonly sealKey: Uint8Array;
  readonly openKey: Uint8Array;
  /**
   * `seal-now`: used for sealing from here on (the initiator's side).
   * `seal-when-heard`: opens at once, seals after its first datagram has opened (the responder's side).
   */
  readonly use: 'seal-now' | 'seal-when-heard';
  /** How long the session may live, in ms from now; then it's dropped, whatever the control plane does. */
  readonly lifetime: number;
}

export type { RelayTransport } from '../core/way.js';

/** An HTTP proxy that a TLS connection goes through, by CONNECT. */
export interface RelayProxy {
  /** Its address, resolved. */
  readonly endpoint: Endpoint;
  /** The value of `Proxy-Authorization`, e.g. `Basic …`: printable ASCII, at most 1,024 bytes; or null. A secret. */
  readonly authorization: string | null;
}

/** Relays that a device has open at most; one that is open by UDP and by TLS counts twice. */
export const MAX_RELAYS = 8;

/** One step that the control plane wants done. Steps are carried out in order, none waits for the network. */
export type DeviceCommand =
  /**
   * Makes a peer known, or changes what its frames may say: the MACs that they may come from, and the IP addresses that it holds, which
   * no other peer's frames may claim by ARP, neighbour discovery or as their source. `bridge`: there are others behind it, with MACs of
   * their own. `offload`: it takes super-frames and frames whose checksum is to be completed; otherwise it gets complete frames. Both as
   * its record says (docs/protocol.md section 9, flags). At most 64 MACs and 64 addresses.
   */
  | {
      readonly kind: 'set-peer';
      readonly peer: PeerHandle;
      readonly macs: readonly Uint8Array[];
      /** Without prefix lengths. */
      readonly addresses: readonly string[];
      readonly offload: boolean;
      readonly bridge: boolean;
    }
  /** Forgets a peer with its sessions, MACs and counters. */
  | { readonly kind: 'drop-peer'; readonly peer: PeerHandle }
  | { readonly kind: 'install-session'; readonly keys: SessionKeys }
  | { readonly kind: 'drop-session'; readonly localIndex: number }
  /** Where frames for the peer go (null: nowhere; they're dropped and counted), and the largest datagram that fits there. */
  | {
      readonly kind: 'set-endpoint';
      readonly peer: PeerHandle;
      readonly endpoint: Way | null;
      /** UDP payload in bytes; larger frames are cut. */
      readonly maxDatagram: number;
    }
  /**
   * Seals control messages (plaintext of docs/protocol.md section 8) in the peer's session and sends them to `to`, or to its
   * endpoint. Those of more than 1,200 bytes must be one challenge: it leaves whole or, if the system refuses that, not at all.
   */
  | {
      readonly kind: 'send-control';
      readonly peer: PeerHandle;
      readonly messages: Uint8Array;
      readonly to: Way | null;
    }
  /** Sends a datagram as it is: hello, handshake, notice. */
  | { readonly kind: 'send-datagram'; readonly to: Way; readonly datagram: Uint8Array }
  /** Answers a handshake 1 with a cookie (docs/protocol.md section 5). `answered`: its MAC, 16 bytes. */
  | {
      readonly kind: 'send-cookie';
      readonly to: Way;
      readonly receiverIndex: number;
      readonly answered: Uint8Array;
    }
  /**
   * A relay that the device may talk to (docs/protocol.md section 11). `udp`: login cookies, logins 2 and relay messages from that
   * address come up from now on. `tls`: connects in the background; `relay-open` or `relay-closed` follows. `proxy` is for `tls` only. One that
   * is open already is closed and opened anew.
   */
  | {
      readonly kind: 'open-relay';
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
      readonly proxy: RelayProxy | null;
    }
  /** The indices of a login, not 0: envelopes are sent and taken by them from now on, until others are set. */
  | {
      readonly kind: 'set-relay-login';
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
      readonly ownIndex: number;
      readonly relayIndex: number;
    }
  /** Forgets a relay. What goes to its ways is dropped and counted. */
  | { readonly kind: 'close-relay'; readonly relay: Endpoint; readonly transport: RelayTransport }
  /** Sends a login or a relay message as it is. */
  | {
      readonly kind: 'send-relay';
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
      readonly datagram: Uint8Array;
    }
  /** On: nothing is sent but to relays and through them, and nothing else is taken in; what's dropped is counted as `forward-only`. */
  | { readonly kind: 'set-forward-only'; readonly on: boolean }
  /**
   * Asks all peers by an ARP probe (RFC 5227 section 2.1.1) who has this IPv4 address. If a peer's frame says that it's
   * somebody's, or asks the same, an `address-in-use` follows, one for each probe at most. Only the address probed last is watched for.
   */
  | { readonly kind: 'probe-address'; readonly ip: string }
  /** Tells all peers by an ARP announcement (section 2.3) that this IPv4 address is this device's. */
  | { readonly kind: 'announce-address'; readonly ip: string }
  /** Overlay MTU in bytes, without the Ethernet header. Throws if the system refuses it; then it's what it was. */
  | { readonly kind: 'set-mtu'; readonly mtu: number }
  /** Switches a help on or off. One that the system refuses stays off, and a `fallback` tells why. */
  | { readonly kind: 'set-help'; readonly help: Help; readonly on: boolean };

/** `at`: when it happened, in ms of the clock that `monotonicMs` of the same device reads. */
export type DeviceEvent =
  /** An admitted hello, handshake, cookie or notice, or an answer of a DHT node (`0x13`), which nothing vouches for. `proven`: its cookie MAC was good, so its source address is real. */
  | {
      readonly kind: 'datagram';
      readonly at: number;
      readonly from: Way;
      readonly datagram: Uint8Array;
      readonly proven: boolean;
    }
  /** Control messages of a peer, opened; challenges are already answered and left out. */
  | {
      readonly kind: 'control';
      readonly at: number;
      readonly peer: PeerHandle;
      readonly localIndex: number;
      readonly from: Way;
      readonly messages: Uint8Array;
    }
  /** The first datagram of a `seal-when-heard` session opened: it's in use now. */
  | {
      readonly kind: 'session-heard';
      readonly at: number;
      readonly peer: PeerHandle;
      readonly localIndex: number;
      readonly from: Way;
    }
  /** The session has sealed 2^32 datagrams. */
  | { readonly kind: 'session-worn'; readonly at: number; readonly peer: PeerHandle; readonly localIndex: number }
  /** The session's lifetime is over. */
  | { readonly kind: 'session-gone'; readonly at: number; readonly peer: PeerHandle; readonly localIndex: number }
  /** A datagram of the peer opened that came from another address than its endpoint; at most one a second and peer. */
  | { readonly kind: 'strayed'; readonly at: number; readonly peer: PeerHandle; readonly from: Way }
  /** Datagrams went to the peer for 1.5 s and none came back, or a row of its own has stopped for 1 s: its way may be gone. Once per silence. */
  | { readonly kind: 'silent'; readonly at: number; readonly peer: PeerHandle }
  /** A send to this address failed in a way that says it can't work now, e.g. ENETUNREACH; at most one a second. */
  | { readonly kind: 'unreachable'; readonly at: number; readonly to: Way; readonly error: string }
  /**
   * The interface towards this address doesn't take datagrams of so many bytes (UDP payload); at most one a second. They have
   * left in fragments.
   */
  | { readonly kind: 'too-large'; readonly at: number; readonly to: Endpoint; readonly bytes: number }
  /** Datagrams of more than `SURE_DATAGRAM` bytes leave for the peer; at most one event in 2 s. */
  | { readonly kind: 'bulk'; readonly at: number; readonly peer: PeerHandle }
  /** Frames from this MAC claim the address that was probed. `asks`: they probe for it too, so that it's nobody's so far. */
  | {
      readonly kind: 'address-in-use';
      readonly at: number;
      readonly ip: string;
      readonly mac: Uint8Array;
      readonly asks: boolean;
    }
  /** The system refused to mark what the sockets send. */
  | { readonly kind: 'unmarked'; readonly at: number; readonly error: string }
  /** The system refused a help; it's off from here on, and nothing was lost by it. */
  | { readonly kind: 'fallback'; readonly at: number; readonly help: Help; readonly error: string }
  /** A login cookie, a login 2 or a relay message from an open relay; nothing vouches for them. */
  | {
      readonly kind: 'relay-datagram';
      readonly at: number;
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
      readonly datagram: Uint8Array;
    }
  /** The TLS connection to a relay stands. */
  | {
      readonly kind: 'relay-open';
      readonly at: number;
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
    }
  /** The TLS connection to a relay couldn't be made, or has ended; it isn't tried again until `open-relay`. */
  | {
      readonly kind: 'relay-closed';
      readonly at: number;
      readonly relay: Endpoint;
      readonly transport: RelayTransport;
      readonly error: string;
    }
  /** The device is gone (deleted from outside, or an I/O error that can't be mended). Nothing follows. */
  | { readonly kind: 'device-gone'; readonly at: number; readonly error: string };

export interface PeerCounters {
  readonly peer: PeerHandle;
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly framesOut: number;
  readonly bytesOut: number;
  /** When a datagram of the peer last opened, or null. */
  readonly heardAt: number | null;
}

export interface DeviceStats {
  readonly peers: readonly PeerCounters[];
  /** Datagrams and frames that weren't carried, by reason (docs/architecture.md lists the reasons). */
  readonly drops: Readonly<Record<string, number>>;
}

export interface Device {
  readonly config: DeviceConfig;
  /** Carries out steps in order. Never throws for what a peer caused. */
  apply(commands: readonly DeviceCommand[]): void;
  stats(): DeviceStats;
  /**
   * Gives the interface these addresses, with their prefix lengths, in place of those that it was given before.
   * @throws DeviceError `address-refused`; then it has those that it had.
   */
  setAddresses(addresses: readonly string[]): void;
  /** Removes the interface, closes the sockets, joins the threads. Nothing is emitted afterwards. */
  close(): Promise<void>;
}

/** Opens a device. Rejects with a `DeviceError`, and then nothing is left behind. */
export type OpenDevice = (config: DeviceConfig, onEvents: (events: readonly DeviceEvent[]) => void) => Promise<Device>;

/** Why a device could not be opened; `code` is stable and is what a command's message is chosen by. */
export class DeviceError extends Error {
  constructor(
    readonly code: 'no-permission' | 'no-tun' | 'name-taken' | 'port-taken' | 'address-refused' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'DeviceError';
  }
}
