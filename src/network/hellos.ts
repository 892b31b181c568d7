/** Says hello to whoever is known by an endpoint only: at the `-peer` addresses, and to those that a relay introduces. */
import type { Random } from '../core/random.js';
import type { Stamper } from '../core/stamp.js';
import type { RelayWay, Way } from '../core/way.js';
import { writeHello } from '../wire/hello.js';
import type { NetworkConfig } from './io.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { ProbeQueue } from './probe-queue.js';
import { admissionKey } from './secrets.js';
import { type HelloWanted, StaticPeers } from './static-peers.js';
import type { Surroundings } from './surroundings.js';

export class Hellos {
  /** The `-peer` addresses. */
  readonly statics: StaticPeers;

  constructor(
    private readonly config: NetworkConfig,
    private readonly surroundings: Surroundings,
    members: Members,
    private readonly probes: ProbeQueue,
    private readonly stamper: Stamper,
    private readonly outbox: Outbox,
    random: Random,
  ) {
    this.statics = new StaticPeers(random, (id) => members.withId(id)?.isConnected ?? false);
  }

  deadline(): number {
    return this.statics.deadline();
  }

  tick(now: number): void {
    for (const hello of this.statics.tick(now))
      if (this.surroundings.isCandidate(hello.endpoint)) this.wish(now, hello);
  }

  /** To whoever is behind a relay. `nonce`: 24 bytes, by which the answer will be known. */
  introduce(to: RelayWay, nonce: Uint8Array): void {
    this.send(to, nonce);
  }

  /** Where nobody may ever have answered, a hello waits for its turn. */
  private wish(now: number, { name, endpoint, tries }: HelloWanted): void {
    const { statics, surroundings } = this;
    this.probes.ask(now, {
      what: 'hello',
      owner: `-peer ${name}`,
      endpoint,
      onLink: surroundings.kindOf(endpoint) === 'lan',
      tries,
      isWanted: () => surroundings.isCandidate(endpoint) && statics.isAsking(name, endpoint),
      send: () => this.send(endpoint, statics.nonceFor(name)),
    });
  }

  private send(to: Way, nonce: Uint8Array): void {
    const { secrets, identity } = this.config;
    const hello = writeHello(secrets.probeKey, admissionKey(secrets), nonce, identity.publicKey, this.stamper.next());
    this.outbox.datagram(to, hello);
  }
}
