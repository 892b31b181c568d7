/** The door of a network: what comes from outside a session, from anyone who knows the hash. */
import { sameBytes } from '../core/bytes.js';
import { XAES_NONCE_BYTES } from '../core/crypto.js';
import { type Endpoint, endpointParts, tryEndpoint } from '../core/endpoint.js';
import type { Random } from '../core/random.js';
import { isRelayWay, type Way } from '../core/way.js';
import type { CandidateSource } from '../paths/candidate.js';
import { readInitiation, receiverIndex } from '../session/handshake.js';
import type { SessionContext } from '../session/io.js';
import { explain } from '../session/session.js';
import { readBeacon } from '../wire/beacon.js';
import { KIND, VERSION } from '../wire/envelope.js';
import { type HelloBack, readHello, readHelloBack, writeHelloBack } from '../wire/hello.js';
import { REASON, type Reason, writeNotice } from '../wire/replies.js';
import type { DropReason } from './drops.js';
import { peerIdOf } from './identity.js';
import type { NetworkConfig, Source } from './io.js';
import type { Members } from './members.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { Problems } from './problems.js';
import { readRecord } from './record.js';
import type { Relays } from './relays.js';
import type { Roster } from './roster.js';
import { admissionKey } from './secrets.js';
import type { Stamps } from './stamps.js';
import type { StaticPeers } from './static-peers.js';
import type { Trust } from './trust.js';

/** What an admitted datagram may concern. */
interface Parts {
  readonly members: Members;
  readonly roster: Roster;
  readonly statics: StaticPeers;
  readonly relays: Relays;
  readonly trust: Trust;
  readonly stamps: Stamps;
  readonly problems: Problems;
  readonly outbox: Outbox;
}

export class Reception {
  constructor(
    private readonly config: NetworkConfig,
    private readonly context: SessionContext,
    private readonly parts: Parts,
    private readonly random: Random,
  ) {}

  /** A datagram that the device admitted. */
  datagram(now: number, datagram: Uint8Array, from: Way, proven: boolean): DropReason {
    const [kind, version] = datagram;
    if (version !== VERSION) return this.otherVersion(now, datagram, from);
    switch (kind) {
      case KIND.hello:
        return this.hello(datagram, from);
      case KIND.helloBack:
        return this.helloBack(now, datagram, from);
      case KIND.handshake1:
        return this.handshake1(now, datagram, from, proven);
      case KIND.handshake2:
        return this.handshake2(now, datagram, from);
      case KIND.cookie:
        return this.reply(datagram, (peer) => peer.carrySession(now, peer.session.receivedCookie(now, datagram)));
      case KIND.notice:
        return this.reply(datagram, (peer) => peer.carrySession(now, peer.session.receivedNotice(datagram)));
      default:
        return 'unknown-kind';
    }
  }

  /** The plaintext of a beacon and where it came from. */
  beacon(now: number, payload: Uint8Array, from: Endpoint): DropReason {
    const beacon = readBeacon(payload);
    if (beacon === null) return 'beacon-malformed';
    const endpoint = this.dataEndpoint(from, beacon.port);
    const learned = this.parts.roster.learn(now, beacon.record, 'lan');
    if (!('peer' in learned)) return learned.kind === 'self' ? null : `record-${learned.kind}`;
    if (!this.parts.stamps.isNews(learned.record.identity, beacon.stamp)) return 'beacon-replayed';
    this.approach(now, learned.peer, endpoint === null ? [] : [endpoint], 'lan');
    return null;
  }

  /** A member's record from elsewhere. */
  found(now: number, record: Uint8Array, source: Source): DropReason {
    const learned = this.parts.roster.learn(now, record, source);
    if (!('peer' in learned)) return learned.kind === 'self' ? null : `record-${learned.kind}`;
    this.approach(now, learned.peer, learned.record.endpoints, 'record');
    return null;
  }

  private dataEndpoint(from: Endpoint, port: number): Endpoint | null {
    const { ip, zone } = endpointParts(from);
    return tryEndpoint(zone === null ? ip : `${ip}%${zone}`, port);
  }

  /** A sign of life of a peer at these endpoints: go there, unless there's a session already. */
  private approach(now: number, peer: Peer, endpoints: readonly Way[], source: CandidateSource): void {
    peer.learnEndpoints(now, endpoints, source);
    if (peer.wantsSession && peer.session.tries !== 1) peer.reach(now);
  }

  private hello(datagram: Uint8Array, from: Way): DropReason {
    const { probeKey } = this.config.secrets;
    const hello = readHello(probeKey, this.context.noticeKeys.networkAdmission, datagram);
    if (hello === null) return 'hello-malformed';
    if (sameBytes(hello.identity, this.config.identity.publicKey)) return 'hello-own';
    if (this.parts.trust.isBlocked({ peerId: peerIdOf(hello.identity) })) return 'peer-blocked';
    if (!this.parts.stamps.isNews(hello.identity, hello.stamp)) return 'hello-replayed';
    const admission = admissionKey(this.config.secrets, hello.identity);
    this.parts.outbox.datagram(
      from,
      writeHelloBack(probeKey, admission, this.random(XAES_NONCE_BYTES), hello.echo, this.context.record()),
    );
    return null;
  }

  private helloBack(now: number, datagram: Uint8Array, from: Way): DropReason {
    const back = readHelloBack(this.config.secrets.probeKey, this.context.ownAdmission, datagram);
    if (back === null) return 'hello-malformed';
    const unwelcome = isRelayWay(from) ? this.unaskedByRelay(back) : this.unwelcome(back);
    if (unwelcome !== null) return unwelcome;
    const source = isRelayWay(from) ? 'relay' : 'static';
    const learned = this.parts.roster.learn(now, back.record, source);
    if (!('peer' in learned)) return `record-${learned.kind}`;
    this.approach(now, learned.peer, [from], source);
    return null;
  }

  private unaskedByRelay(back: HelloBack): DropReason {
    return this.parts.relays.answered(back) ? null : 'hello-unasked';
  }

  /** Why the member that answered at a `-peer` isn't looked for there. Asked before anything of its record is kept. */
  private unwelcome(back: HelloBack): DropReason {
    const record = readRecord(this.config.secrets.networkId, back.record);
    if (record === null) return 'record-bad';
    const verdict = this.parts.statics.answered(back, record.peerId, this.config.identity.peerId);
    if (verdict === null) return 'hello-unasked';
    return verdict === 'welcome' ? null : 'hello-other-peer';
  }

  private handshake1(now: number, datagram: Uint8Array, from: Way, proven: boolean): DropReason {
    const received = readInitiation(this.context.keys, datagram);
    if (received === null) return 'handshake-malformed';
    const learned = this.parts.roster.learn(now, received.record, 'incoming');
    if (!('peer' in learned)) return `record-${learned.kind}`;
    const { peer } = learned;
    // Someone else's record: its static key isn't the one that Noise proved.
    if (!sameBytes(learned.record.staticKey, received.remoteStatic)) return 'handshake-stolen-record';
    if (this.parts.trust.isBlocked(peer.record)) {
      this.notice(from, received.senderIndex, datagram, REASON.refused);
      return 'peer-blocked';
    }
    const key = this.context.psks.accept(now, received.pskId);
    if (key === null) {
      peer.differs(explain({ reason: REASON.keysDiffer, version: VERSION }));
      this.notice(from, received.senderIndex, datagram, REASON.keysDiffer);
      return 'handshake-other-key';
    }
    const outputs = peer.session.receivedInitiation(now, received, key, datagram, from, proven);
    peer.carrySession(now, outputs);
    if (outputs.length === 0) return 'handshake-replayed';
    this.parts.stamps.isNews(learned.record.identity, received.stamp);
    return null;
  }

  private handshake2(now: number, datagram: Uint8Array, from: Way): DropReason {
    let reason: DropReason = 'handshake-malformed';
    const missed = this.reply(datagram, (peer) => {
      const done = peer.session.receivedResponse(now, datagram, from);
      if (done === null) return;
      reason = null;
      this.parts.roster.learn(now, done.record, 'incoming');
      peer.carrySession(now, done.outputs);
    });
    return missed ?? reason;
  }

  /** Hands an answer to the peer that waits for it. */
  private reply(datagram: Uint8Array, take: (peer: Peer) => void): DropReason {
    const index = receiverIndex(datagram);
    const peer = index === null ? undefined : this.parts.members.awaiting(index);
    if (peer === undefined) return 'answer-unasked';
    take(peer);
    return null;
  }

  private otherVersion(now: number, datagram: Uint8Array, from: Way): DropReason {
    const where = isRelayWay(from) ? 'behind a relay' : `at ${endpointParts(from).ip}`;
    const text = `a member ${where} speaks version ${datagram[1]} of the protocol, this one speaks version ${VERSION}`;
    if (this.parts.problems.note(now, text)) this.parts.outbox.notable('warn', text);
    const index = receiverIndex(datagram);
    if (datagram[0] === KIND.handshake1 && index !== null) this.notice(from, index, datagram, REASON.otherVersion);
    return 'other-version';
  }

  private notice(to: Way, index: number, answered: Uint8Array, reason: Reason): void {
    this.parts.outbox.datagram(
      to,
      writeNotice(this.context.noticeKeys, this.random(XAES_NONCE_BYTES), index, answered, reason),
    );
  }
}
