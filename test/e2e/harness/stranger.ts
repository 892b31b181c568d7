/** Someone on the wire who isn't a member: throws datagrams at a port and looks at what comes back. */
import type { Capture } from './capture.js';
import type { Host } from './host.js';
import { DATAGRAMS_TOOL, PYTHON } from './places.js';
import type { Program } from './shell.js';
import { GiveUp, waitFor } from './wait.js';

const IPV4 = '0800';

export class Stranger {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Opens a UDP socket on `host` that sends to `target` (an IP address) and `port`. */
  static async at(host: Host, target: string, port: number): Promise<Stranger> {
    const program = host.start(PYTHON, DATAGRAMS_TOOL, target, String(port));
    await waitFor("the stranger's socket", () => {
      if (!program.running) throw new GiveUp(program.stderr);
      return program.stdout.startsWith('ready\n');
    });
    return new Stranger(program);
  }

  send(datagrams: readonly Uint8Array[]): void {
    this.#program.write(datagrams.map((datagram) => `${Buffer.from(datagram).toString('hex')}\n`).join(''));
  }

  /** Payloads of what came back, hex. */
  get answers(): string[] {
    const lines = this.#program.stdout.split('\n').slice(1, -1);
    return lines.map((line) => (JSON.parse(line) as { datagram: string }).datagram);
  }
}

/** What `host` sent to `stranger` alone, ICMP errors included, as a capture there saw it: hex. */
export function answersFrom(host: Host, stranger: Host, capture: Capture): string[] {
  const header = hexOf(host.addresses.ipv4) + hexOf(stranger.addresses.ipv4);
  return capture.frames
    .filter(({ out, frame }) => !out && frame.slice(24, 28) === IPV4 && frame.slice(52, 68) === header)
    .map(({ frame }) => frame);
}

function hexOf(ipv4: string): string {
  return Buffer.from(ipv4.split('.').map(Number)).toString('hex');
}
