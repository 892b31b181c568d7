/** Every kind of frame that an Ethernet carries crosses, once and unchanged. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Capture } from './harness/capture.js';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const DEV = 'mesh';
const BROADCAST = 'ffffffffffff';

test('frames of all kinds between three members', (t) =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    await mesh([ada, bob, cleo]);
    const adasMac = await ada.mac(DEV);
    const bobsMac = await bob.mac(DEV);

    await t.test('ARP is answered', async () => {
      const answer = await ada.must('arping', '-c', '1', '-w', '10', '-I', DEV, '10.10.10.2');
      assert.ok(answer.toLowerCase().replaceAll(':', '').includes(bobsMac));
    });

    await t.test('a broadcast ping is answered by every other member', async () => {
      for (const host of [bob, cleo]) await host.namespace.sysctl({ 'net/ipv4/icmp_echo_ignore_broadcasts': 0 });
      await waitFor('answers of both', async () => {
        const { stdout } = await ada.run('ping', '-n', '-b', '-c', '2', '-W', '2', '10.10.10.255');
        return stdout.includes('from 10.10.10.2') && stdout.includes('from 10.10.10.3');
      });
    });

    await t.test('IPv6: neighbours are discovered, and all nodes answer', async () => {
      const others = [await linkLocal(bob), await linkLocal(cleo)];
      await ada.pings(`${others[0]}%${DEV}`);
      const neighbours = await ada.must('ip', '-6', 'neigh', 'show', 'dev', DEV);
      assert.ok(neighbours.replaceAll(':', '').includes(`lladdr ${bobsMac}`), neighbours);
      await waitFor('answers of both to ff02::1', async () => {
        const { stdout } = await ada.run('ping', '-n', '-c', '2', '-W', '2', `ff02::1%${DEV}`);
        return others.every((address) => stdout.includes(`from ${address}%`));
      });
    });

    await t.test('any EtherType and a VLAN tag cross intact, exactly once', async () => {
      const captures = [await bob.capture(DEV), await cleo.capture(DEV)];
      const sent = [
        `${BROADCAST}${adasMac}88b5${payload(100)}`,
        `${BROADCAST}${adasMac}8100600a0800${payload(100)}`,
        `${BROADCAST}${adasMac}88a8606481006065 88b6${payload(60)}`.replace(' ', ''),
        `01005e112233${adasMac}88b5${payload(200)}`,
        `${BROADCAST}${adasMac}88b5${payload(1)}`,
        `${BROADCAST}${adasMac}0026${payload(38)}`,
      ];
      await ada.sendFrames(DEV, ...sent);
      for (const capture of captures) {
        await waitFor('all frames', () => {
          const missing = sent.filter((frame) => copies(capture, frame) === 0);
          if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
          return true;
        });
      }
      // A member that passed a frame on would have done so before it sends its next one.
      const bobs = `${BROADCAST}${bobsMac}88b5${payload(60)}`;
      const cleos = `${BROADCAST}${await cleo.mac(DEV)}88b5${payload(60)}`;
      await bob.sendFrames(DEV, bobs);
      await cleo.sendFrames(DEV, cleos);
      for (const capture of captures) {
        await waitFor('the frames after them', () => copies(capture, bobs) > 0 && copies(capture, cleos) > 0);
        assert.deepEqual(
          sent.map((frame) => copies(capture, frame)),
          sent.map(() => 1),
        );
      }
    });

    await t.test('a unicast frame reaches its receiver only', async () => {
      const [atBob, atCleo] = [await bob.capture(DEV), await cleo.capture(DEV)];
      const unicast = `${bobsMac}${adasMac}88b5${payload(80)}`;
      const last = `${BROADCAST}${adasMac}88b5${payload(80)}`;
      await ada.sendFrames(DEV, unicast, last);
      await waitFor('the frame for bob', () => atBob.frames.some(({ frame }) => frame === unicast));
      await waitFor('the frame after it', () => atCleo.frames.some(({ frame }) => frame === last));
      assert.equal(
        atCleo.frames.some(({ frame }) => frame === unicast),
        false,
      );
    });

    await t.test(
      "a foreign source MAC, a bridge's own protocols and a frame for nobody are not delivered",
      async () => {
        const atBob = await bob.capture(DEV);
        const refused = [
          `${BROADCAST}02deadbeef0188b5${payload(60)}`,
          `${BROADCAST}${bobsMac}88b5${payload(60)}`,
          `02aabbccddee${adasMac}88b5${payload(60)}`,
          `0180c2000000${adasMac}0026${payload(38)}`,
          `0180c200000e${adasMac}88cc${payload(60)}`,
        ];
        const last = `${BROADCAST}${adasMac}88b5${payload(60)}`;
        await ada.sendFrames(DEV, ...refused, last);
        await waitFor('the frame after them', () => atBob.frames.some(({ frame }) => frame === last));
        assert.deepEqual(
          refused.filter((frame) => atBob.frames.some((seen) => seen.frame === frame)),
          [],
        );
      },
    );

    await t.test('a file fetched over HTTP arrives unchanged', async (t) => {
      const took = await fetchFile(ada, bob, '10.10.10.1');
      t.diagnostic(`32 MiB in ${took} s`);
    });
  }));

test('jumbo frames cross whole, over an ordinary underlay', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    await mesh([ada, bob], '-mtu', '9000');
    assert.match(await ada.must('ip', 'link', 'show', DEV), /mtu 9000/);
    await ada.pings('10.10.10.2', '-M', 'do', '-s', '8972');
    const atBob = await bob.capture(DEV);
    const large = `${BROADCAST}${await ada.mac(DEV)}88b5${payload(9000)}`;
    await ada.sendFrames(DEV, large);
    await waitFor('the large frame', () => atBob.frames.some(({ frame }) => frame === large));
    await fetchFile(ada, bob, '10.10.10.1');
  }));

async function mesh(hosts: readonly Host[], ...options: string[]): Promise<void> {
  const hash = freshHash();
  for (const host of hosts) await host.daemon();
  await Promise.all(hosts.map((host, index) => host.joins(hash, `10.10.10.${index + 1}`, '-dev', DEV, ...options)));
  for (const host of hosts) {
    for (const index of hosts.keys()) if (hosts[index] !== host) await host.meets(hash, `10.10.10.${index + 1}`);
  }
}

async function linkLocal(host: Host): Promise<string> {
  return waitFor(`${host.name}'s link-local address`, async () => {
    const text = await host.must('ip', '-6', 'address', 'show', 'dev', DEV, 'scope', 'link', '-tentative');
    return /inet6 (fe80:[^/]+)/.exec(text)?.[1];
  });
}

/** `server` offers a file of 32 MiB, `client` fetches it; the seconds that it took. */
async function fetchFile(server: Host, client: Host, ip: string): Promise<number> {
  const directory = join(server.directory, 'www');
  await mkdir(directory);
  const content = randomBytes(32 * 2 ** 20);
  await writeFile(join(directory, 'file'), content);
  const web = server.start('/usr/bin/python3', '-m', 'http.server', '--bind', ip, '--directory', directory, '8000');
  const target = join(client.directory, 'fetched');
  const url = `http://${ip}:8000/file`;
  await waitFor('the web server', async () => (await server.run('curl', '-sfI', url)).code === 0);
  const seconds = await client.must('curl', '-sS', '--max-time', '60', '-o', target, '-w', '%{time_total}', url);
  await web.stop();
  const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  assert.equal(hashOf(await readFile(target)), hashOf(content));
  return Number(seconds);
}

function payload(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

function copies(capture: Capture, frame: string): number {
  return capture.frames.filter((seen) => seen.frame === frame).length;
}
