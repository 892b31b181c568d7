/**
 * A bad UDP wire between two devices, run in a network namespace: what comes to one of its ports leaves from the other, some
 * of it never, twice, or later than what came after it. Reproducible from its seed.
 *
 *     wire-program serve SEED LOSS DUPLICATION REORDERING FIRST-PORT FIRST-TO SECOND-PORT SECOND-TO
 *
 * Probabilities in parts of a thousand; `…-TO` is HOST:PORT, where what came to the other port goes.
 */
import { createSocket, type Socket } from 'node:dgram';

/** How many later datagrams pass one that is held back, at most. */
const MAX_PASSED = 6;
const BUFFER = 4 * 1_024 * 1_024;

interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
}

/** Numbers from 0 to 999 (a linear congruential generator). */
function permille(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * 1_000);
  };
}

/** Hands datagrams on in one direction. */
function direction({ loss, duplication, reordering }: Faults, random: () => number, send: (d: Buffer) => void) {
  let held: { datagram: Buffer; passing: number }[] = [];
  return (datagram: Buffer) => {
    if (random() < loss) return;
    if (random() < reordering) {
      held.push({ datagram, passing: 1 + (random() % MAX_PASSED) });
      return;
    }
    send(datagram);
    if (random() < duplication) send(datagram);
    for (const late of held) late.passing--;
    for (const { datagram: late, passing } of held) if (passing <= 0) send(late);
    held = held.filter(({ passing }) => passing > 0);
  };
}

async function bound(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(port, resolve));
  socket.setRecvBufferSize(BUFFER);
  socket.setSendBufferSize(BUFFER);
  return socket;
}

async function serve(args: readonly string[]): Promise<void> {
  const [seed, loss, duplication, reordering] = args.slice(0, 4).map(Number) as [number, number, number, number];
  const [firstPort, firstTo, secondPort, secondTo] = args.slice(4) as [string, string, string, string];
  const faults = { loss, duplication, reordering };
  const [first, second] = await Promise.all([bound(Number(firstPort)), bound(Number(secondPort))]);
  const sender = (socket: Socket, to: string) => {
    const [host, port] = to.split(':') as [string, string];
    return (datagram: Buffer) => socket.send(datagram, Number(port), host);
  };
  const random = permille(seed);
  first.on('message', direction(faults, random, sender(second, firstTo)));
  second.on('message', direction(faults, random, sender(first, secondTo)));
  process.stdout.write('ready\n');
  process.stdin.on('end', () => process.exit(0)).resume();
}

if (process.argv[2] === 'serve') await serve(process.argv.slice(3));
