/** What whoever watches the daemon is told: one event, when it happens. It holds no secret: networks are called by their id. */
import * as v from 'valibot';

const text = v.string();
const ofNetwork = {
  /** When it happened: ISO 8601, UTC, by the daemon's wall clock. */
  time: text,
  /** The network's public name, 32 hex digits, and its device. */
  network: text,
  device: text,
};
/** `peer`: 16 hex digits. */
const ofPeer = { ...ofNetwork, peer: text, name: text };
const ofRelay = { ...ofNetwork, relay: text, transport: v.picklist(['udp', 'tls']) };
const way = { path: v.picklist(['lan', 'direct', 'relay']), endpoint: text };

export const eventSchema = v.variant('kind', [
  /** The network is up: somebody started it, or it came back. */
  v.object({ ...ofNetwork, kind: v.literal('network-started'), port: v.number() }),
  /** Somebody stopped it, or the daemon ends. */
  v.object({ ...ofNetwork, kind: v.literal('network-stopped'), why: text }),
  /** It isn't up, and should be; the daemon tries again after `retryMs`. */
  v.object({ ...ofNetwork, kind: v.literal('network-failed'), why: text, retryMs: v.number() }),
  /** Frames can go to a member. `addresses`: its overlay addresses with prefix. */
  v.object({ ...ofPeer, kind: v.literal('peer-connected'), addresses: v.array(text), ...way }),
  /** They can't any more; `why` is null if this machine ended it. */
  v.object({ ...ofPeer, kind: v.literal('peer-disconnected'), why: v.nullable(text) }),
  /** One of the two sides won't have a session. */
  v.object({ ...ofPeer, kind: v.literal('peer-refused'), why: text }),
  /** Frames to a connected member take another way. */
  v.object({ ...ofPeer, kind: v.literal('path-changed'), ...way, before: v.object(way) }),
  /** New sessions use the next key of the queue. `key`: its fingerprint; `until`: Unix time in seconds, or null. */
  v.object({ ...ofNetwork, kind: v.literal('key-rotated'), key: text, until: v.nullable(v.number()) }),
  /** The last key has ended and the network stands still; it goes on with another one. */
  v.object({ ...ofNetwork, kind: v.literal('key-expired') }),
  v.object({ ...ofNetwork, kind: v.literal('key-renewed') }),
  /** Logged in at a relay, `HOST:PORT`; and no longer. */
  v.object({ ...ofRelay, kind: v.literal('relay-connected') }),
  v.object({ ...ofRelay, kind: v.literal('relay-lost'), why: text }),
  /** `problems`: how many there are now; which are new, and which are over, in words (16 of each at most). */
  v.object({
    ...ofNetwork,
    kind: v.literal('health-changed'),
    problems: v.number(),
    appeared: v.array(text),
    gone: v.array(text),
  }),
]);

export type DaemonEvent = v.InferOutput<typeof eventSchema>;
