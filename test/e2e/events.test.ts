/** What somebody sees who watches: events while a member comes, moves and goes, and the log at run time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonEvent } from '../../src/rpc/event-info.js';
import { P2P } from './harness/places.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import type { Program } from './harness/shell.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';

/** What a program that prints a JSON object per line has printed so far. */
function objects({ stdout }: Program): (DaemonEvent & { version: number })[] {
  const complete = stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return complete
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as DaemonEvent & { version: number });
}

test('a member comes, moves and goes: p2p events tells it as it happens; p2p logs -f follows the level that is set', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hash = freshHash();
    for (const host of [ada, bob]) {
      await host.useIpv4Only();
      await host.daemon();
    }
    const watch = (...args: string[]) => ada.start(P2P, ...args, '--socket', ada.socket);
    const [events, lines, logs] = [watch('events', '--json'), watch('events'), watch('logs', '-f', '-n', '5')];
    for (const each of [events, lines])
      await waitFor('the watch', () => each.stderr.includes('p2p: listening; Ctrl-C ends it'));
    const kinds = () => objects(events).map(({ kind }) => kind);
    const told = (kind: DaemonEvent['kind']) => waitFor(`${kind} to be told`, () => kinds().includes(kind));

    await ada.joins(hash, ADA);
    const { peerId } = await bob.joins(hash, BOB, '-name', 'bob');
    await told('peer-connected');
    await ada.mustP2p('set', '-log', 'DEBUG');
    await ada.status();
    await waitFor('a line of that level', () => /DEBUG +call answered .*method=daemon\.status/.test(logs.stdout));

    await bob.namespace.ip(`address delete ${bob.addresses.ipv4}/24 dev eth0`, 'address add 192.0.2.77/24 dev eth0');
    await told('path-changed');
    await bob.mustP2p('stop', '-hash', hash);
    await told('peer-disconnected');
    const steps = kinds().filter((kind, i, all) => kind !== all[i - 1]); // it may take two steps to its new address
    assert.deepEqual(steps, ['network-started', 'peer-connected', 'path-changed', 'peer-disconnected']);
    const moved = objects(events).findLast((event) => event.kind === 'path-changed');
    assert.ok(moved?.kind === 'path-changed');
    assert.deepEqual([moved.peer, moved.name, moved.path], [peerId, 'bob', 'lan']);
    assert.match(moved.endpoint, /^192\.0\.2\.77:/);
    assert.ok(objects(events).every(({ version, device }) => version === 1 && device === 'p2p0'));
    assert.match(lines.stdout, / UTC {2}p2p0 {2}bob \([0-9a-f]{16}\) disconnected: it left the network\n$/);
    assert.ok(!`${events.stdout}${lines.stdout}${logs.stdout}`.includes(hash), 'no secret');

    assert.equal(await lines.stop('SIGINT'), 0);
    assert.equal(await logs.stop('SIGINT'), 0);
    await ada.killDaemon('SIGTERM');
    assert.equal(await events.exited, 3, 'the daemon has ended');
    assert.equal(kinds().at(-1), 'network-stopped');
  }));
