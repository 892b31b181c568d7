/** As Docker, Podman, CNI, LXC, LXD, Incus, libvirt, Hyper-V and WSL name the bridges on which they put their guests. */
const CONTAINER_BRIDGE =
  /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|(cni-)?podman\d+|cni\d+|lxcbr\d+|lxdbr\d+|incusbr\d+|virbr\d+|vEthernet \((Default Switch|WSL.*)\))$/;

export function isContainerBridge(device: string): boolean {
  return CONTAINER_BRIDGE.test(device);
}

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
