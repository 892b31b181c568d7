/** Hello and hello back: is a member of this network at this address, and who? (docs/protocol.md section 3) */
import { ByteReader, concat, padded, parsed, sameBytes, u16, u64 } from '../core/bytes.js';
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import type { Stamp } from '../core/stamp.js';
import { HEADER_BYTES, header, KIND, openShared, sealShared, withMac, withoutMac } from './envelope.js';

const HELLO_BYTES = 1032;
const PLAINTEXT_BYTES = 972;
const IDENTITY_BYTES = 32;
/** How much of a hello's nonce its answer repeats. */
const ECHO_BYTES = 16;

export interface Hello {
  readonly identity: Uint8Array;
  readonly stamp: Stamp;
  /** Names this hello in its answer. */
  readonly echo: Uint8Array;
}

export interface HelloBack {
  readonly echo: Uint8Array;
  /** The answerer's member record, not yet verified. */
  readonly record: Uint8Array;
}

/** `nonce`: 24 random bytes, whose first 16 are the echo to expect. */
export function writeHello(
  probeKey: Uint8Array,
  networkAdmission: Uint8Array,
  nonce: Uint8Array,
  identity: Uint8Array,
  stamp: Stamp,
): Uint8Array {
  return write(KIND.hello, probeKey, networkAdmission, nonce, concat(identity, u64(stamp)));
}

export function readHello(probeKey: Uint8Array, networkAdmission: Uint8Array, datagram: Uint8Array): Hello | null {
  const opened = open(probeKey, networkAdmission, datagram);
  if (opened === null) return null;
  return parsed(() => {
    const reader = new ByteReader(opened.plaintext);
    return { identity: reader.bytes(IDENTITY_BYTES), stamp: reader.u64(), echo: echoOf(opened.nonce) };
  });
}

/** `askerAdmission`: the admission key of the identity that the hello named. */
export function writeHelloBack(
  probeKey: Uint8Array,
  askerAdmission: Uint8Array,
  nonce: Uint8Array,
  echo: Uint8Array,
  record: Uint8Array,
): Uint8Array {
  return write(KIND.helloBack, probeKey, askerAdmission, nonce, concat(echo, u16(record.length), record));
}

export function readHelloBack(probeKey: Uint8Array, ownAdmission: Uint8Array, datagram: Uint8Array): HelloBack | null {
  const opened = open(probeKey, ownAdmission, datagram);
  if (opened === null) return null;
  return parsed(() => {
    const reader = new ByteReader(opened.plaintext);
    return { echo: reader.bytes(ECHO_BYTES), record: reader.bytes(reader.u16()) };
  });
}

function echoOf(nonce: Uint8Array): Uint8Array {
  return nonce.slice(0, ECHO_BYTES);
}

export function answers(back: HelloBack, nonce: Uint8Array): boolean {
  return sameBytes(back.echo, echoOf(nonce));
}

function write(
  kind: number,
  probeKey: Uint8Array,
  admission: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const start = header(kind);
  return withMac(admission, concat(start, sealShared(probeKey, nonce, padded(plaintext, PLAINTEXT_BYTES), start)));
}

function open(probeKey: Uint8Array, admission: Uint8Array, datagram: Uint8Array) {
  const body = withoutMac(admission, datagram, HELLO_BYTES);
  if (body === null) return null;
  const sealed = body.subarray(HEADER_BYTES);
  const plaintext = openShared(probeKey, sealed, body.subarray(0, HEADER_BYTES));
  return plaintext === null ? null : { plaintext, nonce: sealed.subarray(0, XAES_NONCE_BYTES) };
}
