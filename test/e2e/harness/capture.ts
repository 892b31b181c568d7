/** Frames that pass an interface, as the wire has them; and the UDP datagrams among them. */
import type { Namespace } from './namespace.js';
import { FRAMES_TOOL, PYTHON } from './places.js';
import type { Program } from './shell.js';
import { GiveUp, waitFor } from './wait.js';

export interface CapturedFrame {
  /** Sent by the host where it was captured. */
  readonly out: boolean;
  /** Ethernet header, VLAN tag if it has one, and all the rest; hex. */
  readonly frame: string;
}

export interface CapturedDatagram {
  readonly out: boolean;
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly payload: Buffer;
  /** The frame that carried it; hex. */
  readonly frame: string;
}

export class Capture {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Returns when nothing that passes from now on can be missed. */
  static async start(namespace: Namespace, device: string): Promise<Capture> {
    const program = namespace.start(PYTHON, [FRAMES_TOOL, 'capture', device]);
    await waitFor(`a capture on ${device}`, () => {
      if (!program.running) throw new GiveUp(program.stderr);
      return program.stdout.startsWith('ready\n');
    });
    return new Capture(program);
  }

  get frames(): CapturedFrame[] {
    const complete = this.#program.stdout.split('\n').slice(0, -1);
    return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as CapturedFrame);
  }

  get datagrams(): CapturedDatagram[] {
    return this.frames.flatMap((frame) => parseDatagram(frame) ?? []);
  }

  async stop(): Promise<void> {
    await this.#program.stop();
  }
}

/** UDP over IPv4, without options and fragments: all that a test's underlay carries between daemons. */
function parseDatagram({ out, frame }: CapturedFrame): CapturedDatagram | null {
  const bytes = Buffer.from(frame, 'hex');
  if (bytes.length < 42 || bytes.readUInt16BE(12) !== 0x0800 || bytes[14] !== 0x45 || bytes[23] !== 17) return null;
  const ip = (at: number) => [...bytes.subarray(at, at + 4)].join('.');
  return {
    out,
    from: ip(26),
    to: ip(30),
    fromPort: bytes.readUInt16BE(34),
    toPort: bytes.readUInt16BE(36),
    payload: bytes.subarray(42, 34 + bytes.readUInt16BE(38)),
    frame,
  };
}

/**
 * The same frame, fit for being sent again: a capture sees a datagram before its checksum is finished, and IPv4 lets a
 * sender leave it out.
 */
export function replayable({ frame }: CapturedDatagram): string {
  const bytes = Buffer.from(frame, 'hex');
  bytes.writeUInt16BE(0, 40);
  return bytes.toString('hex');
}
