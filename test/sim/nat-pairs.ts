/** Two members, each behind a kind of NAT in RFC 4787's words, who know of each other by the DHT: who can meet, and the world in which they try. */
import { type Filtering, type Mapping, Nat } from './nat.js';
import { type SimHost, World } from './world.js';

const MAPPINGS: readonly Mapping[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];
const FILTERINGS: readonly Filtering[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

export interface Side {
  readonly name: string;
  readonly nat: ((ip: string) => Nat) | null;
}

export const SIDES: readonly Side[] = [
  { name: 'open', nat: null },
  ...MAPPINGS.flatMap((mapping) =>
    FILTERINGS.map((filtering) => ({
      name: `${mapping} mapping, ${filtering} filtering`,
      nat: (ip: string) => new Nat(ip, mapping, filtering, 20_000),
    })),
  ),
];

/** Whether punching can work at all: one side's datagram gets to where the other is known to be, and the reply back. */
export function canMeet(a: Side, b: Side): boolean {
  return kindsMeet(kindOf(a.nat?.('203.0.113.1')), kindOf(b.nat?.('203.0.113.1')));
}

/**
 * Whether two members behind these NATs (undefined: none) can meet whatever happens to mappings. Behind one and the same they meet inside. Where both map
 * by destination, they only meet by the mapping that one has for the DHT's nodes, which is gone unnoticed when its NAT forgets.
 */
export function canMeetThrough(a: Nat | undefined, b: Nat | undefined): boolean {
  if (a !== undefined && a === b) return true;
  const [one, other] = [kindOf(a), kindOf(b)];
  return (one.isKnownPort || other.isKnownPort) && kindsMeet(one, other);
}

function kindsMeet(a: Kind, b: Kind): boolean {
  return opens(a, b) || opens(b, a);
}

/** Each member is known by the mapping that it has for the DHT's nodes; only an endpoint-independent one is the one that it has for others too. */
function opens(from: Kind, to: Kind): boolean {
  const isLetIn = to.isOpen || (to.isKnownPort && (to.filtering === 'address-dependent' || from.isKnownPort));
  const isReplyLetIn = from.filtering !== 'address-and-port-dependent' || to.isKnownPort;
  return isLetIn && isReplyLetIn;
}

interface Kind {
  readonly isKnownPort: boolean;
  readonly isOpen: boolean;
  readonly filtering: Filtering;
}

function kindOf(nat: Nat | undefined): Kind {
  const filtering = nat?.filtering ?? 'endpoint-independent';
  return {
    isKnownPort: (nat?.mapping ?? 'endpoint-independent') === 'endpoint-independent',
    isOpen: filtering === 'endpoint-independent',
    filtering,
  };
}

function place(world: World, side: Side, n: number): SimHost {
  const nat = side.nat?.(`203.0.113.${n}`);
  const ip = nat === undefined ? `198.51.100.${n}` : '192.168.1.10'; // both the same: private addresses often are
  return world.host({ ip, overlay: `10.10.10.${n}`, ...(nat === undefined ? {} : { nat }) });
}

export function meet(a: Side, b: Side, seed: number) {
  const world = new World(seed);
  world.wire.sharesLan = () => false;
  const nodes = [world.reflector('192.0.2.200'), world.reflector('198.51.100.200')];
  const hosts = [place(world, a, 1), place(world, b, 2)] as const;
  for (const host of hosts) host.input({ kind: 'dht-nodes', nodes, isTrusted: false });
  for (let at = 300; at < 30_000; at += 1_000) world.clock.at(at, () => world.publish());
  return { world, hosts };
}
