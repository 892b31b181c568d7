/** What a daemon takes that has a network of three members and nothing to do. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from '../test/e2e/harness/host.js';
import { P2P } from '../test/e2e/harness/places.js';
import { onLan } from '../test/e2e/harness/scene.js';
import { mustRun } from '../test/e2e/harness/shell.js';
import type { IdleResult } from './figures.js';
import { must } from './link.js';
import { cpuSeconds, memoryBytes } from './processes.js';
import { startDaemon } from './systems/p2p.js';

const HASH = 'p2p-benchmark-of-an-idle-network';
const OVERLAY = '10.77.0.';
/** From being connected until memory is looked at, in ms. */
const SETTLE = 10_000;
/** For how long CPU is looked at, in ms. */
const MINUTE = 60_000;

/** Takes about 20 s, and a minute more with `withCpu`. Rejects if the members don't meet. */
export async function measureIdle(withCpu: boolean): Promise<IdleResult> {
  let result: IdleResult | null = null;
  await onLan(['ada', 'ben', 'cleo'], async ({ ada, ben, cleo }) => {
    const members = [ada, ben, cleo];
    for (const member of members) await startMember(member, ada);
    await Promise.all(
      members.map((member, index) =>
        must(member.namespace, P2P, 'start', '--socket', member.socket, '-hash', HASH, '-ip', `${OVERLAY}${index + 1}`),
      ),
    );
    for (const index of [1, 3])
      await must(
        ben.namespace,
        P2P,
        'wait',
        '--socket',
        ben.socket,
        '-hash',
        HASH,
        '-check',
        `${OVERLAY}${index}`,
        '--timeout',
        '30',
      );
    await pause(SETTLE);
    const own = await processes(ben);
    const cpu = withCpu ? await cpuShare(own) : null;
    result = { memory: memoryBytes(own), memoryOfDhtHost: memoryBytes(await processes(ada)), cpu };
  });
  if (result === null) throw new Error('the idle network ended before it was measured');
  return result;
}

/** The first member is host of the DHT in which all meet: never the public one. */
async function startMember(member: Host, first: Host): Promise<void> {
  // With a Node.js of its own: what it shared with other processes of this machine would count as a part only.
  const node = join(member.directory, 'node');
  await copyFile(process.execPath, node);
  const dht = `${first.addresses.ipv4}:4950`;
  await startDaemon(
    node,
    member,
    join(member.directory, 'p2p'),
    ...(member === first ? ['--dht-listen', dht] : ['--dht', dht]),
  );
}

async function processes({ namespace }: Host): Promise<number[]> {
  const list = await mustRun('ip', ['netns', 'pids', namespace.name]);
  return list
    .split('\n')
    .filter((pid) => pid !== '')
    .map(Number);
}

/** Of one core, 0 to 1. */
async function cpuShare(pids: readonly number[]): Promise<number> {
  const [cpu, time] = [cpuSeconds(pids), performance.now()];
  await pause(MINUTE);
  return (cpuSeconds(pids) - cpu) / ((performance.now() - time) / 1000);
}
