/**
 * The stages on which the tests play, as network namespaces of this machine. Debian packages that they need:
 * curl ethtool faketime iperf3 iproute2 iputils-arping iputils-ping miniupnpd-nftables nftables python3 systemd tcpdump util-linux.
 *
 *   LAN                                       routed
 *        ┌────── bridge ──────┐                    ┌────── router ──────┐
 *        │         │          │               .1   │         │          │
 *       ada       bob       cleo                  ada       bob       cleo
 *   192.0.2.1  192.0.2.2  192.0.2.3       192.0.2.10  198.51.100.10  203.0.113.10
 *   2001:db8::1 …                         2001:db8:1::10  2001:db8:2::10 …
 *
 * On the routed one no multicast or broadcast gets from one host to another. Its subnets are /26: a fourth host has 192.0.2.74.
 */
import { Host, type HostAddresses } from './host.js';
import { Namespace } from './namespace.js';
import { Program } from './shell.js';

const SUBNETS = ['192.0.2', '198.51.100', '203.0.113'];
const MAX_ROUTED = SUBNETS.length * 4;
/** Of a daemon's log, how much a failed test shows: lines. */
const LOG_LINES = 60;

type Hosts<Name extends string> = Readonly<Record<Name, Host>>;

/** Plays a scene with hosts on one LAN. */
export function onLan<const Name extends string>(
  names: readonly Name[],
  play: (hosts: Hosts<Name>, middle: Namespace) => Promise<void>,
): Promise<void> {
  return stage(names, play, layLan);
}

/** Plays a scene with at most twelve hosts, each in a subnet of its own. */
export function onRoutedSubnets<const Name extends string>(
  names: readonly Name[],
  play: (hosts: Hosts<Name>, middle: Namespace) => Promise<void>,
): Promise<void> {
  return stage(names, play, layRoutes);
}

type Layer = (middle: Namespace, name: string, index: number) => Promise<Host>;

async function stage<Name extends string>(
  names: readonly Name[],
  play: (hosts: Hosts<Name>, middle: Namespace) => Promise<void>,
  lay: Layer,
): Promise<void> {
  const before = new Set(Program.running);
  const middle = await Namespace.make('middle');
  const hosts: Host[] = [];
  try {
    for (const [index, name] of names.entries()) hosts.push(await lay(middle, name, index));
    const byName = Object.fromEntries(hosts.map((host) => [host.name, host])) as Hosts<Name>;
    await play(byName, middle);
    const crashed = hosts.find((host) => host.daemonCrashed);
    if (crashed !== undefined) throw new Error(`${crashed.name}'s daemon ended by itself`);
  } catch (error) {
    for (const host of hosts) await showEnd(host);
    throw error;
  } finally {
    const left = [...Program.running].filter((program) => !before.has(program));
    await Promise.all(left.map((program) => program.stop('SIGKILL')));
    for (const host of hosts) host.remove();
    middle.remove();
  }
}

async function layLan(middle: Namespace, name: string, index: number): Promise<Host> {
  if (index === 0) {
    // A bridge without a querier floods multicast; told so, it does without the minute of waiting for one.
    await middle.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
  }
  const addresses = { ipv4: `192.0.2.${index + 1}`, ipv6: `2001:db8::${index + 1}` };
  const host = await layHost(middle, name, addresses, 24);
  await middle.ip(`link set ${name} master br0`);
  return host;
}

async function layRoutes(middle: Namespace, name: string, index: number): Promise<Host> {
  if (index >= MAX_ROUTED) throw new Error(`there are ${MAX_ROUTED} subnets for routed hosts`);
  const net = SUBNETS[index % SUBNETS.length];
  const first = Math.floor(index / SUBNETS.length) * 64;
  if (index === 0) await middle.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
  const subnet6 = `2001:db8:${index + 1}:`;
  const host = await layHost(middle, name, { ipv4: `${net}.${first + 10}`, ipv6: `${subnet6}:10` }, 26);
  await middle.ip(`address add ${net}.${first + 1}/26 dev ${name}`, `address add ${subnet6}:1/64 dev ${name} nodad`);
  await host.namespace.ip(`route add default via ${net}.${first + 1}`, `route add default via ${subnet6}:1`);
  return host;
}

/** A host whose eth0 leads to the interface of its name in the middle. */
async function layHost(middle: Namespace, name: string, addresses: HostAddresses, prefix: number): Promise<Host> {
  const namespace = await Namespace.make(name);
  await namespace.ip(`link add eth0 type veth peer name ${name} netns ${middle.name}`);
  // Duplicate address detection would take a second before IPv6 works.
  await namespace.sysctl({ 'net/ipv6/conf/eth0/accept_dad': 0 });
  await middle.sysctl({ [`net/ipv6/conf/${name}/accept_dad`]: 0 });
  await namespace.ip(
    `address add ${addresses.ipv4}/${prefix} dev eth0`,
    `address add ${addresses.ipv6}/64 dev eth0 nodad`,
    'link set eth0 up',
  );
  await middle.ip(`link set ${name} up`);
  return new Host(name, namespace, addresses);
}

/** What a person would look at first when a scene has failed. */
async function showEnd(host: Host): Promise<void> {
  if (host.daemonLog === '') return;
  const status = await host.p2p('status');
  const log = host.daemonLog.split('\n').slice(-LOG_LINES).join('\n');
  console.error(
    `--- ${host.name}: p2p status (exit code ${status.code})\n${status.stdout}${status.stderr}--- its daemon's log\n${log}`,
  );
}
