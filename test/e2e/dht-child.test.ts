/** The process that speaks with the DHT: what it may do, and what happens when it's killed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dhtAt, dhtProcess, dhtSays, servesDht } from './harness/dht.js';
import type { Host } from './harness/host.js';
import { commandLine, dhtChild, dhtChildren, processStatus } from './harness/process.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const NOBODY = '65534';

test('it runs as nobody, in no group, without any capability', () =>
  onRoutedSubnets(['ada', 'dht'], async ({ ada, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await ada.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await dhtSays(ada, hash, /announced/);
    for (const host of [ada, dht]) {
      const status = processStatus(dhtChild(host.daemonPid));
      const ids = Array(4).fill(NOBODY).join('\t');
      assert.deepEqual([status.get('Uid'), status.get('Gid'), status.get('Groups')], [ids, ids, '']);
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) assert.match(status.get(set) ?? '', /^0+$/, set);
      assert.match(processStatus(host.daemonPid).get('CapEff') ?? '', /[1-9a-f]/, 'unlike the daemon itself');
    }
  }));

test('killed again and again, it is started again ever later, and no connection notices', (t) =>
  onRoutedSubnets(['ada', 'bob', 'cleo', 'dht'], async ({ ada, bob, cleo, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    for (const host of [ada, bob, cleo]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await ada.pings(BOB);

    const deaths = await killWheneverThere(ada, 4);
    const gaps = deaths.slice(1).map((at, i) => at - (deaths[i] ?? 0));
    t.diagnostic(`killed as soon as it was there, with ms between: ${gaps.map(Math.round).join(', ')}`);
    assert.ok((gaps.at(-1) ?? 0) > (gaps[0] ?? 0), `it's waited longer each time: ${gaps.map(Math.round)} ms`);

    const said = new RegExp(
      `^(died ${deaths.length} times, waiting to start it again|(running|starting), restarted ${deaths.length} times)$`,
    );
    await waitFor('the last death to be noticed', async () => said.test(await dhtProcess(ada)));
    assert.match(await ada.mustP2p('debug'), /^DHT process: +(died|(running|starting), restarted) \d+ times/m);
    await ada.pings(BOB);
    await bob.pings(ADA);
    assert.ok(((await ada.member(hash, BOB)).connectedMs ?? 0) > performance.now() - (deaths[0] ?? 0));

    await dhtSays(ada, hash, /^\d+ nodes, announced/, 90_000);
    assert.equal(await dhtProcess(ada), `running, restarted ${deaths.length} times`);
    await cleo.joins(hash, '10.10.10.3');
    await cleo.pings(ADA);
  }));

test('while it waits for its next start, status says that there is no DHT, and why', () =>
  onRoutedSubnets(['ada', 'dht'], async ({ ada, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    await ada.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await dhtSays(ada, hash, /announced/);
    await killWheneverThere(ada, 4);
    await dhtSays(ada, hash, /^died 4 times, waiting to start it again$/);
    assert.match(ada.daemonLog, /the DHT process ended \(SIGKILL\); it's started again in [\d.]+ s/);
    await dhtSays(ada, hash, /^\d+ nodes, announced/, 90_000);
  }));

test('a DHT of its own comes back with the process', () =>
  onRoutedSubnets(['ada', 'bob', 'dht'], async ({ ada, bob, dht }) => {
    const hash = freshHash();
    await servesDht(dht);
    process.kill(dhtChild(dht.daemonPid), 'SIGKILL');
    await waitFor('the DHT to be back', async () =>
      /^running, restarted once, DHT of its own at/.test(await dhtProcess(dht)),
    );
    for (const host of [ada, bob]) await host.daemon({ args: ['--dht', dhtAt(dht)] });
    await ada.joins(hash, ADA);
    await bob.joins(hash, BOB);
    await ada.pings(BOB);
  }));

test('it ends with its daemon, however that ends', () =>
  onRoutedSubnets(['ada', 'dht'], async ({ ada, dht }) => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await ada.daemon({ args: ['--dht', dhtAt(dht)] });
      if (signal === 'SIGTERM') await ada.joins(freshHash(), ADA);
      const child = await waitFor('the DHT process', () => dhtChildren(ada.daemonPid)[0]);
      await ada.killDaemon(signal);
      await waitFor(`the end of the DHT process after ${signal}`, () => !isAlive(child));
    }
  }));

/** Kills a host's DHT process as soon as there's one, so many times; when that was, in ms. */
async function killWheneverThere(host: Host, times: number): Promise<number[]> {
  const deaths = new Map<number, number>();
  await waitFor(`the DHT process to be there ${times} times`, () => {
    for (const pid of dhtChildren(host.daemonPid)) {
      if (deaths.has(pid)) continue;
      process.kill(pid, 'SIGKILL');
      deaths.set(pid, performance.now());
    }
    return deaths.size === times;
  });
  return [...deaths.values()];
}

function isAlive(pid: number): boolean {
  return commandLine(pid) !== '';
}
