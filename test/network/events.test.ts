/** What the machine tells whoever watches, under virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkEvent } from '../../src/network/events.js';
import { keyEntry } from '../../src/network/secrets.js';
import type { SimHost } from '../sim/host.js';
import { EPOCH, PORT, SECRETS, World } from '../sim/world.js';

const MINUTE = 60_000;
const A = { ip: '192.0.2.1', overlay: '10.10.10.1' };
const B = { ip: '192.0.2.2', overlay: '10.10.10.2' };

const kinds = ({ events }: SimHost) => events.map(({ kind }) => kind);

function only<K extends NetworkEvent['kind']>({ events }: SimHost, kind: K): Extract<NetworkEvent, { kind: K }>[] {
  return events.filter((event): event is Extract<NetworkEvent, { kind: K }> => event.kind === kind);
}

const meet = (world: World, a: SimHost, b: SimHost) =>
  world.clock.runUntilTrue(() => a.isConnectedTo(b) && b.isConnectedTo(a), MINUTE, 'they meet');

test('a peer comes, moves and goes: an event each, once', () => {
  const world = new World(1);
  const [a, b] = [world.host(A), world.host(B)];
  meet(world, a, b);
  const who = { peer: b.identity.peerId, name: B.overlay };
  const at = (ip: string) => ({ path: 'lan', endpoint: `${ip}:${PORT}` });
  assert.deepEqual(a.events, [{ kind: 'peer-connected', ...who, addresses: [`${B.overlay}/24`], ...at(B.ip) }]);
  world.clock.runUntil(world.clock.now + 10 * MINUTE);
  assert.equal(a.events.length, 1, 'rekeys and answers are no events');
  assert.ok(a.snapshot().handshakes.rekeys >= 4, `${a.snapshot().handshakes.rekeys} rekeys`);

  b.moveTo('192.0.2.77');
  world.clock.runUntilTrue(() => a.peer(b)?.endpoint === `192.0.2.77:${PORT}`, MINUTE, 'b is seen elsewhere');
  world.clock.runUntil(world.clock.now + MINUTE);
  assert.deepEqual(only(a, 'path-changed').at(-1), {
    kind: 'path-changed',
    ...who,
    ...at('192.0.2.77'),
    before: at(B.ip),
  });

  b.kill();
  world.clock.runUntilTrue(() => !a.isConnectedTo(b), 5 * MINUTE, 'a notices');
  assert.deepEqual(only(a, 'peer-disconnected'), [{ kind: 'peer-disconnected', ...who, why: 'it stopped answering' }]);
});

test('a goodbye says so; a refusal is told once, though it is tried again and again', () => {
  const world = new World(2);
  const [a, b] = [world.host(A), world.host(B)];
  meet(world, a, b);
  b.input({ kind: 'leave' });
  world.clock.runUntil(world.clock.now + 1_000);
  assert.deepEqual(
    only(a, 'peer-disconnected').map(({ why }) => why),
    ['it left the network'],
  );
  const other = new World(3);
  const c = other.host({ ...A, key: new Uint8Array(32).fill(1) });
  other.host(B);
  other.clock.runUntil(10 * MINUTE);
  assert.deepEqual(kinds(c), ['peer-refused']);
});

test('the key that takes over is told, the end of the last one, and that there is another again', () => {
  const world = new World(4);
  const key = (n: number, end: number) => keyEntry(SECRETS, new Uint8Array(32).fill(n), EPOCH + end);
  const [first, second] = [key(1, 5 * MINUTE), key(2, 10 * MINUTE)];
  const a = world.host({ ...A, keys: [first, second] });
  world.clock.runUntil(6 * MINUTE);
  const rotated = only(a, 'key-rotated');
  assert.equal(rotated.length, 1);
  assert.equal(rotated[0]?.until, EPOCH + 10 * MINUTE);
  assert.match(rotated[0]?.key ?? '', /^[0-9a-f]{8}$/);
  world.clock.runUntil(11 * MINUTE);
  assert.equal(only(a, 'key-expired').length, 1);
  assert.match(
    only(a, 'health-changed')
      .flatMap(({ appeared }) => appeared)
      .join('\n'),
    /its last key ended/,
  );
  a.input({ kind: 'keys', keys: [key(3, Number.POSITIVE_INFINITY)] });
  world.clock.runUntil(12 * MINUTE);
  assert.equal(only(a, 'key-renewed').length, 1);
  assert.equal(only(a, 'health-changed').at(-1)?.problems, 0);
});

test('an address conflict is a change of health, and so is its end; a healthy network is never looked at for nothing', () => {
  const world = new World(5);
  const [a, b] = [world.host(A), world.host({ ...B, overlay: A.overlay })];
  meet(world, a, b);
  world.clock.runUntil(world.clock.now + 5_000);
  const [news, ...more] = only(a, 'health-changed');
  assert.deepEqual(more, []);
  assert.equal(news?.problems, 1);
  assert.match(news?.appeared[0] ?? '', /^address 10\.10\.10\.1 is claimed by /);
});
