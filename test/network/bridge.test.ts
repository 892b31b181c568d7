/** Members that bridge: machines behind their devices, whose MACs are learned; and a member that floods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, type SimHost } from '../sim/host.js';
import { BROADCAST, payloads, World } from '../sim/world.js';

const MINUTE = 60_000;
const SERVER = Uint8Array.of(2, 0xbb, 0, 0, 0, 1);

function scene(seed: number, bridge: boolean) {
  const world = new World(seed);
  const a = world.host({ ip: '192.0.2.1', overlay: '10.10.10.1', bridge });
  const [b, c] = [2, 3].map((n) => world.host({ ip: `192.0.2.${n}`, overlay: `10.10.10.${n}` }));
  assert.ok(b !== undefined && c !== undefined);
  world.clock.runUntilTrue(() => [a, b, c].every((host) => host.isConnectedTo(a, b, c)), MINUTE, 'they meet');
  return { world, a, b, c };
}

/** Sends a frame of a machine behind `through`. */
function sendFrom(world: World, through: SimHost, source: Uint8Array, to: Uint8Array, payload: string): void {
  through.device.sendFrame(frame(to, source, payload));
  world.clock.runUntil(world.clock.now + 100);
}

test('a machine behind a bridge is heard, and answers go to it and nobody else', () => {
  const { world, a, b, c } = scene(1, true);
  assert.equal(b.peer(a)?.bridge, true);
  sendFrom(world, a, SERVER, BROADCAST, 'who is there?');
  assert.deepEqual([payloads(b), payloads(c)], [['who is there?'], ['who is there?']]);
  b.send(SERVER, 'me');
  world.clock.runUntil(world.clock.now + 100);
  assert.deepEqual([payloads(a), payloads(c).length], [['me'], 1]);
  assert.equal(c.device.stats().drops['not-for-us'], undefined, 'it knows where the server is');
});

test('without -bridge the same machine is neither heard nor reached', () => {
  const { world, a, b } = scene(2, false);
  sendFrom(world, a, SERVER, BROADCAST, 'who is there?');
  b.send(SERVER, 'me');
  world.clock.runUntil(world.clock.now + 100);
  assert.deepEqual([payloads(a), payloads(b)], [[], []]);
  assert.deepEqual([b.device.stats().drops['source-mac'], a.device.stats().drops['not-for-us']], [1, 1]);
});

test("a bridge can't use a member's MAC, and has only so many of its own", () => {
  const { world, a, b, c } = scene(3, true);
  sendFrom(world, a, c.device.config.mac, BROADCAST, 'I am c');
  assert.deepEqual(payloads(b), []);
  for (let n = 0; n < 1_100; n++)
    a.device.sendFrame(frame(BROADCAST, Uint8Array.of(2, 0xcc, 0, 0, n >> 8, n & 255), 'x'));
  world.clock.runUntil(world.clock.now + 1_000);
  assert.equal(b.device.stats().drops['macs-full'], 76);
});

test('what a member floods is bounded at both ends', () => {
  const { world, a, b } = scene(4, false);
  world.isRecording = false;
  for (let n = 0; n < 5_000; n++) a.send(BROADCAST, 'x');
  world.clock.runUntil(world.clock.now + 1_000);
  const limited = a.device.stats().drops['broadcast-limited'] ?? 0;
  assert.ok(limited > 800 && limited <= 904, `${limited} were held back`);
  assert.ok(payloads(b).length >= 4_096 && payloads(b).length <= 4_200, `${payloads(b).length} came`);
});
