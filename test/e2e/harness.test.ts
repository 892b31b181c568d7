/** The stage itself, with plain tools: what the other tests conclude from it must be true of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { namespaces, removeLeftovers } from './harness/owner.js';
import { DATAGRAMS_TOOL, PYTHON } from './harness/places.js';
import { onLan, onRoutedSubnets } from './harness/scene.js';
import { Program } from './harness/shell.js';
import { GiveUp, waitFor } from './harness/wait.js';

test('a LAN carries unicast, broadcast and multicast between all hosts', () =>
  onLan(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    await ada.pings(bob.addresses.ipv4);
    await ada.pings(bob.addresses.ipv6);
    const answers = await waitFor('answers of both neighbours to a multicast ping', async () => {
      const { stdout } = await ada.run('ping', '-n', '-c', '2', '-W', '2', 'ff02::1%eth0');
      const senders = new Set([...stdout.matchAll(/from (fe80::[^%]+)/g)].map((match) => match[1]));
      return senders.size === 3 && senders;
    });
    assert.equal(answers.size, 3, 'ada itself, bob and cleo');
    await cleo.must('arping', '-c', '1', '-w', '5', '-I', 'eth0', ada.addresses.ipv4);
  }));

test('routed subnets carry unicast, and no multicast', () =>
  onRoutedSubnets(['ada', 'bob', 'cleo'], async ({ ada, bob, cleo }) => {
    await ada.pings(cleo.addresses.ipv4);
    await ada.pings(cleo.addresses.ipv6);
    const capture = await bob.capture('eth0');
    await ada.run('ping', '-n', '-c', '1', '-W', '1', '-t', '8', '239.255.112.50');
    await ada.run('ping', '-n', '-c', '1', '-W', '1', 'ff02::1%eth0');
    await ada.pings(bob.addresses.ipv4);
    const arrived = (part: string) => capture.frames.some(({ out, frame }) => !out && frame.includes(part));
    await waitFor("ada's last ping", () => arrived(hexOf(ada.addresses.ipv4) + hexOf(bob.addresses.ipv4)));
    assert.equal(arrived(hexOf(ada.addresses.ipv4) + hexOf('239.255.112.50')), false);
    assert.equal(arrived('333300000001'), false);
  }));

test('raw frames arrive as they were sent, a VLAN tag included', () =>
  onLan(['ada', 'bob'], async ({ ada, bob }) => {
    const capture = await bob.capture('eth0');
    const header = (await bob.mac('eth0')) + (await ada.mac('eth0'));
    const tagged = `${header}8100602a0800${'ab'.repeat(60)}`;
    const experimental = `${header}88b5${'cd'.repeat(50)}`;
    await ada.sendFrames('eth0', tagged, experimental);
    const received = (frame: string) => capture.frames.some((seen) => !seen.out && seen.frame === frame);
    await waitFor('the tagged frame', () => received(tagged));
    await waitFor('the frame of EtherType 0x88B5', () => received(experimental));
  }));

test("a stranger's socket sends what it is given and reports what comes back", () =>
  onLan(['ada', 'eve'], async ({ ada, eve }) => {
    const answering = ada.start(
      PYTHON,
      '-c',
      'import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(("", 4900))\n' +
        'print("ready", flush=True)\ndata, sender = s.recvfrom(99)\ns.sendto(data[::-1], sender)\n',
    );
    await waitFor('the answering socket', () => answering.stdout === 'ready\n');
    const capture = await eve.capture('eth0');
    const stranger = eve.start(PYTHON, DATAGRAMS_TOOL, ada.addresses.ipv4, '4900');
    stranger.write('010203\n');
    await waitFor('the answer', () => stranger.stdout.includes('"datagram": "030201"'));
    const seen = await waitFor('the answer in the capture', () => capture.datagrams.find(({ out }) => !out));
    assert.equal(seen.payload.toString('hex'), '030201');
    assert.deepEqual([seen.from, seen.fromPort, seen.to], [ada.addresses.ipv4, 4900, eve.addresses.ipv4]);
  }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a test process that ends by ${signal} leaves nothing`, async () => {
    const child = await longScene();
    await child.stop(signal);
    assert.deepEqual(belongings(child.pid), []);
  });
}

test('what a killed test process left is removed by the next one', async () => {
  const child = await longScene();
  removeLeftovers();
  assert.notDeepEqual(belongings(child.pid), [], 'while it lives, its namespaces are left alone');
  await child.stop('SIGKILL');
  assert.notDeepEqual(belongings(child.pid), [], 'SIGKILL leaves them behind');
  removeLeftovers();
  assert.deepEqual(belongings(child.pid), []);
});

/** Another test process, in the middle of its scene. */
async function longScene(): Promise<Program> {
  const scene = new URL('harness/scene.js', import.meta.url).href;
  const script = `import { onLan } from ${JSON.stringify(scene)};
    await onLan(['ada'], async ({ ada }) => {
      const sleeper = ada.start('sleep', '600');
      console.log('playing');
      await sleeper.exited;
    });`;
  const child = new Program(process.execPath, ['--input-type=module', '-e', script]);
  await waitFor('the other process to play', () => {
    if (!child.running) throw new GiveUp(child.stderr);
    return child.stdout === 'playing\n';
  });
  return child;
}

function belongings(pid: number): string[] {
  return [...namespaces(), ...readdirSync(tmpdir())].filter((name) => name.startsWith(`p2pe2e-${pid}-`));
}

function hexOf(ipv4: string): string {
  return Buffer.from(ipv4.split('.').map(Number)).toString('hex');
}
