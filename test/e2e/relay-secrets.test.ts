/** What a relay could learn: its memory and the wire before it are searched for what it mustn't know, and so are the member's, where that must be found. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { networkSecrets, rootSecret } from '../../src/network/secrets.js';
import type { Host } from './harness/host.js';
import { FRAME_KEYS_PROGRAM } from './harness/places.js';
import { relayAt, servesRelay } from './harness/relay.js';
import { onRoutedSubnets } from './harness/scene.js';

const ADA = '10.77.66.1';
const BOB = '10.77.66.2';
const HASH = 'a-hash-that-no-relay-may-see';
/** Read at a time, with so much of the piece before that nothing is missed at a border. */
const PIECE = 2 ** 24;
const OVERLAP = 256;

test('neither the memory of a relay nor what it is sent holds a key, a hash, a name or an overlay address', () =>
  onRoutedSubnets(['ada', 'bob', 'relay'], async ({ ada, bob, relay }) => {
    await servesRelay(relay);
    const capture = await relay.capture('eth0');
    for (const host of [ada, bob])
      await host.daemon({
        args: ['--no-dht', '--no-lan', '-relay', relayAt(relay)],
        env: { NODE_OPTIONS: `--import ${FRAME_KEYS_PROGRAM}`, FRAME_KEYS_FILE: frameKeysFile(host) },
      });
    await ada.joins(HASH, ADA, '-fwd', '-name', 'name-of-ada');
    await bob.joins(HASH, BOB, '-fwd', '-name', 'name-of-bob');
    await bob.pings(ADA);
    await bob.must('ping', '-n', '-c', '50', '-i', '0.02', '-p', Buffer.from('a frame in clear').toString('hex'), ADA);

    const frameKeys = [ada, bob].map(frameKeysOf);
    const root = await rootSecret(HASH);
    const { networkId, probeKey, macKey, pskBase } = networkSecrets(root);
    const secrets: Readonly<Record<string, Buffer>> = {
      hash: Buffer.from(HASH),
      'name of a member': Buffer.from('name-of-ada'),
      'a frame': Buffer.from('a frame in clear'),
      'overlay address': Buffer.from([10, 77, 66, 1]),
      ...Object.fromEntries(frameKeys.flat().map((key) => [`frame key ${key.toString('hex')}`, key])),
      ...Object.fromEntries(
        Object.entries({ root, networkId, probeKey, macKey, pskBase }).map(([name, key]) => [name, Buffer.from(key)]),
      ),
    };
    const found = (text: Buffer) =>
      Object.keys(secrets).filter((name) => text.includes(secrets[name] ?? assert.fail()));

    const inMember = new Set(memoryOf(ada, found));
    for (const name of ['hash', 'name of a member', 'overlay address', 'root', 'probeKey'])
      assert.ok(inMember.has(name), `${name} is found where it is`);
    // What one side seals with, the other opens with: keys that both have were used.
    const [adas = [], bobs = []] = frameKeys;
    const common = adas.filter((key) => bobs.some((other) => other.equals(key)));
    assert.ok(
      common.some((key) => inMember.has(`frame key ${key.toString('hex')}`)),
      'a frame key is found where it is',
    );
    // Four bytes turn up anywhere by chance: of the address only its text says something.
    const text = (name: string) => name !== 'overlay address';
    assert.deepEqual([...new Set(memoryOf(relay, found))].filter(text), []);
    assert.deepEqual(
      memoryOf(relay, (piece) => (piece.includes(ADA) || piece.includes(BOB) ? [ADA] : [])),
      [],
    );

    const { datagrams } = capture;
    assert.ok(datagrams.length > 100);
    const wire = Buffer.concat(datagrams.map(({ payload }) => payload));
    assert.deepEqual(found(wire).filter(text), []);
    assert.ok(!wire.includes(ADA));
  }));

function frameKeysFile(host: Host): string {
  return join(host.directory, 'frame-keys');
}

/** 32 bytes each, of all sessions that its daemon has installed. */
function frameKeysOf(host: Host): Buffer[] {
  const keys = readFileSync(frameKeysFile(host), 'utf8').trim().split('\n');
  assert.ok(keys.every((key) => key.length === 64));
  return keys.map((key) => Buffer.from(key, 'hex'));
}

/** What a look at each piece of a daemon's memory finds. */
function memoryOf(host: Host, look: (piece: Buffer) => readonly string[]): string[] {
  const maps = readFileSync(`/proc/${host.daemonPid}/maps`, 'utf8').split('\n');
  const memory = openSync(`/proc/${host.daemonPid}/mem`, 'r');
  try {
    return maps.flatMap((line) => {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      return match === null ? [] : regionOf(memory, Number(`0x${match[1]}`), Number(`0x${match[2]}`), look);
    });
  } finally {
    closeSync(memory);
  }
}

function regionOf(memory: number, start: number, end: number, look: (piece: Buffer) => readonly string[]): string[] {
  const found: string[] = [];
  for (let at = start; at < end; at += PIECE - OVERLAP) {
    const piece = Buffer.alloc(Math.min(PIECE, end - at));
    try {
      found.push(...look(piece.subarray(0, readSync(memory, piece, 0, piece.length, at))));
    } catch {
      return found; // a page that can't be read, or is gone
    }
  }
  return found;
}
