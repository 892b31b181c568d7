import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deriveIdentity } from '../../src/network/identity.js';
import {
  admissionKey,
  generatedBytes,
  generatedHash,
  keySecret,
  networkSecrets,
  presharedKey,
  pskId,
  rootSecret,
} from '../../src/network/secrets.js';

test('a generated hash is recognised, and costs no stretching', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (random) => {
      assert.deepEqual(generatedBytes(generatedHash(random)), random);
    }),
  );
  for (const hash of [
    '',
    'myhash',
    'p2p-',
    `p2p-${'a'.repeat(25)}`,
    `p2p-${'a'.repeat(27)}`,
    `p2p-${'1'.repeat(26)}`,
    `p2p-${'a'.repeat(25)}b`,
  ]) {
    assert.equal(generatedBytes(hash), null, hash);
  }
  assert.equal((await rootSecret(generatedHash(new Uint8Array(16)))).length, 32);
});

test('the same hash makes the same network everywhere, another hash another', async () => {
  const [root, again, other] = await Promise.all([rootSecret('myhash'), rootSecret('myhash'), rootSecret('myhasH')]);
  assert.deepEqual(root, again);
  assert.notDeepEqual(root, other);
  const golden = Buffer.from(networkSecrets(root).networkId).toString('hex');
  assert.equal(golden, 'd18b7685bbd6fa66c5d20fb6a0cbe732');
});

test('every derived secret differs from every other', async () => {
  const secrets = networkSecrets(new Uint8Array(32).fill(1));
  const stretched = await keySecret('key', secrets);
  const psks = [
    presharedKey(secrets, null),
    presharedKey(secrets, stretched),
    presharedKey(secrets, await keySecret('keys', secrets)),
  ];
  const all = [
    ...Object.values(secrets),
    ...psks,
    ...psks.map(pskId),
    admissionKey(secrets),
    admissionKey(secrets, new Uint8Array(32)),
  ];
  const texts = all.map((secret) => Buffer.from(secret).toString('hex'));
  assert.equal(new Set(texts).size, texts.length);
});

test('an identity follows from the master secret and the network, and tells nothing across networks', () => {
  const master = new Uint8Array(32).fill(3);
  const one = deriveIdentity(master, new Uint8Array(16).fill(1));
  const same = deriveIdentity(master, new Uint8Array(16).fill(1));
  const other = deriveIdentity(master, new Uint8Array(16).fill(2));
  assert.equal(one.peerId, same.peerId);
  assert.notEqual(one.peerId, other.peerId);
  assert.notDeepEqual(one.staticPublic, other.staticPublic);
  assert.match(one.peerId, /^[0-9a-f]{16}$/);
});
