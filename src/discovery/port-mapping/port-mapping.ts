/**
 * The machine of one port mapping: asks the router by PCP, then NAT-PMP, then UPnP, renews what it got, and gives it back.
 *
 *     no-router ──route──► asking ──mapped──► mapped ──half its lifetime──► (renewed)
 *                            │ none would         └─ ran out ──► asking
 *                            └──► none ──a while later──► asking
 */
import { backoff } from '../../core/backoff.js';
import { type Endpoint, endpointParts } from '../../core/endpoint.js';
import { isPrivate, isUsable } from '../../core/ip.js';
import type {
  DefaultRoute,
  MappingAnswer,
  MappingFailure,
  MappingProtocol,
  MappingRequest,
} from '../../core/port-mapping.js';
import type { Random } from '../../core/random.js';

/** In this order. Each is said to fall back to the next where a router knows only that. */
const PROTOCOLS: readonly MappingProtocol[] = ['pcp', 'nat-pmp', 'upnp'];
/** Asked for, in seconds: what a daemon that was killed leaves on the router is gone after that. */
const LIFETIME = 1800;
/** Waits before a router that gave nothing is asked again, in ms. */
const AGAIN = [60_000, 300_000, 900_000, 3_600_000];
/** A router that's behind another one stays there: asked again after this many ms. */
const AGAIN_PRIVATE = [3_600_000];
/** The shortest wait before a renewal, in ms. */
const MIN_RENEWAL = 1_000;

export type PortMappingInput =
  /** The default route, at start and whenever it may have changed; null: there's none. */
  | { readonly kind: 'route'; readonly route: DefaultRoute | null }
  | { readonly kind: 'answer'; readonly request: MappingRequest; readonly answer: MappingAnswer }
  | { readonly kind: 'tick' }
  /** Give back what's there; the last input, but for answers. */
  | { readonly kind: 'stop' };

export type PortMappingOutput =
  | { readonly kind: 'map'; readonly request: MappingRequest }
  | { readonly kind: 'release'; readonly request: MappingRequest }
  /** Where others reach us now through the mapping; null: nowhere any more. */
  | { readonly kind: 'mapped'; readonly external: Endpoint | null }
  | {
      readonly kind: 'notable';
      readonly message: string;
      readonly facts: Readonly<Record<string, string | number>>;
    };

/** What became of one protocol. `private`: it maps, but to an address that others can't reach. */
export interface MappingAttempt {
  readonly protocol: MappingProtocol;
  readonly reason: MappingFailure['reason'] | 'private';
  readonly error: string;
}

export interface PortMappingState {
  readonly state: 'no-router' | 'asking' | 'mapped' | 'none';
  readonly gateway: string | null;
  readonly protocol: MappingProtocol | null;
  readonly external: Endpoint | null;
  /** How long the router keeps it if it isn't renewed, in ms. */
  readonly expiresMs: number | null;
  /** Why there's none, by protocol. */
  readonly attempts: readonly MappingAttempt[];
}

interface Mapping {
  readonly protocol: MappingProtocol;
  readonly external: Endpoint;
  readonly expiresAt: number;
  readonly renewAt: number;
}

export class PortMapping {
  private route: DefaultRoute | null = null;
  private pending: MappingRequest | null = null;
  private mapping: Mapping | null = null;
  private attempts: readonly MappingAttempt[] = [];
  private againAt = Number.POSITIVE_INFINITY;
  private fruitless = 0;
  private stopped = false;
  private outputs: PortMappingOutput[] = [];

  /** `port`: the UDP port, here and, if it's free, outside. `nonce`: 12 bytes, the same over restarts, so that a mapping left behind is still ours. */
  constructor(
    private readonly port: number,
    private readonly nonce: Uint8Array,
    private readonly random: Random,
  ) {}

  handle(now: number, input: PortMappingInput): PortMappingOutput[] {
    if (input.kind === 'answer') this.answered(now, input.request, input.answer);
    else if (!this.stopped) this.take(now, input);
    const { outputs } = this;
    this.outputs = [];
    return outputs;
  }

  /** When it wants its next `tick`; Infinity for never. */
  deadline(): number {
    if (this.stopped) return Number.POSITIVE_INFINITY;
    if (this.mapping === null) return this.againAt;
    return this.pending === null ? this.mapping.renewAt : this.mapping.expiresAt;
  }

  state(now: number): PortMappingState {
    const { mapping, route } = this;
    return {
      state: route === null ? 'no-router' : mapping !== null ? 'mapped' : this.pending !== null ? 'asking' : 'none',
      gateway: route?.gateway ?? null,
      protocol: mapping?.protocol ?? null,
      external: mapping?.external ?? null,
      expiresMs: mapping === null ? null : Math.max(0, Math.round(mapping.expiresAt - now)),
      attempts: this.attempts,
    };
  }

  private take(now: number, input: Exclude<PortMappingInput, { kind: 'answer' }>): void {
    if (input.kind === 'route') this.setRoute(now, input.route);
    else if (input.kind === 'stop') this.stop();
    else this.tick(now);
  }

  /** What the old router has for us can't be given back from here: it runs out. */
  private setRoute(now: number, route: DefaultRoute | null): void {
    if (route?.gateway === this.route?.gateway && route?.local === this.route?.local) return;
    this.route = route;
    this.lose();
    this.pending = null;
    this.fruitless = 0;
    this.begin(now);
  }

  private tick(now: number): void {
    const { mapping } = this;
    if (mapping === null) {
      if (this.againAt <= now) this.begin(now);
    } else if (mapping.expiresAt <= now) {
      this.outputs.push({ kind: 'notable', message: 'the port mapping has run out', facts: where(mapping) });
      this.lose();
      this.begin(now);
    } else if (mapping.renewAt <= now && this.pending === null) {
      this.ask(mapping.protocol, endpointParts(mapping.external).port);
    }
  }

  private stop(): void {
    this.stopped = true;
    if (this.mapping !== null) this.release(this.mapping.protocol, endpointParts(this.mapping.external).port);
    this.mapping = null;
  }

  private begin(now: number): void {
    this.againAt = Number.POSITIVE_INFINITY;
    this.attempts = [];
    this.next(now);
  }

  /** The next protocol that wasn't tried, or a pause. */
  private next(now: number): void {
    const protocol = PROTOCOLS[this.attempts.length];
    if (this.route === null) return;
    if (protocol === undefined) this.pause(now, AGAIN);
    else this.ask(protocol, this.port);
  }

  private pause(now: number, waits: readonly number[]): void {
    const facts = Object.fromEntries(this.attempts.map(({ protocol, error }) => [protocol, error]));
    if (this.fruitless === 0) this.outputs.push({ kind: 'notable', message: 'no port mapping', facts });
    this.againAt = now + backoff(waits, this.fruitless++, this.random);
  }

  private ask(protocol: MappingProtocol, externalPort: number): void {
    const request = this.request(protocol, externalPort);
    if (request === null) return;
    this.pending = request;
    this.outputs.push({ kind: 'map', request });
  }

  private release(protocol: MappingProtocol, externalPort: number): void {
    const request = this.request(protocol, externalPort);
    if (request !== null) this.outputs.push({ kind: 'release', request });
  }

  private request(protocol: MappingProtocol, externalPort: number): MappingRequest | null {
    const { route, port, nonce } = this;
    if (route === null) return null;
    const { gateway, local: client } = route;
    return { protocol, gateway, client, internalPort: port, externalPort, lifetimeSeconds: LIFETIME, nonce };
  }

  private answered(now: number, request: MappingRequest, answer: MappingAnswer): void {
    if (request !== this.pending) return; // to what was asked before the route changed, or to a release
    this.pending = null;
    const mapped = answer.kind === 'mapped' && answer.lifetimeSeconds > 0 ? answer : null;
    if (this.stopped) {
      if (mapped !== null) this.release(request.protocol, endpointParts(mapped.external).port);
    } else if (mapped !== null) this.mapped(now, request.protocol, mapped.external, mapped.lifetimeSeconds);
    else this.failed(now, request.protocol, answer.kind === 'failed' ? answer : REFUSED);
  }

  private mapped(now: number, protocol: MappingProtocol, external: Endpoint, lifetimeSeconds: number): void {
    const { ip, port } = endpointParts(external);
    if (isPrivate(ip) || !isUsable(external)) {
      this.lose();
      this.release(protocol, port);
      const error = `the router's own address, ${ip}, is a private one: there is another NAT before it`;
      this.attempts = [...this.attempts, { protocol, reason: 'private', error }];
      this.pause(now, AGAIN_PRIVATE);
      return;
    }
    const before = this.mapping?.external;
    // A router that restarted has forgotten us, however much time it gave: so never wait longer than for what was asked.
    const wait = Math.max((Math.min(lifetimeSeconds, LIFETIME) * 1000) / 2, MIN_RENEWAL);
    this.mapping = { protocol, external, expiresAt: now + lifetimeSeconds * 1000, renewAt: now + wait };
    this.fruitless = 0;
    if (before === external) return;
    this.outputs.push({ kind: 'mapped', external });
    this.outputs.push({ kind: 'notable', message: 'port mapped', facts: where(this.mapping) });
  }

  private failed(now: number, protocol: MappingProtocol, { reason, error }: MappingFailure): void {
    if (this.mapping !== null) {
      const wait = Math.max((this.mapping.expiresAt - now) / 2, MIN_RENEWAL);
      this.mapping = { ...this.mapping, renewAt: Math.min(now + wait, this.mapping.expiresAt) };
      return;
    }
    this.attempts = [...this.attempts, { protocol, reason, error }];
    this.next(now);
  }

  private lose(): void {
    if (this.mapping !== null) this.outputs.push({ kind: 'mapped', external: null });
    this.mapping = null;
  }
}

const REFUSED: MappingFailure = { reason: 'refused', error: 'the router gave it no time' };

function where({ protocol, external }: Mapping): Readonly<Record<string, string>> {
  return { protocol, external };
}
