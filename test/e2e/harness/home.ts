/**
 * A home: one host with a private address, behind a router that translates for it with a random port per destination, lets nobody in unasked,
 * and may run a miniupnpd (Debian's) that hands out port mappings.
 *
 *     host 192.168.77.2 ── inside 192.168.77.1, router, eth0 ── the rest of the stage
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.js';
import { roomBehind } from './nat.js';
import type { Program } from './shell.js';
import { waitFor } from './wait.js';

const INSIDE = { router: '192.168.77.1', host: '192.168.77.2' } as const;
const MINIUPNPD = '/usr/sbin/miniupnpd';

export type Spoken = 'pcp' | 'nat-pmp' | 'upnp';

export interface Granting {
  /** The one protocol that the router speaks; all of them if it's left out. */
  readonly only?: Spoken;
  /** Longest lifetime of a mapping by PCP or NAT-PMP, in seconds. */
  readonly maxLifetime?: number;
  /** Its own address is no public one, so that it refuses whatever is asked. */
  readonly refuses?: boolean;
}

export class Home {
  #granting: Program | null = null;

  private constructor(
    readonly router: Host,
    readonly host: Host,
  ) {}

  /** `router`: a host of the stage, with nothing behind it so far. */
  static async behind(router: Host, name: string): Promise<Home> {
    const host = await roomBehind(router, name, INSIDE, 24);
    await router.namespace.sysctl({ 'net/ipv4/ip_forward': 1 });
    await router.namespace.run('nft', ['-f', '-'], { input: RULES });
    return new Home(router, host);
  }

  /** Starts a miniupnpd on the router, and waits until it serves. */
  async grants({ only, maxLifetime = 3600, refuses = false }: Granting = {}): Promise<void> {
    const { router } = this;
    // It tells PCP and NAT-PMP apart by the version alone, and can't be told to speak only the older one.
    if (only === 'nat-pmp') await router.must('nft', 'add rule ip p2ptest own udp dport 5351 @th,64,8 2 drop');
    const config = join(router.directory, 'miniupnpd.conf');
    const lines = [
      'ext_ifname=eth0',
      'listening_ip=inside',
      'ipv6_disable=yes',
      'secure_mode=yes',
      `uuid=00000000-0000-0000-0000-000000000001`,
      `enable_natpmp=${only === 'upnp' ? 'no' : 'yes'}`,
      `enable_upnp=${only === undefined || only === 'upnp' ? 'yes' : 'no'}`,
      'min_lifetime=1',
      `max_lifetime=${maxLifetime}`,
      'upnp_table_name=filter',
      'upnp_nat_table_name=filter',
      'upnp_forward_chain=miniupnpd',
      'upnp_nat_chain=prerouting_miniupnpd',
      'upnp_nat_postrouting_chain=postrouting_miniupnpd',
      `allow 1024-65535 ${INSIDE.router}/24 1024-65535`,
      'deny 0-65535 0.0.0.0/0 0-65535',
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const program = router.start(
      refuses ? MINIUPNPD : miniupnpdForDocumentation(join(router.directory, 'miniupnpd')),
      ...['-d', '-f', config, '-P', join(router.directory, 'miniupnpd.pid')],
    );
    this.#granting = program;
    await waitFor(`${router.name}'s miniupnpd`, async () => {
      if (!program.running) throw new Error(program.stderr);
      return /:(1900|5351)\b/.test(await router.must('ss', '-uln'));
    });
  }

  async stopsGranting(): Promise<void> {
    await this.#granting?.stop('SIGTERM');
    this.#granting = null;
  }

  /** The external ports that the router lets in at this moment. */
  async openPorts(): Promise<number[]> {
    const rules = await this.router.must('nft', 'list', 'chain', 'inet', 'filter', 'prerouting_miniupnpd');
    return [...rules.matchAll(/udp dport (\d+)|th dport (\d+)/g)].map(([, udp, th]) => Number(udp ?? th));
  }

  /** The stage doesn't know the host: it's ended here. */
  async leave(): Promise<void> {
    if (this.host.daemonLog !== '') await this.host.killDaemon('SIGTERM');
    await this.stopsGranting();
    this.host.remove();
  }
}

const RULES = `
  table ip p2ptest {
    chain translate {
      type nat hook postrouting priority srcnat;
      oifname "eth0" masquerade fully-random
    }
    chain own {
      type filter hook input priority filter;
      iifname "eth0" meta l4proto udp ct state new drop
    }
  }
  table inet filter {
    chain forward {
      type filter hook forward priority filter;
      jump miniupnpd
      iifname "eth0" ct state new ct status & dnat == 0 drop
    }
    chain miniupnpd {
    }
    chain prerouting {
      type nat hook prerouting priority dstnat;
      jump prerouting_miniupnpd
    }
    chain prerouting_miniupnpd {
    }
    chain postrouting {
      type nat hook postrouting priority 90;
      jump postrouting_miniupnpd
    }
    chain postrouting_miniupnpd {
    }
  }
`;

/**
 * A copy of the system's miniupnpd that takes the documentation ranges for public addresses, as they are on our stages: it refuses to map
 * at all where its own address can't be reached from outside, and has them in its list of such.
 */
function miniupnpdForDocumentation(path: string): string {
  const program = readFileSync(MINIUPNPD);
  for (const range of [0xc0000200, 0xc6336400, 0xcb007100]) {
    // struct { uint32_t address; uint32_t rmask; } in the machine's own order; rmask: host bits.
    const entry = Buffer.from(Uint32Array.of(range, 8).buffer);
    const at = program.indexOf(entry);
    if (at === -1 || program.indexOf(entry, at + 1) !== -1)
      throw new Error(`${MINIUPNPD} has no list of reserved addresses where it was expected`);
    Buffer.from(Uint32Array.of(0xffffffff, 0).buffer).copy(program, at);
  }
  writeFileSync(path, program);
  chmodSync(path, 0o755);
  return path;
}
