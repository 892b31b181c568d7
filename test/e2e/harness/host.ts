/** A machine of a test: a network namespace with one underlay interface, `eth0`, and perhaps a daemon. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call } from '../../../src/rpc/client.js';
import type { NetworkInfo, PeerInfo } from '../../../src/rpc/network-info.js';
import { Capture } from './capture.js';
import { Daemon, type DaemonOptions } from './daemon.js';
import type { Namespace } from './namespace.js';
import { uniqueName } from './owner.js';
import { FRAMES_TOOL, P2P, PYTHON } from './places.js';
import { type Program, plainEnvironment, type Result } from './shell.js';
import { type NetworkLines, parseStatus } from './status.js';
import { ownDirectory, releaseDirectory } from './teardown.js';
import { waitFor } from './wait.js';

export interface HostAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** What a command of p2p answered. */
export interface Answer extends Result {
  /** Its standard output, read as JSON. */
  json(): unknown;
}

export class Host {
  /** For its files; removed with it. */
  readonly directory: string;
  #daemon: Daemon | null = null;

  constructor(
    readonly name: string,
    readonly namespace: Namespace,
    readonly addresses: HostAddresses,
  ) {
    this.directory = mkdtempSync(join(tmpdir(), `${uniqueName(name)}-`));
    ownDirectory(this.directory);
  }

  run(command: string, ...args: string[]): Promise<Result> {
    return this.namespace.run(command, args);
  }

  /** Like `run`, of a program that has to succeed; its standard output. */
  async must(command: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0)
      throw new Error(`${this.name}$ ${command} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
    return stdout;
  }

  /** Starts a program that stays. */
  start(command: string, ...args: string[]): Program {
    return this.namespace.start(command, args);
  }

  /** Leaves IPv4 as the only way to it. */
  async useIpv4Only(): Promise<void> {
    await this.namespace.sysctl({ 'net/ipv6/conf/eth0/disable_ipv6': 1 });
  }

  /** Starts its daemon and waits until that answers. */
  async daemon(options: DaemonOptions = {}): Promise<Daemon> {
    this.#daemon = await Daemon.start(this.namespace, this.name, this.directory, options);
    return this.#daemon;
  }

  /** Starts a daemon beside its own, with the same or other files, and doesn't wait. */
  launchDaemon(subdirectory: string, options: DaemonOptions = {}): Promise<Daemon> {
    const directory = join(this.directory, subdirectory);
    mkdirSync(directory, { recursive: true });
    return Daemon.launch(this.namespace, this.name, directory, options);
  }

  get daemonLog(): string {
    return this.#daemon?.log ?? '';
  }

  get daemonCrashed(): boolean {
    return this.#daemon?.crashed ?? false;
  }

  get daemonPid(): number {
    return this.#running().pid;
  }

  get socket(): string {
    return join(this.directory, 'p2p.sock');
  }

  /** Ends its daemon; the exit code. */
  killDaemon(signal: NodeJS.Signals): Promise<number> {
    return this.#running().stop(signal);
  }

  /** Runs a command of p2p against its daemon. */
  async p2p(...args: string[]): Promise<Answer> {
    const env = { ...plainEnvironment(), P2P_SOCKET: this.socket };
    const result = await this.namespace.run(this.#daemon?.p2p ?? P2P, args, { env });
    return { ...result, json: () => JSON.parse(result.stdout) as unknown };
  }

  /** Like `p2p`, of a command that has to succeed; its standard output. */
  async mustP2p(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.p2p(...args);
    if (code !== 0) throw new Error(`${this.name}$ p2p ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`);
    return stdout;
  }

  async status(): Promise<NetworkLines[]> {
    return parseStatus(await this.mustP2p('status'));
  }

  /** Starts a network on its daemon; what the daemon says of it. */
  async joins(hash: string, ip: string, ...options: string[]): Promise<NetworkInfo> {
    await this.mustP2p('start', '-hash', hash, '-ip', ip, ...options);
    return this.network(hash);
  }

  /** Everything that its daemon says of a network. */
  async network(hash: string): Promise<NetworkInfo> {
    const { networks } = await call(this.socket, 'daemon.status', { hash });
    const [network] = networks;
    if (network === undefined) throw new Error(`${this.name} is in no such network`);
    return network;
  }

  /** What its daemon says of the member with that overlay address; rejects if it knows none. */
  async member(hash: string, ip: string): Promise<PeerInfo> {
    const { peers } = await this.network(hash);
    const member = peers.find(({ addresses }) => addresses.some((address) => address.split('/', 1)[0] === ip));
    if (member === undefined) throw new Error(`${this.name} knows no member with ${ip}`);
    return member;
  }

  /** Waits until the member with that overlay address is connected. */
  async meets(hash: string, ip: string, seconds = 30): Promise<void> {
    await this.mustP2p('wait', '-hash', hash, '-check', ip, '--timeout', String(seconds));
  }

  /** Waits until `ip` answers a ping; `options` go to ping(8). */
  async pings(ip: string, ...options: string[]): Promise<void> {
    await waitFor(`${this.name}$ ping ${ip}`, async () => {
      const { code, stdout, stderr } = await this.run('ping', '-n', '-c', '1', '-W', '1', ...options, ip);
      if (code !== 0) throw new Error(stdout + stderr);
      return true;
    });
  }

  /** Names of the interfaces that it has at this moment. */
  async interfaces(): Promise<string[]> {
    const links = JSON.parse(await this.must('ip', '-json', 'link')) as { ifname: string }[];
    return links.map(({ ifname }) => ifname);
  }

  /** The MAC of one of its interfaces: six pairs of hex digits without colons. */
  async mac(device: string): Promise<string> {
    const links = JSON.parse(await this.must('ip', '-json', 'link', 'show', device)) as { address: string }[];
    return (links[0]?.address ?? '').replaceAll(':', '');
  }

  /** Captures all frames of an interface from now on. */
  capture(device: string): Promise<Capture> {
    return Capture.start(this.namespace, device);
  }

  /** Sends raw frames (hex, with Ethernet header, without FCS) out of an interface. */
  async sendFrames(device: string, ...frames: string[]): Promise<void> {
    const input = frames.map((frame) => `${frame}\n`).join('');
    const { code, stderr } = await this.namespace.run(PYTHON, [FRAMES_TOOL, 'send', device], { input });
    if (code !== 0) throw new Error(`${this.name}: sending raw frames on ${device} failed:\n${stderr}`);
  }

  remove(): void {
    this.namespace.remove();
    releaseDirectory(this.directory);
  }

  #running(): Daemon {
    if (this.#daemon === null) throw new Error(`${this.name} has no daemon`);
    return this.#daemon;
  }
}
