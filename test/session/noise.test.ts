import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sealGcm } from '../../src/core/crypto.js';
import { keyPair, type Split } from '../../src/core/noise-state.js';
import { readMessage1, readMessage2, writeMessage1, writeMessage2 } from '../../src/session/noise.js';

interface Vector {
  init_prologue: string;
  init_psks: [string];
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  resp_static: string;
  resp_ephemeral: string;
  messages: { payload: string; ciphertext: string }[];
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const [vector] = JSON.parse(readFileSync('test/vectors/noise-ikpsk2.json', 'utf8')) as [Vector];
const prologue = bytes(vector.init_prologue);
const psk = bytes(vector.init_psks[0]);
const initiator = keyPair(bytes(vector.init_static));
const responder = keyPair(bytes(vector.resp_static));
const payloads = vector.messages.map((m) => bytes(m.payload));
const expected = vector.messages.map((m) => m.ciphertext);
const hex = (b: Uint8Array | undefined) => Buffer.from(b ?? []).toString('hex');
const at = <T>(list: readonly T[], i: number): T => {
  const value = list[i];
  assert.ok(value !== undefined);
  return value;
};

function run(tamper: (message: Uint8Array, number: 1 | 2) => Uint8Array, psk2 = psk) {
  const first = writeMessage1(
    prologue,
    initiator,
    keyPair(bytes(vector.init_ephemeral)),
    bytes(vector.init_remote_static),
    at(payloads, 0),
  );
  assert.ok(first);
  const read = readMessage1(prologue, responder, tamper(first.message, 1));
  if (read === null) return null;
  const second = writeMessage2(read.answerable, keyPair(bytes(vector.resp_ephemeral)), psk2, at(payloads, 1));
  assert.ok(second);
  const done = readMessage2(first.waiting, psk, tamper(second.message, 2));
  return done && { first, read, second, done };
}

test('the published IKpsk2 vector, handshake and transport', () => {
  const result = run((m) => m);
  assert.ok(result);
  assert.equal(hex(result.first.message), expected[0]);
  assert.equal(hex(result.second.message), expected[1]);
  assert.deepEqual(result.read.payload, payloads[0]);
  assert.deepEqual(result.done.payload, payloads[1]);
  assert.deepEqual(result.read.answerable.remoteStatic, initiator.publicKey);
  const transport = (split: Split, sender: 0 | 1, counter: number, payload: Uint8Array) => {
    const nonce = new Uint8Array(12);
    nonce[11] = counter;
    return hex(sealGcm(split[sender], nonce, payload, new Uint8Array()));
  };
  for (const split of [result.done.split, result.second.split]) {
    for (const i of [2, 3, 4, 5]) {
      assert.equal(transport(split, i % 2 === 0 ? 0 : 1, (i - 2) >> 1, at(payloads, i)), expected[i]);
    }
  }
});

test('no flipped bit of either message gets through', () => {
  for (const number of [1, 2] as const) {
    const length = at(expected, number - 1).length / 2;
    for (let i = 0; i < length; i++) {
      const flip = (m: Uint8Array, n: 1 | 2) => (n === number ? m.map((b, j) => (j === i ? b ^ 1 : b)) : m);
      assert.equal(run(flip), null, `message ${number}, byte ${i}`);
    }
  }
});

test('another psk is refused, and a truncated message and a low-order key are no crash', () => {
  assert.equal(
    run((m) => m, new Uint8Array(32)),
    null,
  );
  for (let length = 0; length < 96; length++)
    assert.equal(
      run((m) => m.subarray(0, length)),
      null,
    );
  assert.equal(
    run((m) => m.map((b, i) => (i < 32 ? 0 : b))),
    null,
  );
});
