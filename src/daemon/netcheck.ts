/** Who can reach this machine, and what stands in the way: what the networks know, put together for a person. */
import { endpointParts, parseEndpoint } from '../core/endpoint.js';
import { isIpv6, isLinkLocal, isPrivate } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { DefaultRoute } from '../core/port-mapping.js';
import type { NetworkDetails } from '../network/io.js';
import type { Netcheck, NetcheckNetwork } from '../rpc/netcheck.js';
import type { NetworkInfo } from '../rpc/network-info.js';

/** This machine's way to the rest of the world by IPv4. */
export interface WayOut {
  readonly addresses: readonly LocalAddress[];
  readonly route: DefaultRoute | null;
}

/** What of a running network is looked at; `RunningNetwork` is one. */
export interface Checked {
  details(): Pick<NetworkDetails, 'nat' | 'outside'>;
  readonly discovery: { dhtNodes(): { readonly where: string; readonly nodes: number } };
  upMs(): number;
}

/** Until a network has been up for this long, in ms, silence says nothing. */
const SETTLED = 10_000;

type Udp = NetcheckNetwork['udp'];
type Reach = NetcheckNetwork['reach'];

export function describeMachine(
  addresses: readonly LocalAddress[],
  ipv4: DefaultRoute | null,
  ipv6: Pick<DefaultRoute, 'gateway' | 'device'> | null,
): Pick<Netcheck, 'addresses' | 'routes'> {
  return {
    addresses: addresses.map(({ device, ip }) => ({ device, ip, scope: scopeOf(ip) })),
    routes: {
      ipv4: ipv4 === null ? null : { gateway: ipv4.gateway, device: ipv4.device },
      ipv6: ipv6 === null ? null : { gateway: ipv6.gateway, device: ipv6.device },
    },
  };
}

/** `running`: null if the network isn't up. */
export function checkNetwork(info: NetworkInfo, running: Checked | null, way: WayOut): NetcheckNetwork {
  const { id, device, state, port, lan, portMapping } = info;
  const { nat, outside } = running?.details() ?? {
    nat: 'unknown' as const,
    outside: { asked: 0, answered: 0, seen: [] },
  };
  const { where, nodes } = running?.discovery.dhtNodes() ?? { where: 'off', nodes: 0 };
  const connected = { lan: 0, direct: 0, relay: 0 };
  for (const { path, state: member } of info.peers) if (member === 'connected' && path !== 'none') connected[path]++;
  const udp = udpState(outside.answered + connected.direct, where, running?.upMs() ?? 0);
  const isUp = running !== null && state === 'running';
  const reach = isUp
    ? reachOf({ mapped: portMapping.state === 'mapped', udp, nat, seen: outside.seen, way })
    : 'not-running';
  return {
    ...{ id, device, state, port, lan, connected, udp, nat, portMapping, reach },
    dht: { where, state: info.dht, nodes },
    outside: { ...outside, seen: [...outside.seen] },
    members: info.peers.length,
    open: opening(reach, where, portMapping.attempts, port, way.route),
  };
}

/** `heard`: those outside the LAN whose datagrams came here lately. */
function udpState(heard: number, dht: string, upMs: number): Udp {
  if (heard > 0) return 'works';
  return dht !== 'off' && upMs > SETTLED ? 'no-answer' : 'unknown';
}

interface Facts {
  readonly mapped: boolean;
  readonly udp: Udp;
  readonly nat: NetcheckNetwork['nat'];
  readonly seen: readonly string[];
  readonly way: WayOut;
}

function reachOf({ mapped, udp, nat, seen, way }: Facts): Reach {
  const hasGlobal6 = way.addresses.some(({ ip }) => isIpv6(ip) && scopeOf(ip) === 'global');
  if (way.route === null && !hasGlobal6 && udp !== 'works') return 'no-route';
  if (udp === 'no-answer') return 'no-udp';
  if (mapped) return 'mapped';
  if (nat === 'none' && seen.some(isGlobalEndpoint)) return 'public';
  if (nat === 'endpoint-independent') return 'most';
  return nat === 'dependent' ? 'reachable' : 'unknown';
}

/** Opening a port by hand helps where a NAT keeps others out, seen or sure to be there, unless there's another NAT before that one. */
function opening(
  reach: Reach,
  dht: string,
  attempts: NetworkInfo['portMapping']['attempts'],
  port: number,
  route: DefaultRoute | null,
): NetcheckNetwork['open'] {
  if (route === null) return null;
  const isHidden = reach === 'unknown' && dht === 'off' && isPrivate(route.local);
  const helps = reach === 'most' || reach === 'reachable' || isHidden;
  if (!helps || attempts.some(({ reason }) => reason === 'private')) return null;
  return { port, router: route.gateway, to: route.local };
}

function isGlobalEndpoint(text: string): boolean {
  const endpoint = parseEndpoint(text);
  return endpoint !== null && scopeOf(endpointParts(endpoint).ip) === 'global';
}

function scopeOf(ip: string): Netcheck['addresses'][number]['scope'] {
  if (isLinkLocal(ip)) return 'link';
  return isPrivate(ip) ? 'private' : 'global';
}
