/** What was recorded stays sealed, whatever is stolen later. The thief's tools do work: with an ephemeral key, which nobody keeps, they read it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/core/bytes.js';
import { keyPair } from '../../src/core/noise-state.js';
import type { SessionKeys } from '../../src/device/device.js';
import { admissionKey, keyEntry, networkSecrets } from '../../src/network/secrets.js';
import type { KeyEntry } from '../../src/session/key-queue.js';
import { KIND } from '../../src/wire/envelope.js';
import { BROADCAST, EPOCH, SECRETS, type SimHost, World } from '../sim/world.js';
import { type Loot, read } from './eavesdropper.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NEVER = Number.POSITIVE_INFINITY;
/** Frames that each of two members says at a time. */
const FRAMES = 10;

/** Two members that talk at these moments, each time in words of their own. */
function recordedTalks(moments: readonly number[], keys: () => readonly KeyEntry[]) {
  const drawn: Uint8Array[] = [];
  const world = new World(4, (random) => drawn.push(random));
  const installed: { readonly at: number; readonly keys: SessionKeys }[] = [];
  world.observers.push({
    commanded: (_, command) => {
      if (command.kind === 'install-session') installed.push({ at: world.clock.now, keys: command.keys });
    },
  });
  const a = world.host({ ip: '192.0.2.1', overlay: '10.10.10.1', keys: keys() });
  const b = world.host({ ip: '192.0.2.2', overlay: '10.10.10.2', keys: keys() });
  for (const [talk, moment] of moments.entries())
    for (let i = 0; i < FRAMES; i++)
      world.clock.at(moment + i * SECOND, () => {
        for (const host of [a, b]) host.send(BROADCAST, `${words(talk)} ${i}`);
      });
  world.clock.runUntil((moments.at(-1) ?? 0) + FRAMES * SECOND + SECOND);
  for (const host of [a, b]) assert.equal(host.frames.length, moments.length * FRAMES, 'all was said over the wire');
  const sent = (from: number, until: number) =>
    world.sent.filter(({ at }) => at >= from && at < until).map(({ datagram }) => datagram);
  const inMemory = installed.filter(({ at, keys: { lifetime } }) => at + lifetime > world.clock.now);
  const sessionKeys = inMemory.flatMap(({ keys: { sealKey, openKey } }) => [sealKey, openKey]);
  const stolen = [...staticSecrets([a, b]), ...sessionKeys];
  return { sent, stolen, ephemerals: (datagrams: readonly Uint8Array[]) => ephemeralsOf(datagrams, drawn) };
}

const words = (talk: number) => `what was said in talk ${talk}`;

/** Everything that lasts: of both members, and of the network. */
function staticSecrets(hosts: readonly SimHost[]): Uint8Array[] {
  const root = new Uint8Array(32).fill(7);
  assert.deepEqual(networkSecrets(root), SECRETS);
  const own = hosts.flatMap(({ master, identity }) => [
    master,
    identity.staticPrivate,
    identity.announceSecret,
    identity.loginSecret,
    admissionKey(SECRETS, identity.publicKey),
  ]);
  const shared = [root, admissionKey(SECRETS), ...Object.values(SECRETS).filter((secret) => secret.length === 32)];
  return [...own, ...shared];
}

/** Of the random values that were drawn, the private keys to the ephemeral keys in these handshakes. */
function ephemeralsOf(datagrams: readonly Uint8Array[], drawn: readonly Uint8Array[]): Uint8Array[] {
  const onWire = datagrams
    .filter(([kind]) => kind === KIND.handshake1 || kind === KIND.handshake2)
    .map((datagram) => hex(datagram.subarray(8, 40)));
  const keys = drawn.filter((random) => random.length === 32);
  return keys.filter((key) => onWire.includes(hex(keyPair(key).publicKey)));
}

/** How much of each talk can be read in a recording: frames. */
function talksIn(recorded: readonly Uint8Array[], loot: Omit<Loot, 'networkId'>, talks: number): number[] {
  const { plaintexts } = read(recorded, { networkId: SECRETS.networkId, ...loot });
  const texts = plaintexts.map((plaintext) => new TextDecoder().decode(plaintext));
  return Array.from({ length: talks }, (_, talk) => texts.filter((text) => text.includes(words(talk))).length);
}

/** Both members' frames. */
const ALL = 2 * FRAMES;

test('who recorded everything, and steals all that both members have ten minutes later, reads nothing of the earlier session', () => {
  const queue = () => [keyEntry(SECRETS, null, NEVER)];
  const { sent, stolen, ephemerals } = recordedTalks([10 * SECOND, 10 * MINUTE], queue);
  const psks = queue().map(({ psk }) => psk);
  const thief = { secrets: stolen, psks };
  const [earlier, all] = [sent(0, MINUTE), sent(0, NEVER)];
  const reading = read(earlier, { networkId: SECRETS.networkId, ...thief });
  assert.deepEqual([reading.handshakes, reading.plaintexts], [0, []]);
  assert.ok(reading.initiations > 0, "a record in handshake 1 is sealed for the responder's static key alone");
  assert.deepEqual(talksIn(all, thief, 2), [0, ALL], 'of the session that goes on it has the keys');

  const withKey = (key: Uint8Array) => ({ secrets: [...stolen, key], psks });
  const useful = ephemerals(earlier).filter((key) => talksIn(earlier, withKey(key), 1)[0] === ALL);
  assert.equal(useful.length, 2, "with either side's ephemeral key of that handshake it reads all of that session");
  for (const key of useful)
    assert.deepEqual(talksIn(earlier, { secrets: [key], psks }, 1), [0], 'but not with that alone');
});

test('nor does it read what was said under former keys, even with those; and without a former key not even with the ephemeral one', () => {
  const secret = (i: number) => new Uint8Array(32).fill(i + 1);
  const ends = [3 * MINUTE, 6 * MINUTE, NEVER];
  const queue = () => ends.map((end, i) => keyEntry(SECRETS, secret(i), EPOCH + end));
  const moments = [30 * SECOND, 3 * MINUTE + 10 * SECOND, 12 * MINUTE];
  const { sent, stolen, ephemerals } = recordedTalks(moments, queue);
  const psks = queue().map(({ psk }) => psk);
  const secrets = [...stolen, ...ends.map((_, i) => secret(i))];
  assert.deepEqual(talksIn(sent(0, NEVER), { secrets, psks }, 3), [0, 0, ALL]);

  const turns = [sent(0, MINUTE), sent(2 * MINUTE, 4 * MINUTE)];
  for (const [talk, recorded] of turns.entries()) {
    const opens = (loot: Omit<Loot, 'networkId'>) => talksIn(recorded, loot, 3)[talk] === ALL;
    const useful = ephemerals(recorded).filter((key) => opens({ secrets: [...secrets, key], psks }));
    assert.equal(useful.length, 2);
    for (const key of useful)
      assert.ok(!opens({ secrets: [...stolen, key], psks: psks.slice(-1) }), 'a key that was wiped is missing');
  }
});
