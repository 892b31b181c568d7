/** Which of the subnets that members offer lead to whom: pure, from what's known of all networks at one moment. */
import { endpointParts, parseEndpoint } from '../../core/endpoint.js';
import { type Cidr, contains, inSubnet, isIpv6, overlap, parseCidr } from '../../core/ip.js';
import type { LocalAddress } from '../../core/local-address.js';
import { PRIVATE, parseRoute } from '../../rpc/address-fields.js';
import type { MemberRoute, NetworkInfo, PeerInfo } from '../../rpc/network-info.js';

/** Routes of members that a daemon installs at most. */
const MAX_INSTALLED = 256;

/** What came of one subnet that one member offers. */
export interface Choice extends MemberRoute {
  /** Of the network. */
  readonly network: string;
  readonly device: string;
}

/** A member's offer, as far as it has got. */
interface Offer {
  readonly network: NetworkInfo;
  readonly peer: PeerInfo;
  readonly subnet: string;
  readonly isHeld: boolean;
}

/**
 * `links`: this machine's addresses on the underlay. `before`: the last answer; who holds a subnet keeps it while it can be reached. Of others who offer
 * the same addresses the one with the shortest round trip gets them.
 */
export function chooseRoutes(
  networks: readonly NetworkInfo[],
  links: readonly LocalAddress[],
  before: readonly Choice[],
): Choice[] {
  const running = networks.filter(({ state }) => state === 'running');
  const offers = running
    .filter(({ acceptRoutes }) => acceptRoutes.length > 0)
    .flatMap((each) => offersIn(each, before));
  const taken = claims(running, links);
  const installed: Choice[] = [];
  const choices = offers.sort(bestFirst).map((offer) => {
    const choice = choose(offer, taken, installed);
    if (choice.state === 'installed') installed.push(choice);
    return choice;
  });
  return choices;
}

function offersIn(network: NetworkInfo, before: readonly Choice[]): Offer[] {
  const held = before.filter((choice) => choice.network === network.id && choice.state === 'installed');
  return network.peers.flatMap((peer) =>
    peer.routes.map((subnet) => ({
      network,
      peer,
      subnet,
      isHeld: held.some((choice) => choice.id === peer.id && choice.subnet === subnet),
    })),
  );
}

function bestFirst(a: Offer, b: Offer): number {
  if (a.isHeld !== b.isHeld) return a.isHeld ? -1 : 1;
  const rtt = ({ peer }: Offer) => peer.rttMs ?? Number.MAX_VALUE;
  return rtt(a) - rtt(b) || (a.peer.id < b.peer.id ? -1 : 1);
}

function choose(offer: Offer, taken: readonly Claim[], installed: readonly Choice[]): Choice {
  const { network, peer, subnet } = offer;
  const gateway = gatewayOf(offer);
  const choice = { network: network.id, device: network.device, subnet, id: peer.id, name: peer.name, gateway };
  const refused = refusal(offer, gateway, taken);
  if (refused !== null) return { ...choice, state: 'refused', why: refused };
  // One that's silent for a moment keeps what it has: its traffic must not go another way meanwhile.
  const isThere = peer.state === 'connected' || (offer.isHeld && peer.state === 'connecting');
  if (!isThere) return { ...choice, state: 'standby', why: 'it is not connected' };
  const other = installed.find((each) => clashes(each, choice));
  if (other !== undefined)
    return { ...choice, state: 'standby', why: `${other.subnet} leads to ${other.name} (${other.id})` };
  if (installed.length >= MAX_INSTALLED)
    return { ...choice, state: 'refused', why: `there are ${MAX_INSTALLED} routes already` };
  return { ...choice, state: 'installed', why: null };
}

/** A member may offer a subnet and a part of it; what's another's it may not take a part of. */
function clashes(installed: Choice, { network, id, subnet }: Pick<Choice, 'network' | 'id' | 'subnet'>): boolean {
  const isSame = installed.network === network && installed.id === id && installed.subnet !== subnet;
  return !isSame && overlap(cidr(installed.subnet), cidr(subnet));
}

function refusal({ network, subnet }: Offer, gateway: string | null, taken: readonly Claim[]): string | null {
  try {
    parseRoute(subnet);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const wanted = cidr(subnet);
  if (!network.acceptRoutes.some((accepted) => accepts(accepted, wanted)))
    return `it is not in what is accepted: ${network.acceptRoutes.join(', ')}`;
  if (gateway === null) return 'the member has no address of that family in the network';
  return taken.find((claim) => overlap(claim.subnet, wanted))?.why ?? null;
}

/** RFC 1918, RFC 6598, RFC 4193: nobody's services on the internet are there. */
const PRIVATE_SUBNETS = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];

function accepts(accepted: string, wanted: Cidr): boolean {
  const subnets = accepted === PRIVATE ? PRIVATE_SUBNETS : [accepted];
  return subnets.some((subnet) => contains(cidr(subnet), wanted));
}

/** The member's overlay address in our own subnet: what its frames are sent to. */
function gatewayOf({ network, peer, subnet }: Offer): string | null {
  const own = network.addresses.map(cidr);
  const addresses = peer.addresses.map((address) => cidr(address).ip);
  const usable = addresses.filter((ip) => isIpv6(ip) === isIpv6(subnet) && own.some((each) => inSubnet(ip, each)));
  return usable[0] ?? null;
}

/** Addresses that no route may take, and why. */
interface Claim {
  readonly subnet: Cidr;
  readonly why: string;
}

function claims(networks: readonly NetworkInfo[], links: readonly LocalAddress[]): Claim[] {
  const overlays = networks.flatMap(({ addresses, device }) =>
    addresses.map((address) => ({ subnet: cidr(address), why: `${address} is this machine's own on ${device}` })),
  );
  const offered = networks.flatMap(({ routes, device }) =>
    routes.map((route) => ({ subnet: cidr(route), why: `this machine offers ${route} itself on ${device}` })),
  );
  const local = links.map(({ ip, prefix, device }) => ({
    subnet: { ip, prefix },
    why: `this machine is in ${ip}/${prefix} by ${device}`,
  }));
  const endpoints = networks.flatMap(endpointsIn).map((ip) => ({
    subnet: { ip, prefix: isIpv6(ip) ? 128 : 32 },
    why: `what carries the mesh itself goes to ${ip} in it`,
  }));
  return [...overlays, ...offered, ...local, ...endpoints];
}

/** IP addresses to which datagrams go now. */
function endpointsIn({ peers, relays }: NetworkInfo): string[] {
  const direct = peers.filter(({ path }) => path === 'lan' || path === 'direct').map(({ endpoint }) => endpoint);
  return [...direct, ...relays.map(({ endpoint }) => endpoint)].flatMap((endpoint) => addressOf(endpoint ?? ''));
}

function addressOf(text: string): string[] {
  const endpoint = parseEndpoint(text);
  return endpoint === null ? [] : [endpointParts(endpoint).ip];
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === null) throw new RangeError(`expected ADDRESS/PREFIX, got ${text}`);
  return parsed;
}

/** What tells one route in the kernel from another. */
export function routeKey({ device, subnet, gateway }: Choice): string {
  return [device, subnet, gateway].join();
}

/** Subnets that lead into overlays: no way to a member may lie in one. */
export function installedSubnets(choices: readonly Choice[]): Cidr[] {
  return choices.filter(({ state }) => state === 'installed').map(({ subnet }) => cidr(subnet));
}
