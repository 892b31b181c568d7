/** Two networks between the same machines: a mesh never runs through a mesh. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Capture } from './harness/capture.js';
import type { Host } from './harness/host.js';
import { onLan } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const NETS = ['10.10.10', '10.20.20'] as const;
const PORTS = ['4901', '4902'] as const;
const LAN_PORT = 4909;

test('nothing of either network ever runs inside the other, whoever points there', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const hashes = [freshHash(), freshHash()] as const;
    const hosts = [ada, bob] as const;
    for (const host of hosts) await host.daemon();
    const joins = (host: Host, net: 0 | 1, ...args: string[]) =>
      host.joins(
        hashes[net],
        `${NETS[net]}.${host === ada ? 1 : 2}`,
        '-dev',
        `net${net}`,
        '-port',
        PORTS[net],
        ...args,
      );
    for (const host of hosts) await joins(host, 0);
    await ada.meets(hashes[0], `${NETS[0]}.2`);
    await ada.pings(`${NETS[0]}.2`);
    const first = await ada.capture('net0');

    // The second network is told to look for the other inside the first, and the first is looked for while the second is up.
    for (const [host, other] of [
      [ada, 2],
      [bob, 1],
    ] as const)
      await joins(host, 1, '-peer', `${NETS[0]}.${other}:${PORTS[1]}`);
    await ada.meets(hashes[1], `${NETS[1]}.2`);
    await ada.pings(`${NETS[1]}.2`);
    const second = await ada.capture('net1');
    await bob.mustP2p('stop', '-hash', hashes[0]);
    await joins(bob, 0, '-peer', `${NETS[1]}.1:${PORTS[0]}`);
    await ada.meets(hashes[0], `${NETS[0]}.2`);
    for (const net of [0, 1] as const) {
      await ada.pings(`${NETS[net]}.2`, '-s', '321');
      const { endpoint, path } = await ada.member(hashes[net], `${NETS[net]}.2`);
      assert.equal(path, 'lan');
      assert.match(endpoint ?? '', /^(192\.0\.2\.2|\[2001:db8::2|\[fe80:)/);
    }
    for (const capture of [first, second]) {
      await waitFor('the ping in its capture', () =>
        capture.frames.some(({ frame }) => frame.length === 2 * (14 + 28 + 321)),
      );
      assert.deepEqual(ours(capture), []);
    }
    const debug = await ada.mustP2p('debug');
    const candidates = debug.split('\n').filter((line) => /^ +\S+:\d+ /.test(line));
    assert.ok(candidates.length > 0, debug);
    for (const net of NETS)
      assert.deepEqual(
        candidates.filter((line) => line.includes(`${net}.`)),
        [],
      );
  }));

/** Datagrams of p2p itself, over IPv4 or IPv6. */
function ours(capture: Capture): string[] {
  const ports = [...PORTS.map(Number), LAN_PORT];
  return capture.frames.flatMap(({ frame }) => {
    const bytes = Buffer.from(frame, 'hex');
    const type = bytes.readUInt16BE(12);
    const at = type === 0x0800 && bytes[23] === 17 ? 34 : type === 0x86dd && bytes[20] === 17 ? 54 : null;
    if (at === null || bytes.length < at + 4) return [];
    const used = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
    return used.some((port) => ports.includes(port)) ? [frame] : [];
  });
}
