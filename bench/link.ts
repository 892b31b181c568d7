/**
 * Two machines and the wire between them, new for every system in every round.
 *
 *   left  192.0.2.1 eth0 ───── veth, MTU 1500 ───── eth0 192.0.2.2  right
 *         10.77.0.1 tun0 ═════ the system ═════════ tun0 10.77.0.2
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace } from '../test/e2e/harness/namespace.js';
import { uniqueName } from '../test/e2e/harness/owner.js';
import { mustRun, Program, type Result } from '../test/e2e/harness/shell.js';
import { ownDirectory, releaseDirectory } from '../test/e2e/harness/teardown.js';
import { GiveUp, waitFor } from '../test/e2e/harness/wait.js';

/** What a system's device is called, on both ends. */
export const DEVICE = 'tun0';
/** Of the packets that reach an end on a lossy link, one in so many is dropped. */
const ONE_IN = 100;

export interface End {
  readonly name: 'left' | 'right';
  readonly namespace: Namespace;
  /** Address on the wire. */
  readonly underlay: string;
  /** Address on the system's device, without its prefix length, which is 24. */
  readonly overlay: string;
}

export class Link {
  private readonly before = new Set(Program.running);

  private constructor(
    readonly left: End,
    readonly right: End,
    /** For a system's files; removed with the link. */
    readonly directory: string,
  ) {}

  static async lay(): Promise<Link> {
    const directory = mkdtempSync(join(tmpdir(), `${uniqueName('bench')}-`));
    ownDirectory(directory);
    const left = { name: 'left', underlay: '192.0.2.1', overlay: '10.77.0.1' } as const;
    const right = { name: 'right', underlay: '192.0.2.2', overlay: '10.77.0.2' } as const;
    const link = new Link(
      { ...left, namespace: await Namespace.make('left') },
      { ...right, namespace: await Namespace.make('right') },
      directory,
    );
    await link.left.namespace.ip(`link add eth0 type veth peer name eth0 netns ${link.right.namespace.name}`);
    for (const { namespace, underlay } of link.ends) {
      // One underlay for all: some would take IPv6, with its longer header.
      await namespace.sysctl({ 'net/ipv6/conf/eth0/disable_ipv6': 1 });
      await namespace.ip(`address add ${underlay}/24 dev eth0`, 'link set eth0 up');
    }
    return link;
  }

  get ends(): readonly [End, End] {
    return [this.left, this.right];
  }

  other(end: End): End {
    return end === this.left ? this.right : this.left;
  }

  /** Waits until a program has made its device, and gives that its address. */
  async raise(end: End, program: Program, mtu: number): Promise<void> {
    await waitFor(`${end.name}'s ${DEVICE}`, async () => {
      if (!program.running) throw new GiveUp(`it ended:\n${program.stderr}${program.stdout}`);
      return (await end.namespace.run('ip', ['link', 'show', DEVICE])).code === 0;
    });
    await end.namespace.ip(
      `address add ${end.overlay}/24 dev ${DEVICE}`,
      `link set ${DEVICE} mtu ${mtu}`,
      `link set ${DEVICE} up`,
    );
  }

  /** From now on each end loses one percent of what reaches it. */
  async loseOnePercent(): Promise<void> {
    const rule = `iifname "eth0" numgen random mod ${ONE_IN} == 0 counter drop`;
    const input = `table inet loss {\n chain input {\n type filter hook input priority 0;\n ${rule}\n }\n}\n`;
    for (const { namespace } of this.ends) {
      // A datagram is what's lost, not the dozens that a sender handed over as one.
      await must(namespace, 'ethtool', '-K', 'eth0', 'tx-udp-segmentation', 'off', 'tso', 'off');
      const { code, stderr } = await namespace.run('nft', ['-f', '-'], { input });
      if (code !== 0) throw new Error(`nft: ${stderr}`);
    }
  }

  /** Processes on both ends. */
  async processes(): Promise<number[]> {
    // Asked from outside, so that who asks isn't among them.
    const lists = await Promise.all(this.ends.map(({ namespace }) => mustRun('ip', ['netns', 'pids', namespace.name])));
    return lists.flatMap((list) => list.split('\n').filter((pid) => pid !== '')).map(Number);
  }

  /** Ends everything that runs on it, and takes it away. */
  async remove(): Promise<void> {
    for (const { namespace } of this.ends) namespace.remove();
    const left = [...Program.running].filter((program) => !this.before.has(program));
    await Promise.all(left.map((program) => program.stop('SIGKILL')));
    releaseDirectory(this.directory);
  }
}

/** Runs a program that has to succeed in a namespace; its standard output. */
export async function must(namespace: Namespace, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr }: Result = await namespace.run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
  return stdout;
}
