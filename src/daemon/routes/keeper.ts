/** Keeps the system's routes to subnets behind members as they're chosen. */
import type { Cidr } from '../../core/ip.js';
import type { LocalAddress } from '../../core/local-address.js';
import type { NetworkInfo } from '../../rpc/network-info.js';
import type { Log } from '../log.js';
import { type Choice, chooseRoutes, installedSubnets, routeKey } from './choose.js';

/** A route in the system's table. */
export interface SystemRoute {
  /** E.g. `192.168.7.0/24`. */
  readonly subnet: string;
  readonly gateway: string;
  readonly device: string;
  /** The greater, the later it's taken. */
  readonly metric: number;
}

export interface RouteTable {
  /** Throws with the system's reason. */
  addRoute(route: SystemRoute): void;
  /** As `addRoute`; one that isn't there is as good as removed. */
  removeRoute(route: SystemRoute): void;
}

/** Above what people and DHCP clients give theirs: a route that's there already wins. */
const METRIC = 5_000;
/** A route that the system refused is asked for again after this long, in ms. */
const AGAIN_MS = 60_000;

export interface KeeperOptions {
  readonly table: RouteTable;
  readonly log: Log;
  now(): number;
  networks(): readonly NetworkInfo[];
  links(): readonly LocalAddress[];
  /** Subnets that lead into overlays are others now. Called before a route is added, and after one is removed. */
  routed(): void;
}

export class RouteKeeper {
  private choices: readonly Choice[] = [];
  /** Routes in the system's table, by `routeKey`. */
  private readonly added = new Map<string, Choice>();
  /** What the system refused, by `routeKey`: why and when. */
  private readonly refused = new Map<string, { readonly why: string; readonly at: number }>();

  constructor(private readonly options: KeeperOptions) {}

  /** What came of each subnet that the members of a network offer. */
  of(network: string): Choice[] {
    return this.choices.filter((choice) => choice.network === network);
  }

  /** Nothing that carries the mesh may lie in these. */
  subnets(): Cidr[] {
    return installedSubnets(this.choices);
  }

  /** Something may have changed: members, this machine's addresses, what's accepted. */
  look(): void {
    const chosen = chooseRoutes(this.options.networks(), this.options.links(), this.choices);
    const wanted = new Map(chosen.filter(isInstalled).map((choice) => [routeKey(choice), choice]));
    for (const [key, choice] of [...this.added]) if (!wanted.has(key)) this.remove(key, choice);
    for (const key of [...this.refused.keys()]) if (!wanted.has(key)) this.refused.delete(key);
    this.choose(chosen);
    for (const [key, choice] of wanted) if (!this.added.has(key)) this.add(key, choice);
    this.choose(chosen.map((choice) => this.withRefusal(choice)));
  }

  /** The system drops routes by itself when their link goes down. */
  restore(): void {
    for (const choice of this.added.values()) {
      try {
        this.options.table.addRoute(systemRoute(choice));
        this.tell(choice, 'a route was gone and is back');
      } catch {
        // It's still there; or its device isn't, and `look` is about to notice.
      }
    }
  }

  /** A device was made anew: its routes went with the one before. */
  deviceMade(device: string): void {
    for (const [key, choice] of [...this.added]) if (choice.device === device) this.added.delete(key);
  }

  close(): void {
    for (const [key, choice] of [...this.added]) this.remove(key, choice);
    this.choices = [];
  }

  private choose(choices: readonly Choice[]): void {
    const before = JSON.stringify(this.subnets());
    this.choices = choices;
    if (JSON.stringify(this.subnets()) !== before) this.options.routed();
  }

  private add(key: string, choice: Choice): void {
    const last = this.refused.get(key);
    if (last !== undefined && last.at + AGAIN_MS > this.options.now()) return;
    try {
      this.options.table.addRoute(systemRoute(choice));
      this.added.set(key, choice);
      this.refused.delete(key);
      this.tell(choice, 'route to a subnet behind a member added');
    } catch (error) {
      const why = `the system refuses it: ${error instanceof Error ? error.message : String(error)}`;
      this.refused.set(key, { why, at: this.options.now() });
      this.options.log.network(choice.network).warn({ subnet: choice.subnet, peer: choice.id, why }, 'route not added');
    }
  }

  private remove(key: string, choice: Choice): void {
    this.added.delete(key);
    try {
      this.options.table.removeRoute(systemRoute(choice));
    } catch {
      // Its device is gone, and the route with it.
    }
    this.tell(choice, 'route to a subnet behind a member removed');
  }

  private withRefusal(choice: Choice): Choice {
    const key = routeKey(choice);
    if (!isInstalled(choice) || this.added.has(key)) return choice;
    return { ...choice, state: 'refused', why: this.refused.get(key)?.why ?? null };
  }

  private tell({ network, subnet, id, gateway }: Choice, message: string): void {
    this.options.log.network(network).info({ subnet, peer: id, gateway }, message);
  }
}

function isInstalled({ state }: Choice): boolean {
  return state === 'installed';
}

function systemRoute({ subnet, gateway, device }: Choice): SystemRoute {
  return { subnet, gateway: gateway ?? '', device, metric: METRIC };
}
