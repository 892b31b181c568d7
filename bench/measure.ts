/** Measures whatever links the two ends. */
import type { Program } from '../test/e2e/harness/shell.js';
import { GiveUp, waitFor } from '../test/e2e/harness/wait.js';
import type { Measurement } from './figures.js';
import type { Link } from './link.js';
import { cpuSeconds, memoryBytes } from './processes.js';
import { parseIperf, parsePing, type Transfer } from './programs.js';
import { median } from './statistics.js';

/** How long a system may take until the first ping is answered, in ms. */
const CONNECT_LIMIT = 20_000;
const IDLE_PINGS = 200;
const IDLE_INTERVAL = 0.005;
const LOAD_INTERVAL = 0.02;
/** What an iperf3 that got stuck may take beyond its time, in seconds. */
const GRACE = 8;
const PORT = 5301;

/** `address`: where the right end answers. Rejects if it never does. */
export async function measure(link: Link, address: string, seconds: number): Promise<Omit<Measurement, 'tcpLossy'>> {
  await waitFor(
    `${address} to answer a ping`,
    async () => (await link.left.namespace.run('ping', ['-n', '-c', '1', '-W', '1', address])).code === 0,
    CONNECT_LIMIT,
  );
  const system = await link.processes();
  const iperf = (...options: string[]) => transfer(link, address, seconds, options);

  const rtt = await ping(link, address, IDLE_INTERVAL, IDLE_PINGS);
  const cpuBefore = cpuSeconds(system);
  const tcp = await iperf();
  const cpuTaken = cpuSeconds(system) - cpuBefore;
  const tcpBack = await iperf('-R');
  const [tcpFour, rttLoad] = await Promise.all([
    iperf('-P', '4'),
    ping(link, address, LOAD_INTERVAL, Math.floor(seconds / LOAD_INTERVAL)),
  ]);
  const packets = await iperf('-u', '-l', '128', '-b', '0');
  const memory = memoryBytes(system);
  return {
    tcp: tcp?.megabits ?? null,
    tcpBack: tcpBack?.megabits ?? null,
    tcpFour: tcpFour?.megabits ?? null,
    packets: packets === null ? null : packets.packets / 1000,
    rtt,
    rttLoad,
    cpu: system.length === 0 || tcp === null || tcp.bytes === 0 ? null : cpuTaken / (tcp.bytes / 1e9),
    memory: system.length === 0 ? null : memory / 2 / 1e6,
  };
}

/** The same stream while the link loses one percent; null if it came to nothing. The link stays so. */
export async function measureLossy(link: Link, address: string, seconds: number): Promise<number | null> {
  await link.loseOnePercent();
  return (await transfer(link, address, seconds, []))?.megabits ?? null;
}

/** Round trip time in ms, the median; null if nothing came back. */
async function ping(link: Link, address: string, interval: number, count: number): Promise<number | null> {
  const args = [
    '-n',
    '-c',
    String(count),
    '-i',
    String(interval),
    '-w',
    String(Math.ceil(interval * count) + 2),
    address,
  ];
  const { stdout } = await link.left.namespace.run('ping', args);
  return median(parsePing(stdout));
}

/** One run of iperf3 between the ends; null if it came to nothing. */
async function transfer(
  link: Link,
  address: string,
  seconds: number,
  options: readonly string[],
): Promise<Transfer | null> {
  const server = link.right.namespace.start('iperf3', ['-s', '-1', '-p', String(PORT), '--forceflush']);
  try {
    await listening(server);
    const limit = ['-k', '1', String(seconds + GRACE)];
    const client = ['iperf3', '-c', address, '-p', String(PORT), '-t', String(seconds), '-J', ...options];
    const { stdout } = await link.left.namespace.run('timeout', [...limit, ...client]);
    return parseIperf(stdout);
  } finally {
    await server.stop('SIGKILL');
  }
}

async function listening(server: Program): Promise<void> {
  await waitFor('iperf3 to listen', () => {
    if (!server.running) throw new GiveUp(`iperf3 ended: ${server.stderr}`);
    return server.stdout.includes('Server listening');
  });
}
