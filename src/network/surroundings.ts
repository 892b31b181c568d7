/** Where this machine stands on the underlay: what's on-link, and which endpoints make sense as candidates. */
import { type Endpoint, endpointParts } from '../core/endpoint.js';
import { type Cidr, inSubnet, isIpv6, isLinkLocal, isUsable } from '../core/ip.js';
import type { LocalAddress } from '../core/local-address.js';
import type { DirectKind } from '../paths/candidate.js';

export class Surroundings {
  private addresses: readonly LocalAddress[] = [];

  constructor(
    private readonly overlays: readonly Cidr[],
    private readonly port: number,
  ) {}

  set(addresses: readonly LocalAddress[]): void {
    this.addresses = addresses;
  }

  kindOf(endpoint: Endpoint): DirectKind {
    const { ip } = endpointParts(endpoint);
    const onLink = (isIpv6(ip) && isLinkLocal(ip)) || this.addresses.some((local) => inSubnet(ip, local));
    return onLink ? 'lan' : 'direct';
  }

  /** Whether a peer may be looked for there: not inside the overlay itself, and not this very daemon. */
  isCandidate(endpoint: Endpoint): boolean {
    if (!isUsable(endpoint)) return false;
    const { ip, port } = endpointParts(endpoint);
    if (this.overlays.some((overlay) => inSubnet(ip, overlay))) return false;
    return port !== this.port || !this.addresses.some((local) => local.ip === ip);
  }
}
