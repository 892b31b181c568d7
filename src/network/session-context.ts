/** What the sessions of a network share: its keys, ours, and where indices, stamps and our record come from. */

import { keyPair } from '../core/noise-state.js';
import { type Random, randomU32 } from '../core/random.js';
import type { Stamper } from '../core/stamp.js';
import type { PskChoice, SessionContext } from '../session/io.js';
import type { NetworkConfig } from './io.js';
import type { Members } from './members.js';
import type { OwnMember } from './own-member.js';
import { admissionKey } from './secrets.js';

export function sessionContext(
  { secrets, identity }: NetworkConfig,
  psks: PskChoice,
  own: OwnMember,
  members: Members,
  stamper: Stamper,
  random: Random,
): SessionContext {
  const networkAdmission = admissionKey(secrets);
  return {
    keys: { networkId: secrets.networkId, localStatic: keyPair(identity.staticPrivate) },
    psks,
    ownAdmission: admissionKey(secrets, identity.publicKey),
    noticeKeys: { networkAdmission, sealing: secrets.probeKey },
    cookieKeys: { networkAdmission, sealing: secrets.cookieKey },
    random,
    newIndex: () => freeIndex(members, random),
    stamp: () => stamper.next(),
    record: () => own.record.bytes,
  };
}

function freeIndex(members: Members, random: Random): number {
  for (;;) {
    const index = randomU32(random);
    if (!members.isIndexTaken(index)) return index;
  }
}
