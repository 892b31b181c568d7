/**
 * Somebody who recorded everything on the wire, and got hold of secrets later: tries whatever can be computed from both, and reads what
 * that opens. It knows the protocol as well as we do, so it's made of the same parts.
 */
import { hex } from '../../src/core/bytes.js';
import { dh, KEY_BYTES, type KeyPair, keyPair, type Split } from '../../src/core/noise-state.js';
import { type ReceivedInitiation, readInitiation, receiverIndex } from '../../src/session/handshake.js';
import { KIND } from '../../src/wire/envelope.js';
import { openTransport, readHeader, TRANSPORT } from '../../src/wire/transport.js';

/** Where message 2 of Noise stands in its datagram (docs/protocol.md section 4). */
const MESSAGE_2 = { start: 8, end: 956 } as const;

export interface Loot {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  /** All other secrets of 32 bytes that it has, of whatever kind: each is tried wherever 32 bytes fit. */
  readonly secrets: readonly Uint8Array[];
  /** Pre-shared keys that it knows, 32 bytes each. */
  readonly psks: readonly Uint8Array[];
}

/** What could be read of a recording. */
export interface Reading {
  /** Handshakes 1 whose payload could be read: the initiator's record, and which key it asked for. */
  readonly initiations: number;
  /** Handshakes of which the keys of their session could be computed. */
  readonly handshakes: number;
  /** Plaintexts of frame and control datagrams. */
  readonly plaintexts: readonly Uint8Array[];
}

export function read(recorded: readonly Uint8Array[], loot: Loot): Reading {
  const { networkId, psks } = loot;
  const secrets = distinct([...loot.secrets, ...psks]);
  const keyPairs = secrets.map((secret) => keyPair(secret));
  const ofKind = (...kinds: readonly number[]) => recorded.filter(([kind]) => kinds.includes(kind ?? 0));
  const initiations = ofKind(KIND.handshake1).flatMap(
    (datagram) => openInitiation(networkId, keyPairs, datagram) ?? [],
  );
  const splits = ofKind(KIND.handshake2).flatMap((datagram) =>
    initiations
      .filter(({ senderIndex }) => senderIndex === receiverIndex(datagram))
      .flatMap((initiation) => openResponse(initiation, keyPairs, { secrets, psks }, datagram) ?? []),
  );
  const keys = distinct([...splits.flat(), ...secrets]);
  const plaintexts = ofKind(TRANSPORT.frame, TRANSPORT.control).flatMap((datagram) => openSealed(keys, datagram) ?? []);
  return { initiations: initiations.length, handshakes: splits.length, plaintexts };
}

/** With any key as the responder's. */
function openInitiation(
  networkId: Uint8Array,
  keyPairs: readonly KeyPair[],
  datagram: Uint8Array,
): ReceivedInitiation | null {
  for (const localStatic of keyPairs) {
    const received = readInitiation({ networkId, localStatic }, datagram);
    if (received !== null) return received;
  }
  return null;
}

/**
 * Message 2 mixes in ee, se and the psk. Who has the initiator's static key has se; for ee everything is tried that can be computed of
 * the keys on the wire and those that it has, and each secret as it is.
 */
function openResponse(
  { answerable }: ReceivedInitiation,
  keyPairs: readonly KeyPair[],
  { secrets, psks }: Pick<Loot, 'secrets' | 'psks'>,
  datagram: Uint8Array,
): Split | null {
  const message = datagram.subarray(MESSAGE_2.start, MESSAGE_2.end);
  const responderEphemeral = message.slice(0, KEY_BYTES);
  const initiator = keyPairs.find(({ publicKey }) => hex(publicKey) === hex(answerable.remoteStatic));
  const se = initiator === undefined ? null : dh(initiator.privateKey, responderEphemeral);
  if (se === null) return null;
  const publics = [answerable.remoteEphemeral, responderEphemeral, ...keyPairs.map(({ publicKey }) => publicKey)];
  const agreed = keyPairs.flatMap(({ privateKey }) => publics.flatMap((publicKey) => dh(privateKey, publicKey) ?? []));
  for (const ee of distinct([...agreed, ...secrets])) {
    const mixed = answerable.symmetric.clone();
    mixed.mixHash(responderEphemeral);
    for (const material of [responderEphemeral, ee, se]) mixed.mixKey(material);
    for (const psk of psks) {
      const symmetric = mixed.clone();
      symmetric.mixKeyAndHash(psk);
      if (symmetric.open(message.subarray(KEY_BYTES)) !== null) return symmetric.split();
    }
  }
  return null;
}

function openSealed(keys: readonly Uint8Array[], datagram: Uint8Array): Uint8Array | null {
  const header = readHeader(datagram);
  if (header === null) return null;
  for (const key of keys) {
    const plaintext = openTransport(key, header, datagram);
    if (plaintext !== null) return plaintext;
  }
  return null;
}

function distinct(values: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(values.map((value) => [hex(value), value])).values()];
}
