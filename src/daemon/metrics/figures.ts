/** What the daemon measures at one moment, before it has names. */
import type { HandshakeCounts } from '../../network/handshake-counts.js';
import type { NetworkInfo, PeerInfo } from '../../rpc/network-info.js';
import type { RelayInfo } from '../../rpc/relay-info.js';

/** Of a network that's up. */
export interface LiveFigures {
  readonly handshakes: HandshakeCounts;
  /** Null: it meets in no DHT. */
  readonly dht: DhtFigures | null;
}

export interface DhtFigures {
  /** Nodes of the DHT that are known. */
  readonly nodes: number;
  /** Members whose records were found lately. */
  readonly found: number;
  /** How long ago it was announced, in ms; null if it isn't. */
  readonly announcedMs: number | null;
}

/** Frames and bytes of them that went to members, and came from them. */
export interface Traffic {
  readonly framesIn: number;
  readonly framesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface NetworkFigures {
  readonly info: NetworkInfo;
  readonly live: LiveFigures | null;
}

export interface MeasuredNetwork extends NetworkFigures {
  /** Since the daemon began to measure, also to members that are gone. */
  readonly traffic: Traffic;
}

export interface LabelledPeer {
  /** The network's id. */
  readonly network: string;
  readonly peer: PeerInfo;
}

export interface Figures {
  readonly version: string;
  readonly networks: readonly MeasuredNetwork[];
  /** Those that get series of their own, and how many others there are. */
  readonly peers: readonly LabelledPeer[];
  readonly unlabelled: number;
  readonly relay: RelayInfo | null;
  /** What's wrong with the daemon itself. */
  readonly problems: number;
  readonly subscribers: number;
  readonly lostEvents: number;
  readonly process: ProcessFigures;
}

export interface ProcessFigures {
  readonly loopLagMs: number;
  readonly loopBusyMs: number;
  readonly cpuSeconds: number;
  /** Unix time. */
  readonly startedSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Null where the system doesn't tell. */
  readonly openDescriptors: number | null;
}
