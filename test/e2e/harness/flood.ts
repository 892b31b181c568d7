/** Somebody who sends what looks like ours, as fast as the machine can. */
import { randomBytes } from 'node:crypto';
import type { CapturedDatagram } from './capture.js';
import type { Host } from './host.js';
import { FLOOD_TOOL, PYTHON } from './places.js';
import type { Program } from './shell.js';
import { GiveUp, waitFor } from './wait.js';

/** Different datagrams of a flood. */
const VARIETY = 256;
const HANDSHAKE_1 = 0x22;
const FRAME = 0x40;
const CONTROL = 0x41;
/** Of handshake 1, and of a frame that fills a datagram (docs/protocol.md sections 4 and 7). */
const BYTES = { handshake1: 1_032, frame: 1_400 } as const;

export interface FloodOptions {
  /** Hands over dozens of datagrams at once, which the kernel cuts: several times as many a second. */
  readonly joined?: boolean;
  /** Random IPv6 sources that begin so, in hex; the target is an IPv6 address then. */
  readonly sources?: string;
  /** Datagrams a second; as many as can be, if it's left out. */
  readonly rate?: number;
}

export class Flood {
  private constructor(private readonly program: Program) {}

  /** Returns when it has begun. */
  static async start(
    from: Host,
    target: string,
    port: number,
    datagrams: readonly Uint8Array[],
    { joined = false, sources, rate }: FloodOptions = {},
  ): Promise<Flood> {
    const options = [
      ...(joined ? ['--joined'] : []),
      ...(sources === undefined ? [] : ['--sources', sources]),
      ...(rate === undefined ? [] : ['--rate', String(rate)]),
    ];
    const program = from.start(PYTHON, FLOOD_TOOL, target, String(port), ...options);
    program.write(datagrams.map((datagram) => `${Buffer.from(datagram).toString('hex')}\n`).join(''));
    program.closeInput();
    await waitFor('a flood', () => {
      if (!program.running) throw new GiveUp(program.stderr);
      return program.stdout.startsWith('ready\n');
    });
    return new Flood(program);
  }

  /** Ends it; how many datagrams a second it sent. */
  async end(): Promise<number> {
    await this.program.stop('SIGTERM');
    const [, report = ''] = this.program.stdout.split('\n');
    if (report === '') throw new Error(`the flood failed: ${this.program.stderr}`);
    const { datagrams, seconds } = JSON.parse(report) as { datagrams: number; seconds: number };
    return datagrams / seconds;
  }
}

/** Handshakes 1 in all that can be seen without a key: length, kind, version. */
export function garbageHandshakes(): Buffer[] {
  const start = Buffer.from([HANDSHAKE_1, 1, 0, 0]);
  return many(() => Buffer.concat([start, randomBytes(BYTES.handshake1 - start.length)]));
}

/** Frames of sessions that there aren't: the index is guessed. */
export function garbageFrames(): Buffer[] {
  return many(() => frame(randomBytes(4)));
}

/** Frames that name a session that there is, as whoever sees its datagrams can. */
export function forgedFrames(genuine: readonly CapturedDatagram[]): Buffer[] {
  const seen = genuine.map(({ payload }) => payload).filter(([kind]) => kind === FRAME || kind === CONTROL);
  const index = seen.at(-1)?.subarray(4, 8);
  if (index === undefined) throw new Error('no datagram of a session was captured');
  return many(() => frame(index));
}

/** Genuine first messages, to be sent again. */
export function firstMessages(genuine: readonly CapturedDatagram[]): Buffer[] {
  const seen = genuine.map(({ payload }) => payload).filter(([kind]) => kind === HANDSHAKE_1);
  if (seen.length === 0) throw new Error('no handshake 1 was captured');
  return seen;
}

/** Lane 0, a counter that's far ahead, one part of one. */
function frame(index: Uint8Array): Buffer {
  const counter = Buffer.from([0, 0, 0, 1, ...randomBytes(4)]);
  const part = Buffer.from([0, 1, 5, 0x4e]);
  const rest = randomBytes(BYTES.frame - 20);
  return Buffer.concat([Buffer.from([FRAME, 0, 0, 0]), index, counter, part, rest]);
}

function many(make: () => Buffer): Buffer[] {
  return Array.from({ length: VARIETY }, make);
}
