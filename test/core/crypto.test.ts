import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openXaes, sealXaes } from '../../src/core/crypto.js';

const text = (s: string) => new TextEncoder().encode(s);
const nonce = text('ABCDEFGHIJKLMNOPQRSTUVWX');

test('XAES-256-GCM: the vectors of C2SP', () => {
  const cases = [
    [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ] as const;
  for (const [fill, additional, expected] of cases) {
    const key = new Uint8Array(32).fill(fill);
    const sealed = sealXaes(key, nonce, text('XAES-256-GCM'), text(additional));
    assert.equal(Buffer.from(sealed).toString('hex'), expected);
    assert.deepEqual(openXaes(key, nonce, sealed, text(additional)), text('XAES-256-GCM'));
    for (let i = 0; i < sealed.length; i++) {
      assert.equal(
        openXaes(
          key,
          nonce,
          sealed.map((b, j) => (i === j ? b ^ 0x80 : b)),
          text(additional),
        ),
        null,
      );
    }
    assert.equal(openXaes(key, nonce, sealed.subarray(0, 15), text(additional)), null);
  }
});
