/** The primitives as the project calls them, against the vectors of Project Wycheproof (edge cases that implementations got wrong) and of C2SP. */
import assert from 'node:assert/strict';
import { createHash, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { concat } from '../../src/core/bytes.js';
import { mac16, openGcm, sealGcm, sealXaes } from '../../src/core/crypto.js';
import { dh, keyPair } from '../../src/core/noise-state.js';
import { signedBy } from '../../src/network/identity.js';

type Case<Field extends string> = { readonly tcId: number } & { readonly [F in Field]: string };

interface Vectors {
  readonly 'aes-256-gcm': readonly Case<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag' | 'result'>[];
  readonly x25519: readonly Case<'public' | 'private' | 'shared'>[];
  readonly ed25519: readonly Case<'public' | 'msg' | 'sig' | 'result'>[];
  readonly 'hmac-sha256': readonly Case<'key' | 'msg' | 'tag' | 'result'>[];
  readonly 'hkdf-sha256': readonly (Case<'ikm' | 'salt' | 'info' | 'okm'> & { readonly size: number })[];
}

const vectors = JSON.parse(readFileSync('test/vectors/wycheproof.json', 'utf8')) as Vectors;
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));

function each<C extends { readonly tcId: number }>(cases: readonly C[], run: (c: C) => void) {
  assert.ok(cases.length >= 60, `only ${cases.length} cases`);
  for (const c of cases)
    try {
      run(c);
    } catch (error) {
      throw new Error(`test case ${c.tcId}`, { cause: error });
    }
}

test('AES-256-GCM seals as it must and opens nothing else', () => {
  each(vectors['aes-256-gcm'], ({ key, iv, aad, msg, ct, tag, result }) => {
    const sealed = bytes(ct + tag);
    const opened = openGcm(bytes(key), bytes(iv), sealed, bytes(aad));
    if (result === 'invalid') return assert.equal(opened, null);
    assert.deepEqual(opened, bytes(msg));
    assert.deepEqual(sealGcm(bytes(key), bytes(iv), bytes(msg), bytes(aad)), sealed);
  });
});

test('X25519: the shared secret, and none with a public key of low order', () => {
  each(vectors.x25519, (c) => {
    const shared = dh(keyPair(bytes(c.private)).privateKey, bytes(c.public));
    assert.deepEqual(shared, /^0+$/.test(c.shared) ? null : bytes(c.shared));
  });
});

test('Ed25519: every good signature, and no other', () => {
  each(vectors.ed25519, (c) => {
    assert.equal(signedBy(bytes(c.public), bytes(c.msg), bytes(c.sig)), c.result === 'valid');
  });
});

test('HMAC-SHA256: the first half of it', () => {
  each(vectors['hmac-sha256'], ({ key, msg, tag, result }) => {
    const mac = Buffer.from(mac16(bytes(key), bytes(msg))).toString('hex');
    // Some of the bad ones differ in the second half only.
    if (result === 'valid') assert.equal(mac, tag.slice(0, 32));
    else if (tag.length === 32) assert.notEqual(mac, tag);
  });
});

test('HKDF-SHA256', () => {
  each(vectors['hkdf-sha256'], ({ ikm, salt, info, size, okm }) => {
    assert.equal(Buffer.from(hkdfSync('sha256', bytes(ikm), bytes(salt), bytes(info), size)).toString('hex'), okm);
  });
});

test('XAES-256-GCM: the hash over 10,000 messages that C2SP publishes', () => {
  const iterations = 10_000;
  const stream = createHash('shake128', { outputLength: iterations * 576 }).digest();
  let at = 0;
  const next = (length: number) => {
    at += length;
    return stream.subarray(at - length, at);
  };
  const sealed = createHash('shake128', { outputLength: 32 });
  for (let i = 0; i < iterations; i++) {
    const [key, nonce] = [next(32), next(24)];
    const plaintext = next(next(1)[0] ?? 0);
    const additional = next(next(1)[0] ?? 0);
    sealed.update(sealXaes(key, nonce, concat(plaintext), additional));
  }
  assert.equal(sealed.digest('hex'), 'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939');
});
