/** `p2p ping` as a person uses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { P2P } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

test('p2p ping says on which path a member answers, and why one does not', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) await host.daemon();
    assert.equal((await ada.p2p('ping', 'bob', '-c', '1')).code, 15, 'no network at all');
    await ada.joins(hash, '10.10.10.1');
    const { peerId } = await bob.joins(hash, '10.10.10.2', '-name', 'bobs-laptop');
    await ada.meets(hash, '10.10.10.2');

    for (const who of ['10.10.10.2', 'bobs-laptop', peerId]) {
      const { code, stdout } = await ada.p2p('ping', who, '-c', '2');
      assert.equal(code, 0, stdout);
      assert.match(stdout, new RegExp(`^bobs-laptop \\(${peerId}\\) 10\\.10\\.10\\.2 on p2p0$`, 'm'));
      assert.match(stdout, /^1: lan \S+:\d+ [\d.]+ms$/m);
      assert.match(stdout, /^2 sent, 2 answered, 0 % lost$/m);
    }
    const json = (await ada.p2p('ping', 'bobs-laptop', '-c', '1', '--json')).json() as {
      version: number;
      answered: number;
    };
    assert.deepEqual([json.version, json.answered], [1, 1]);

    const misspelt = await ada.p2p('ping', 'bobs-lptop', '-c', '1');
    assert.equal(misspelt.code, 16);
    assert.match(misspelt.stderr, /did you mean "bobs-laptop"\?/);
    assert.equal((await ada.p2p('ping', 'bobs-laptop', '-c', '0')).code, 2);
    assert.equal((await ada.p2p('ping', 'bobs-laptop', '-hash', freshHash())).code, 15);

    // Without -c it goes on until it's interrupted, and then sums up.
    const endless = ada.start('env', `P2P_SOCKET=${ada.socket}`, 'P2P_NO_PUBLIC_DHT=1', P2P, 'ping', 'bobs-laptop');
    await waitFor('the second answer', () => endless.stdout.includes('\n2: lan '));
    assert.equal(await endless.stop('SIGINT'), 0);
    assert.match(endless.stdout, /^\d+ sent, \d+ answered, 0 % lost$/m);

    await bob.killDaemon('SIGTERM');
    await waitFor('bob to be away', async () => (await ada.member(hash, '10.10.10.2')).state !== 'connected');
    const away = await ada.p2p('ping', 'bobs-laptop', '-c', '1');
    assert.equal(away.code, 12);
    assert.match(away.stderr, /is not connected: it's unreachable: it left the network; tried: .*192\.0\.2\.2:\d+ /);
    const debug = await ada.mustP2p('debug');
    assert.match(debug, /^ +CANDIDATE +KIND +FROM +STATE +RTT +TRIES +TRIED +ANSWERED +MTU$/m);
  }));
