import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeEndpoint } from '../../src/core/endpoint.js';
import { keyPair } from '../../src/core/noise-state.js';
import { Stamper } from '../../src/core/stamp.js';
import { readInitiation } from '../../src/session/handshake.js';
import type { SessionContext, SessionOutput } from '../../src/session/io.js';
import type { KeyEntry } from '../../src/session/key-queue.js';
import { REKEY_AFTER, Session } from '../../src/session/session.js';
import { REASON, writeCookie, writeNotice } from '../../src/wire/replies.js';
import { seeded } from '../sim/random.js';

const fill = (byte: number, length = 32) => new Uint8Array(length).fill(byte);
const HERE = makeEndpoint('192.0.2.1', 4900);
const THERE = makeEndpoint('192.0.2.2', 4900);
const NOTICE_KEYS = { networkAdmission: fill(1), sealing: fill(2) };
const KEY: KeyEntry = { id: fill(8, 8), psk: fill(7), until: Number.POSITIVE_INFINITY };
const COOKIE_KEYS = { networkAdmission: fill(1), sealing: fill(3) };

/** Both sides of one pair; `lower` has the identity whose message wins. */
function sides(seed = 1) {
  const random = seeded(seed);
  const side = (name: number, other: number, weWin: boolean, boot: number, last = 0n) => {
    const stamper = new Stamper(boot);
    const context: SessionContext = {
      keys: { networkId: fill(9, 16), localStatic: keyPair(fill(name)) },
      psks: { offer: () => KEY, accept: () => KEY, isOver: () => false },
      ownAdmission: fill(name + 100),
      noticeKeys: NOTICE_KEYS,
      cookieKeys: COOKIE_KEYS,
      random,
      newIndex: () => new DataView(random(4).slice().buffer).getUint32(0),
      stamp: () => stamper.next(),
      record: () => fill(name, 200),
    };
    const responder = { staticKey: keyPair(fill(other)).publicKey, admissionKey: fill(other + 100) };
    return { context, session: new Session(context, { responder, weWin }, last) };
  };
  return { lower: side(10, 11, true, 5), higher: side(11, 10, false, 5), side };
}

type Side = ReturnType<typeof sides>['lower'];

const sent = (outputs: readonly SessionOutput[]): Uint8Array => {
  const output = outputs.find(({ kind }) => kind === 'send');
  assert.ok(output?.kind === 'send', 'a datagram was sent');
  return output.datagram;
};
const kinds = (outputs: readonly SessionOutput[]) => outputs.map(({ kind }) => kind);

function receive(to: Side, now: number, datagram: Uint8Array, proven = false): SessionOutput[] {
  const received = readInitiation(to.context.keys, datagram);
  assert.ok(received);
  return to.session.receivedInitiation(now, received, KEY, datagram, HERE, proven);
}

function installed(outputs: readonly SessionOutput[]) {
  const output = outputs.find(({ kind }) => kind === 'install');
  assert.ok(output?.kind === 'install');
  return output.keys;
}

test('message 1 and 2 make two ends of one session', () => {
  const { lower, higher } = sides();
  const answered = receive(higher, 0, sent(lower.session.connect(0)));
  const done = lower.session.receivedResponse(1, sent(answered), THERE);
  assert.ok(done);
  const [a, b] = [installed(done.outputs), installed(answered)];
  assert.deepEqual([a.sealKey, a.openKey], [b.openKey, b.sealKey]);
  assert.deepEqual([a.localIndex, a.remoteIndex], [b.remoteIndex, b.localIndex]);
  assert.deepEqual([a.use, b.use], ['seal-now', 'seal-when-heard']);
  assert.deepEqual(done.record, fill(11, 200));
  assert.equal(higher.session.established, false, 'not before a datagram of it was heard');
  assert.deepEqual(kinds(higher.session.heard(2, b.localIndex, HERE)), ['established']);
});

test('both at once: the lower identity wins, and one session results', () => {
  const { lower, higher } = sides();
  const [fromLower, fromHigher] = [sent(lower.session.connect(0)), sent(higher.session.connect(0))];
  const again = receive(lower, 1, fromHigher);
  assert.deepEqual(
    again.map((o) => o.kind === 'send' && o.to),
    [HERE],
    'ours goes to where the other one came from',
  );
  const answer = receive(higher, 1, fromLower);
  assert.deepEqual(receive(higher, 2, sent(again)), [], 'it is the same message');
  const done = lower.session.receivedResponse(3, sent(answer), THERE);
  assert.ok(done);
  assert.deepEqual(kinds(higher.session.heard(4, installed(answer).localIndex, HERE)), ['established']);
  assert.equal(higher.session.tries, 0, 'its own attempt is over');
});

test('both at once, but the winner is not heard: after a few of its own losses the other one gets its way', () => {
  const { lower, higher } = sides();
  lower.session.connect(0);
  let outputs: SessionOutput[] = [];
  for (let i = 0; i < 4; i++)
    outputs = receive(lower, i * 500, sent(i === 0 ? higher.session.connect(0) : higher.session.tick(i * 5_000)));
  assert.deepEqual(kinds(outputs), ['install', 'send']);
});

test('a recorded message 1 is not answered while the session lives; without one a cookie lets a restored machine in', () => {
  const { lower, higher } = sides();
  const old = sent(lower.session.connect(0));
  const newer = sent(lower.session.tick(1_000));
  const answered = receive(higher, 1, newer);
  assert.deepEqual(receive(higher, 2, newer), [], 'the same once more');
  higher.session.heard(3, installed(answered).localIndex, HERE);
  assert.deepEqual(receive(higher, 4, old), [], 'an older one');
  higher.session.gone(installed(answered).localIndex);
  assert.deepEqual(kinds(receive(higher, 5, old)), ['send-cookie']);
  assert.deepEqual(receive(higher, 6, old), [], 'not again so soon');
  assert.deepEqual(kinds(receive(higher, 7, old, true)), ['install', 'send'], 'its address is proven');
});

test('a cookie that is asked for goes into the next message 1', () => {
  const { lower } = sides();
  const first = sent(lower.session.connect(0));
  assert.deepEqual(first.slice(1000, 1016), new Uint8Array(16));
  const forged = writeCookie(COOKIE_KEYS, fill(0, 24), 0, fill(0, 1032), fill(4, 16));
  assert.deepEqual(lower.session.receivedCookie(1, forged), []);
  const second = sent(lower.session.receivedCookie(2, writeCookie(COOKIE_KEYS, fill(0, 24), 0, first, fill(4, 16))));
  assert.notDeepEqual(second.slice(1000, 1016), new Uint8Array(16));
  const later = sent(lower.session.tick(1_000_000));
  assert.deepEqual(later.slice(1000, 1016), new Uint8Array(16), 'it was too old by then');
});

test('a notice is believed only for the message under way, and slows the asking down', () => {
  const { lower } = sides();
  const first = sent(lower.session.connect(0));
  assert.deepEqual(
    lower.session.receivedNotice(writeNotice(NOTICE_KEYS, fill(0, 24), 0, fill(0, 1032), REASON.keysDiffer)),
    [],
  );
  const outputs = lower.session.receivedNotice(writeNotice(NOTICE_KEYS, fill(0, 24), 0, first, REASON.keysDiffer));
  assert.deepEqual(kinds(outputs), ['refused']);
  lower.session.tick(1_000);
  assert.ok(lower.session.deadline() >= 31_000);
});

test('the initiator rekeys first, the responder only if that did not happen', () => {
  const { lower, higher } = sides();
  const answered = receive(higher, 0, sent(lower.session.connect(0)));
  assert.ok(lower.session.receivedResponse(0, sent(answered), THERE));
  higher.session.heard(0, installed(answered).localIndex, HERE);
  const due = lower.session.deadline();
  assert.ok(due >= REKEY_AFTER.initiator && due <= REKEY_AFTER.initiator + REKEY_AFTER.jitter);
  assert.equal(higher.session.deadline(), REKEY_AFTER.responder);
  assert.deepEqual(kinds(lower.session.tick(due)), ['send']);
});

test('a session that was answered and never heard of is dropped; its end is the end if there is no other', () => {
  const { lower, higher } = sides();
  const answered = receive(higher, 0, sent(lower.session.connect(0)));
  assert.deepEqual(kinds(higher.session.tick(10_000)), ['drop']);
  const again = receive(higher, 11_000, sent(lower.session.tick(11_000)));
  higher.session.heard(11_001, installed(again).localIndex, HERE);
  assert.deepEqual(higher.session.gone(installed(answered).localIndex), []);
  assert.deepEqual(kinds(higher.session.gone(installed(again).localIndex)), ['lost']);
});
