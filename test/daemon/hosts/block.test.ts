/** Our lines in a hosts file, and everybody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostsLine, tagsIn, withBlock, withoutBlock } from '../../../src/daemon/hosts/block.js';
import { hostsLines } from '../../../src/daemon/hosts/lines.js';
import type { NetworkInfo, PeerInfo } from '../../../src/rpc/network-info.js';

const HOSTS = '127.0.0.1\tlocalhost\n# mine\n192.0.2.7 printer  # a\xff comment\n';
const BEN = hostsLine('10.10.10.2', 'ben.p2p');

test('a block comes, changes and goes, and all else stays byte for byte', () => {
  const one = withBlock(HOSTS, 'a1', [BEN]);
  assert.ok(one.startsWith(HOSTS));
  assert.deepEqual(one.slice(HOSTS.length).split('\n').slice(1, 2), [BEN]);
  const two = withBlock(one, 'b2', [hostsLine('fd00::2', 'mia.p2p')]);
  assert.deepEqual(tagsIn(two), ['a1', 'b2']);
  const edited = `${two}192.0.2.8 scanner\n`;
  const changed = withBlock(edited, 'a1', [BEN, hostsLine('10.10.10.3', 'cleo.p2p')]);
  assert.equal(withoutBlock(withoutBlock(changed, 'a1'), 'b2'), `${HOSTS}192.0.2.8 scanner\n`);
  assert.equal(withBlock(changed, 'a1', []), withoutBlock(changed, 'a1'));
});

test('a block that was cut off, or that somebody wrote into, costs nobody a line', () => {
  const whole = withBlock(HOSTS, 'a1', [BEN, BEN]);
  const torn = whole.slice(0, whole.lastIndexOf('# p2p'));
  assert.equal(withoutBlock(`${torn}192.0.2.8 scanner\n`, 'a1'), `${HOSTS}192.0.2.8 scanner\n`);
  const inside = whole.replace(`${BEN}\n${BEN}`, `${BEN}\n192.0.2.9 mine\n${BEN}`);
  assert.ok(withoutBlock(inside, 'a1').includes('192.0.2.9 mine\n'));
});

test('a file without an end of line gets one before the block', () => {
  assert.ok(withBlock('127.0.0.1 localhost', 'a1', [BEN]).startsWith('127.0.0.1 localhost\n# p2p a1'));
  assert.equal(withBlock('', 'a1', []), '');
});

test('whatever stands there, taking a block out again leaves it as it was', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom('127.0.0.1 localhost', '', '# p2p b2: end', BEN));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.constantFrom(BEN, hostsLine('fd00::2', 'mia.p2p'))), (lines, block) => {
      const text = lines.map((each) => `${each.replaceAll('\n', ' ')}\n`).join('');
      assert.equal(withoutBlock(withBlock(text, 'a1', block), 'a1'), withoutBlock(text, 'a1'));
      assert.equal(withBlock(withBlock(text, 'a1', block), 'a1', block), withBlock(text, 'a1', block));
    }),
  );
});

test('a member is named by its addresses inside the network, and never by another’s', () => {
  const peer = (id: string, hostName: string | null, knownSince: number | null, ...addresses: string[]) =>
    ({ id, hostName, knownSince, addresses, state: 'connected' }) as unknown as PeerInfo;
  const network = {
    ...{ state: 'running', addresses: ['10.10.10.1/24', 'fd00::1/64'], hostName: 'ada.p2p' },
    peers: [
      peer('a', 'late.p2p', 9, '10.10.10.2/24', '10.10.10.4/24'),
      peer('b', 'ben.p2p', 1, '10.10.10.2/24', 'fd00::2/64', '8.8.8.8/32', '127.0.0.1/8'),
      peer('c', 'thief.p2p', 2, '10.10.10.1/24'),
      peer('d', null, 3, '10.10.10.7/24'),
      { ...peer('e', 'blocked.p2p', 3, '10.10.10.8/24'), state: 'blocked' },
    ],
  } as unknown as NetworkInfo;
  assert.deepEqual(hostsLines([network]), [
    '10.10.10.1 ada.p2p',
    'fd00::1 ada.p2p',
    '10.10.10.2 ben.p2p',
    'fd00::2 ben.p2p',
    '10.10.10.4 late.p2p',
  ]);
  assert.deepEqual(hostsLines([{ ...network, state: 'failed' }]), []);
});
