/** Where this machine stands on the underlay: what's on-link, and which endpoints make sense as candidates. */
import { endpointParts } from '../core/endpoint.js';
import { type Cidr, inSubnet, isIpv6, isLinkLocal, isUsable } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import { isRelayWay, type Way } from '../core/way.js';
import type { CandidateKind } from '../paths/candidate.js';

export class Surroundings {
  private addresses: readonly LocalAddress[] = [];
  private others: readonly Cidr[] = [];
  private forwardOnly = false;

  /** `own`: has the subnets of this very network. */
  constructor(
    private readonly own: { readonly addresses: readonly Cidr[] },
    private readonly port: number,
  ) {}

  setAddresses(addresses: readonly LocalAddress[]): void {
    this.addresses = addresses;
  }

  /** Subnets of the other networks of this daemon. Says whether they're others than before. */
  setOverlays(subnets: readonly Cidr[]): boolean {
    const changed = JSON.stringify(subnets) !== JSON.stringify(this.others);
    this.others = subnets;
    return changed;
  }

  /** Subnets that this machine is in, but for those of this network. */
  local(): readonly Cidr[] {
    return [...this.addresses, ...this.others];
  }

  /** Relays are all that there is, whatever else is known. */
  setForwardOnly(on: boolean): void {
    this.forwardOnly = on;
  }

  kindOf(endpoint: Way): CandidateKind {
    if (isRelayWay(endpoint)) return 'relay';
    const { ip } = endpointParts(endpoint);
    const onLink = (isIpv6(ip) && isLinkLocal(ip)) || this.addresses.some((local) => inSubnet(ip, local));
    return onLink ? 'lan' : 'direct';
  }

  /** Whether a peer may be looked for there: not inside an overlay, and not this very daemon. */
  isCandidate(endpoint: Way): boolean {
    if (isRelayWay(endpoint)) return true;
    if (this.forwardOnly) return false;
    if (!isUsable(endpoint) || this.isInside(endpoint)) return false;
    const { ip, port } = endpointParts(endpoint);
    return port !== this.port || !this.addresses.some((local) => local.ip === ip);
  }

  /** Whether it's an address of an overlay, or one on a link that isn't the underlay's: a mesh must never run through a mesh. */
  isInside(endpoint: Way): boolean {
    if (isRelayWay(endpoint)) return false;
    const { ip, zone } = endpointParts(endpoint);
    if (zone !== null) return !this.addresses.some((local) => local.zone === zone);
    return [...this.own.addresses, ...this.others].some((overlay) => inSubnet(ip, overlay));
  }
}
