/** One run from a seed: homes behind NATs and open machines, that find each other by a rendezvous, while everything goes wrong and somebody attacks. */
import { randomInt } from 'node:crypto';
import type { Endpoint } from '../../src/core/endpoint.js';
import { Apart, CONVERGES_WITHIN, hasPath } from './apart.js';
import { Attacker } from './attacker.js';
import { Faults, nameOf } from './faults.js';
import { Invariants } from './invariants.js';
import { type Filtering, type Mapping, Nat } from './nat.js';
import { type SimHost, World } from './world.js';

/** How long things go wrong, in ms of virtual time. */
const CHAOS = 180_000;
/** How often the rendezvous hands records round, somebody speaks, the attacker strikes and something breaks; in ms. */
const EVERY = { publish: 5_000, speak: 400, attack: 500, fault: 6_000 } as const;
const FILTERINGS: readonly Filtering[] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'];

/** Half the homes have the usual kind. */
const MAPPINGS: readonly Mapping[] = [
  'endpoint-independent',
  'endpoint-independent',
  'address-dependent',
  'address-and-port-dependent',
];

export interface Outcome {
  readonly seed: number;
  /** What happened, a line each. */
  readonly story: readonly string[];
  /** What was broken; null if nothing was. */
  readonly failure: string | null;
  readonly framesDelivered: number;
  /** How long it took until all were connected after the last fault, in ms; null if they weren't in time. */
  readonly convergedMs: number | null;
}

/** Plays the scenario; the same seed makes the same run. */
export function play(seed: number, members = 8): Outcome {
  const world = new World(seed);
  world.isRecording = false;
  const story: string[] = [];
  const tell = (what: string) => story.push(`${(world.clock.now / 1000).toFixed(1).padStart(7)} s  ${what}`);
  const invariants = new Invariants(world);
  let convergedMs: number | null = null;
  let failure: string | null = null;
  try {
    const hosts = settle(world, members, tell);
    const apart = new Apart(world, hosts);
    disturb(world, hosts, invariants, tell);
    convergedMs = world.clock.runUntilTrue(() => allTogether(world, hosts), CONVERGES_WITHIN, 'all are connected', 100);
    tell(`all that can be are connected ${(convergedMs / 1000).toFixed(1)} s after the last fault`);
    tell(`no two were apart for longer than ${(apart.longest / 1000).toFixed(0)} s while there was a path`);
    world.clock.runUntil(world.clock.now + 1_000);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    tell(`BROKEN: ${failure}`);
    for (const host of world.hosts) tell(stateOf(host));
  }
  return { seed, story, failure, framesDelivered: invariants.framesDelivered, convergedMs };
}

/** A third of the members on open addresses, the others in homes of two. */
function settle(world: World, members: number, tell: (what: string) => void): SimHost[] {
  const nodes = [world.reflector('192.0.2.200'), world.reflector('198.51.100.200')];
  world.wire.sharesLan = (from, to) => from.options.nat !== undefined && from.options.nat === to.options.nat;
  const homes: Nat[] = [];
  return Array.from({ length: members }, (_, i) => {
    const clock = Math.floor(world.fraction() * 3_600_000);
    if (i % 3 === 0) return start(world, nodes, { ip: `198.51.100.${i + 1}`, overlay: overlay(i), clock }, tell);
    const home = Math.floor(i / 3);
    homes[home] ??= new Nat(`203.0.113.${home + 1}`, world.pick(MAPPINGS), world.pick(FILTERINGS), 20_000 + home);
    return start(world, nodes, { ip: `192.168.1.${i + 1}`, overlay: overlay(i), clock, nat: homes[home] }, tell);
  });
}

function start(
  world: World,
  nodes: readonly Endpoint[],
  options: ConstructorParameters<typeof SimHost>[1],
  tell: (what: string) => void,
): SimHost {
  const host = world.host(options);
  const { nat } = options;
  tell(
    `${options.overlay} at ${options.ip}${nat === undefined ? '' : ` behind ${nat.ip}, mapping ${nat.mapping}, filtering ${nat.filtering}`}`,
  );
  host.input({ kind: 'dht-nodes', nodes, isTrusted: false });
  return host;
}

function disturb(world: World, hosts: SimHost[], invariants: Invariants, tell: (what: string) => void): void {
  const faults = new Faults(world, hosts, tell);
  const attacker = new Attacker(world);
  const until = (end: number, every: number, run: () => void) => {
    for (let at = every; at < end; at += every) world.clock.at(at, run);
  };
  until(CHAOS + 2 * CONVERGES_WITHIN, EVERY.publish, () => rendezvous(world));
  until(CHAOS + CONVERGES_WITHIN, EVERY.speak, () => {
    const to = world.chance(0.3) ? null : world.pick(hosts);
    invariants.speak(world.pick(hosts), to);
  });
  until(CHAOS + CONVERGES_WITHIN, EVERY.attack, () => attacker.strike());
  until(CHAOS, EVERY.fault, () => {
    for (let at = world.pick([1, 1, 1, 2, 4]); at > 0; at--) faults.strike();
  });
  world.clock.runUntil(CHAOS);
  faults.end();
  world.clock.runUntil(Math.max(CHAOS, faults.healedAt));
  tell('nothing goes wrong any more');
}

/** Hands every record to every member, and what the members of it need to learn where they are seen. */
function rendezvous(world: World): void {
  const nodes = [world.reflector('192.0.2.200'), world.reflector('198.51.100.200')];
  for (const host of world.hosts) host.input({ kind: 'dht-nodes', nodes, isTrusted: false });
  world.publish();
}

function allTogether(world: World, hosts: readonly SimHost[]): boolean {
  return hosts.every((a) => hosts.every((b) => a === b || !hasPath(world, a, b) || a.isConnectedTo(b)));
}

function stateOf(host: SimHost): string {
  const peers = host.snapshot().peers.map(({ name, state, endpoint }) => `${name} ${state} ${endpoint ?? '-'}`);
  return `${nameOf(host)} at ${host.endpoint}: ${peers.join('; ')}`;
}

function overlay(i: number): string {
  return `10.10.${10 + Math.floor(i / 250)}.${1 + (i % 250)}`;
}

/** SEED=n: that one. Else the fixed ones, and some that were never played before. */
export function seedsToPlay(fixed: readonly number[], fresh: number): number[] {
  const { SEED } = process.env;
  if (SEED !== undefined && SEED !== '') return [Number(SEED)];
  return [...fixed, ...Array.from({ length: fresh }, () => randomInt(2 ** 31))];
}
