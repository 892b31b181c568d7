/** A client that sends through a relay as fast as it can spends its own budget, and nobody else's. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PYTHON } from './harness/places.js';
import { relayAt, relayInfo, servesRelay } from './harness/relay.js';
import { onRoutedSubnets } from './harness/scene.js';
import { freshHash } from './harness/secrets.js';
import { waitFor } from './harness/wait.js';

const ADA = '10.10.10.1';
const BOB = '10.10.10.2';
const CAROL = '10.10.10.3';
/** Bytes a second that each client may send. */
const BUDGET = 100_000;
const FLOOD = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        s.sendto(bytes(1200), ('${BOB}', 9))
    except OSError:
        pass
`;

test('a client that floods is cut down, and the others lose nothing', (t) =>
  onRoutedSubnets(['ada', 'bob', 'carol', 'relay'], async ({ ada, bob, carol, relay }) => {
    const config = join(relay.directory, 'relay.yaml');
    writeFileSync(config, `relayLimits: { bytesPerSecondPerClient: ${BUDGET} }\n`);
    await servesRelay(relay, '--config', config);
    const hash = freshHash();
    for (const host of [ada, bob, carol])
      await host.daemon({ args: ['--no-dht', '--no-lan', '-relay', relayAt(relay)] });
    for (const [host, ip] of [
      [ada, ADA],
      [bob, BOB],
      [carol, CAROL],
    ] as const)
      await host.joins(hash, ip, '-fwd');
    await ada.pings(BOB);
    await carol.pings(BOB);
    const file = join(ada.directory, 'flood.py');
    writeFileSync(file, FLOOD);
    const flood = ada.start(PYTHON, file);
    const flooder = async () =>
      (await relayInfo(relay)).clients.find(({ address }) => isAt(address, ada.addresses.ipv4));
    await waitFor('the flood is cut', async () => ((await flooder())?.drops ?? 0) > 1_000);
    const { stdout } = await carol.run('ping', '-n', '-c', '50', '-i', '0.05', '-W', '5', BOB);
    await flood.stop('SIGKILL');
    const { clients } = await relayInfo(relay);
    const [cut, calm] = [ada, carol].map((host) => clients.find(({ address }) => isAt(address, host.addresses.ipv4)));
    assert.ok(cut && calm);
    const answered = Number(/(\d+) received/.exec(stdout)?.[1]);
    t.diagnostic(`flooder: ${cut.drops} datagrams dropped; the other: ${calm.drops}, ${answered} of 50 pings answered`);
    assert.ok(cut.drops > 100 * (calm.drops + 1));
    assert.ok(answered >= 45, `${answered} of 50 answered`);
  }));

function isAt(address: string, ip: string): boolean {
  return address.startsWith(`${ip}:`);
}
