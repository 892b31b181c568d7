/** The addresses of a device: who has one, and other ones while it runs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isRoot } from './namespaces.js';
import { MAC, macBytes, OVERLAY, Pair } from './pair.js';

describe('addresses of a native device', { skip: isRoot ? false : 'needs root', timeout: 120_000 }, () => {
  let pair: Pair;

  before(async () => {
    pair = await Pair.make();
    await pair.open();
    await pair.namespaces.run('one', 'ping', '-c', '1', '-W', '5', OVERLAY.two);
  });

  after(() => pair.remove());

  it('asks who has an address, and hears it from whoever does', async () => {
    const ask = async (ip: string) => {
      pair.hosts.one.forget();
      await pair.hosts.one.apply({ kind: 'probe-address', ip });
      return pair.hosts.one.event('address-in-use');
    };
    const taken = await ask(OVERLAY.two);
    assert.deepEqual([taken.ip, taken.mac, taken.asks], [OVERLAY.two, macBytes(MAC.two), false]);
    // While one still asks, two asks for the same.
    pair.hosts.one.forget();
    await pair.hosts.one.apply({ kind: 'probe-address', ip: '10.10.10.77' });
    await pair.hosts.two.apply({ kind: 'probe-address', ip: '10.10.10.77' });
    const wanted = await pair.hosts.one.event('address-in-use');
    assert.deepEqual([wanted.ip, wanted.mac, wanted.asks], ['10.10.10.77', macBytes(MAC.two), true]);
  });

  it('takes other addresses while it runs, and keeps those that it has if one is refused', async () => {
    const shown = async () => {
      const text = await pair.namespaces.run(
        'one',
        'ip',
        '-brief',
        'address',
        'show',
        'scope',
        'global',
        'dev',
        'p2p0',
      );
      return text.trim().split(/ +/).slice(2).sort();
    };
    const first = await shown();
    // The first of a subnet takes the others of it along when it goes.
    await pair.hosts.one.setAddresses('10.10.10.1/24', '10.10.10.3/24', '2001:db8:10::1/64');
    await pair.hosts.one.setAddresses('10.10.10.3/24', '10.10.20.1/16');
    assert.deepEqual(await shown(), ['10.10.10.3/24', '10.10.20.1/16']);
    await assert.rejects(pair.hosts.one.setAddresses('10.10.10.9/24', '10.10.10.9/24'), { code: 'address-refused' });
    assert.deepEqual(await shown(), ['10.10.10.3/24', '10.10.20.1/16']);
    await pair.namespaces.run('one', 'ip', 'address', 'add', '10.10.30.1/24', 'dev', 'p2p0');
    await pair.hosts.one.setAddresses(...first);
    assert.deepEqual(await shown(), [...first, '10.10.30.1/24'].sort(), 'what others gave it stays');
    await pair.namespaces.run('one', 'ip', 'address', 'del', '10.10.30.1/24', 'dev', 'p2p0');
    // Two remembers who had the address; that it's ours is announced.
    await pair.hosts.one.apply({ kind: 'announce-address', ip: OVERLAY.one });
    await pair.namespaces.run('one', 'ping', '-c', '1', '-W', '2', OVERLAY.two);
  });
});
