/** A network three times as large as an answer of the DHT. */
import { join } from 'node:path';
import { test } from 'node:test';
import { call } from '../../src/rpc/client.js';
import { dhtAt, servesDhtToAnyNumber } from './harness/dht.js';
import { MEMBERS_PROGRAM } from './harness/places.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { GiveUp, waitFor } from './harness/wait.js';

/** For each step, in ms: all of them share what a loaded machine leaves to one process. */
const LIMIT = 150_000;
/** As many as there are by and by: all at once would only show how fast one process shakes 1,770 hands. */
const SIZES = [5, 10, ...Array.from({ length: 25 }, (_, i) => 12 + 2 * i)];

test('sixty members that were given nothing but the hash know each other, though an answer of the DHT holds twenty', (t) =>
  onRoutedSubnets(['many', 'dht'], async ({ many, dht }) => {
    const hash = freshHash();
    await servesDhtToAnyNumber(dht); // sixty machines, and they all have one address
    const began = performance.now();
    const program = many.start(process.execPath, MEMBERS_PROGRAM, many.directory, dhtAt(dht), hash);
    for (const size of SIZES) {
      program.write(`${size}\n`);
      const haveStarted = () => {
        if (!program.running) throw new GiveUp(program.stderr);
        return program.stdout.endsWith(`started ${size}\n`);
      };
      await waitFor(`${size} members to have started`, haveStarted, LIMIT);
      for (let n = 1; n <= size; n++) await connectedWithAll(join(many.directory, String(n), 'p2p.sock'), hash, size);
      t.diagnostic(
        `${size} members, each connected with each, after ${Math.round((performance.now() - began) / 1000)} s`,
      );
    }
  }));

function connectedWithAll(socket: string, hash: string, size: number): Promise<true> {
  return waitFor(
    `${socket} to be connected with all others`,
    async () => {
      const { networks } = await call(socket, 'daemon.status', { hash });
      const { peers = [], dht } = networks[0] ?? {};
      const connected = peers.filter(({ state }) => state === 'connected').length;
      if (connected !== size - 1) throw new Error(`${peers.length} known, ${connected} connected; DHT: ${dht}`);
      return true;
    },
    LIMIT,
  );
}
