/** An address of one of this machine's own interfaces; never one of an overlay. */
export interface LocalAddress {
  /** Interface name, e.g. `eth0`. */
  readonly device: string;
  /** Interface number, the zone of its link-local addresses. */
  readonly zone: string;
  readonly ip: string;
  /** Prefix length in bits. */
  readonly prefix: number;
}
