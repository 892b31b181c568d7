/**
 * Many machines in one process, run in a network namespace: each a whole daemon with a socket of its own, its device in memory, its
 * datagrams on a wire that's a map; only the DHT process is shared.
 *
 *     members DIRECTORY DHT HASH
 *
 * Reads from standard input how many there shall be, a number per line, and prints `started N` when so many have started. Member N has
 * DIRECTORY/N/p2p.sock and the overlay address 10.60.0.N.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Daemon } from '../../../src/daemon/daemon.js';
import { loadConfig } from '../../../src/daemon/load-config.js';
import { Log } from '../../../src/daemon/log.js';
import { DhtProcess } from '../../../src/discovery/dht/process.js';
import { call } from '../../../src/rpc/client.js';
import { Wire } from '../../daemon/wire.js';

const [directory = '', dht = '', hash = ''] = process.argv.slice(2);
const log = new Log({ write: (line) => process.stderr.write(line) }, 'ERROR');
const shared = new DhtProcess({ listen: null, onProblem: (message) => console.error(message) });
const wire = new Wire();
let started = 0;

for await (const line of createInterface({ input: process.stdin })) {
  while (started < Number(line)) await startMember(++started);
  process.stdout.write(`started ${started}\n`);
}

async function startMember(n: number): Promise<void> {
  const own = join(directory, String(n));
  mkdirSync(own, { recursive: true });
  const config = join(own, 'config.yaml');
  writeFileSync(config, `lan: false\ndht: ${dht}\nname: member-${n}\n`);
  const socket = join(own, 'p2p.sock');
  const host = wire.host(`198.51.100.${n}`);
  host.openDht = () => shared;
  await Daemon.start(await loadConfig({ config, socket, state: join(own, 'state') }), host, log, '0');
  await call(socket, 'network.start', { hash, ip: `10.60.0.${n}` });
}
