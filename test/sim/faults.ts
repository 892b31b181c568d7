/** What goes wrong with networks and machines, one thing after the other or several at once, as a seed has it. Everything heals by itself. */
import type { SimHost, World } from './world.js';

/** How long a fault lasts, in ms. */
const LASTS = { least: 2_000, most: 40_000 } as const;

export class Faults {
  /** Which hosts each partition keeps apart: those in it from those outside. */
  private readonly partitions = new Set<(from: SimHost, to: SimHost) => boolean>();
  private addresses = 100;
  /** When the last sleeper is awake and the last interface is up again, of those that are known of now. */
  healedAt = 0;

  constructor(
    private readonly world: World,
    /** The members; a restarted one takes the place of its former self. */
    private readonly hosts: SimHost[],
    private readonly tell: (what: string) => void,
  ) {
    world.wire.passes = (from, to) => [...this.partitions].every((passes) => passes(from, to));
  }

  /** Lets something go wrong now. */
  strike(): void {
    const kinds = [
      () => this.weather(),
      () => this.partition(),
      () => this.oneWay(),
      () => this.sleep(),
      () => this.forgetMappings(),
      () => this.interfaceDown(),
      () => this.move(),
      () => this.restart(),
    ];
    this.world.pick(kinds)();
  }

  /** Ends what goes on; sleepers and interfaces that are down come back within LASTS.most. */
  end(): void {
    this.partitions.clear();
    Object.assign(this.world.wire, { loss: 0, duplicates: 0, corruption: 0, jitter: 10, delay: 5 });
  }

  private weather(): void {
    const { world } = this;
    const bad = { loss: 0.4, duplicates: 0.2, corruption: 0.1, jitter: 80, delay: 60 };
    const kind = world.pick(Object.keys(bad) as (keyof typeof bad)[]);
    const before = world.wire[kind];
    world.wire[kind] = bad[kind] * world.fraction();
    this.tell(`weather: ${kind} ${world.wire[kind].toFixed(2)}`);
    this.later(() => {
      world.wire[kind] = Math.min(before, world.wire[kind]);
    });
  }

  private partition(): void {
    const inside = new Set(this.hosts.filter(() => this.world.chance(0.5)).map(nameOf));
    this.tell(`partition: ${[...inside].join(' ')} | the rest`);
    this.partitioned((from, to) => inside.has(nameOf(from)) === inside.has(nameOf(to)));
  }

  private oneWay(): void {
    const a = nameOf(this.victim());
    const b = nameOf(this.world.pick(this.hosts.filter((host) => nameOf(host) !== a)));
    this.tell(`one way: nothing gets from ${a} to ${b}`);
    this.partitioned((from, to) => nameOf(from) !== a || nameOf(to) !== b);
  }

  private partitioned(passes: (from: SimHost, to: SimHost) => boolean): void {
    this.partitions.add(passes);
    this.later(() => this.partitions.delete(passes));
  }

  private sleep(): void {
    const [host, ms] = [this.victim(), this.duration()];
    const clock = this.world.chance(0.5) ? 'stands' : 'runs';
    this.tell(`${nameOf(host)} sleeps for ${seconds(ms)}, its clock ${clock}`);
    host.sleep(ms, clock);
    this.healedAt = Math.max(this.healedAt, this.world.clock.now + ms);
  }

  private forgetMappings(): void {
    const { nat } = this.victim().options;
    if (nat === undefined) return;
    this.tell(`the NAT ${nat.ip} forgets its mappings`);
    nat.reboot();
  }

  private interfaceDown(): void {
    const host = this.victim();
    this.tell(`the interface of ${nameOf(host)} goes down`);
    host.moveTo();
    this.healedAt = Math.max(
      this.healedAt,
      this.later(() => host.moveTo(host.ip)),
    );
  }

  private move(): void {
    const host = this.victim();
    const ip = `${host.ip.split('.').slice(0, 3).join('.')}.${this.addresses++ % 250}`;
    this.tell(`${nameOf(host)} moves to ${ip}`);
    host.moveTo(ip);
  }

  private restart(): void {
    const host = this.victim();
    const { remembered, master, options } = host;
    if (this.world.chance(0.5)) {
      host.input({ kind: 'leave' });
      this.tell(`${nameOf(host)} leaves and comes back`);
    } else this.tell(`${nameOf(host)} is killed and comes back`);
    host.kill();
    const bootCounter = (options.bootCounter ?? 1) + 1;
    this.hosts[this.hosts.indexOf(host)] = this.world.host({
      ...options,
      ip: host.ip,
      master,
      remembered,
      bootCounter,
    });
  }

  /** One that's awake. */
  private victim(): SimHost {
    return this.world.pick(this.hosts.filter(({ isAwake }) => isAwake));
  }

  private duration(): number {
    return LASTS.least + this.world.fraction() * (LASTS.most - LASTS.least);
  }

  /** Lets it happen after a while; gives when. */
  private later(run: () => void): number {
    const at = this.world.clock.now + this.duration();
    this.world.clock.at(at, run);
    return at;
  }
}

export function nameOf(host: SimHost): string {
  return host.options.overlay;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
