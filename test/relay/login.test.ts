import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sealGcm } from '../../src/core/crypto.js';
import { counterNonce, keyPair, type Split } from '../../src/core/noise-state.js';
import { acceptLogin, answerLogin, finishLogin, readLoginMessage2, writeLoginMessage1 } from '../../src/relay/login.js';
import { loginKey, pseudonymOf, tagDays, tagOf } from '../../src/relay/tags.js';

interface Vector {
  readonly init_prologue: string;
  readonly init_static: string;
  readonly init_ephemeral: string;
  readonly resp_static: string;
  readonly resp_ephemeral: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (b: Uint8Array) => Buffer.from(b).toString('hex');
const vectors = JSON.parse(readFileSync('test/vectors/noise-xx.json', 'utf8')) as [Vector, ...Vector[]];
const relay = keyPair(bytes(vectors[0].resp_static));
const client = keyPair(bytes(vectors[0].init_static));
const payload = (vector: Vector, i: number) => bytes(vector.messages[i]?.payload ?? assert.fail());
const expected = (vector: Vector, i: number) => vector.messages[i]?.ciphertext ?? assert.fail();

function run(vector: Vector, tamper: (message: Uint8Array, number: 1 | 2 | 3) => Uint8Array) {
  const prologue = bytes(vector.init_prologue);
  const first = writeLoginMessage1(prologue, keyPair(bytes(vector.init_ephemeral)), payload(vector, 0));
  const [own, ephemeral] = [keyPair(bytes(vector.resp_static)), keyPair(bytes(vector.resp_ephemeral))];
  const second = answerLogin(prologue, tamper(first.message, 1), own, ephemeral, payload(vector, 1));
  const proved = second && readLoginMessage2(first.begun, tamper(second.message, 2));
  const third = proved && finishLogin(proved, keyPair(bytes(vector.init_static)), payload(vector, 2));
  const accepted = second && third && acceptLogin(second.answered, tamper(third.message, 3));
  return accepted && { first, second, third, proved, accepted };
}

test('the published XX vectors, handshake and transport', () => {
  for (const vector of vectors) {
    const result = run(vector, (m) => m);
    assert.ok(result?.proved);
    const { first, second, third } = result;
    for (const [i, { message }] of [first, second, third].entries()) assert.equal(hex(message), expected(vector, i));
    assert.deepEqual(result.proved.remoteStatic, keyPair(bytes(vector.resp_static)).publicKey);
    assert.deepEqual(result.accepted.remoteStatic, keyPair(bytes(vector.init_static)).publicKey);
    assert.deepEqual(result.accepted.payload, payload(vector, 2));
    for (const split of [third.split, result.accepted.split]) transportAgrees(vector, split);
  }
});

/** What follows the three messages, in turns, the responder's first. */
function transportAgrees(vector: Vector, split: Split) {
  for (let i = 3; i < vector.messages.length; i++) {
    const key = split[i % 2 === 0 ? 0 : 1];
    const nonce = counterNonce(BigInt((i - 3) >> 1));
    assert.equal(hex(sealGcm(key, nonce, payload(vector, i), new Uint8Array())), expected(vector, i));
  }
}

test('no flipped bit of any message gets through, and no truncation is a crash', () => {
  const [vector] = vectors;
  for (const number of [1, 2, 3] as const) {
    const length = expected(vector, number - 1).length / 2;
    for (let i = 0; i < length; i++) {
      const flipped = run(vector, (m, n) => (n === number ? m.map((b, j) => (j === i ? b ^ 1 : b)) : m));
      assert.equal(flipped, null, `message ${number}, byte ${i}`);
    }
    for (let short = 0; short < length; short += 3)
      assert.equal(
        run(vector, (m, n) => (n === number ? m.subarray(0, short) : m)),
        null,
      );
  }
});

const SECRETS = { loginSecret: new Uint8Array(32).fill(1), tagKey: new Uint8Array(32).fill(2) };

test('names and tags: others every day and at every relay; tags alike for all members, names for none', () => {
  const other = { ...SECRETS, loginSecret: new Uint8Array(32).fill(3) };
  const name = (secrets: typeof SECRETS, key: Uint8Array, day: string) =>
    hex(pseudonymOf(loginKey(secrets, key, day).publicKey));
  const tag = (secrets: typeof SECRETS, key: Uint8Array, day: string) => hex(tagOf(secrets, key, day));
  const cases = [
    [relay.publicKey, '2026-11-21'],
    [relay.publicKey, '2026-11-22'],
    [client.publicKey, '2026-11-21'],
  ] as const;
  for (const of of [name, tag]) assert.equal(new Set(cases.map(([key, day]) => of(SECRETS, key, day))).size, 3);
  assert.equal(tag(SECRETS, relay.publicKey, '2026-11-21'), tag(other, relay.publicKey, '2026-11-21'));
  assert.notEqual(name(SECRETS, relay.publicKey, '2026-11-21'), name(other, relay.publicKey, '2026-11-21'));
});

test('near midnight a login carries the tag of the day on its other side as well', () => {
  const at = (time: string) => tagDays(Date.parse(time));
  assert.deepEqual(at('2026-11-21T12:00:00Z'), ['2026-11-21']);
  assert.deepEqual(at('2026-11-21T21:59:59Z'), ['2026-11-21']);
  assert.deepEqual(at('2026-11-21T22:30:00Z'), ['2026-11-21', '2026-11-22']);
  assert.deepEqual(at('2026-11-22T01:30:00Z'), ['2026-11-22', '2026-11-21']);
  assert.deepEqual(at('2026-11-22T02:30:00Z'), ['2026-11-22']);
});
