/** Vectors for the Rust data plane, made from the models: what they must say is what they say (test/vectors/README.md). */
import { readFileSync, writeFileSync } from 'node:fs';
import { concat, hex, u16, u32, u64 } from '../../src/core/bytes.js';
import { sealGcm } from '../../src/core/crypto.js';
import { AGE, Learned, MOVES } from '../../src/device/model/learned.js';
import { ReplayWindow } from '../../src/device/model/replay-window.js';
import { Switch } from '../../src/device/model/switch.js';
import { sealControl, sealFrame } from '../../src/wire/transport.js';
import { claims } from './claims.js';

const DIRECTORY = new URL('../../../test/vectors/', import.meta.url);

export const VECTORS = {
  'transport.json': transport,
  'replay.json': replay,
  'switch.json': switching,
  'learned.json': learning,
} as const;
export type VectorFile = keyof typeof VECTORS;

export function readVectors(file: VectorFile): unknown {
  return JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8'));
}

/** Numbers that look random and are the same every time (a linear congruential generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function bytes(length: number, seed: number): Uint8Array {
  const next = numbers(seed);
  return Uint8Array.from({ length }, () => next(256));
}

interface Place {
  readonly lane: number;
  readonly receiverIndex: number;
  readonly counter: bigint;
}

function transport(): unknown[] {
  const key = bytes(32, 1);
  const places: Place[] = [
    { lane: 0, receiverIndex: 0x01020304, counter: 0n },
    { lane: 2, receiverIndex: 0xfffefdfc, counter: 0x0123456789abcdefn },
    { lane: 1, receiverIndex: 1, counter: 2n ** 64n - 1n },
  ];
  const frames = places.map((place, at) => {
    const frame = bytes([60, 14, 1374][at] ?? 60, at + 10);
    const part = { index: 0, count: 1, total: frame.length };
    const offload = '000000000000';
    const datagram = hex(sealFrame(key, place, frame));
    return {
      name: `whole frame ${at}`,
      ...described('frame', key, place),
      cut: 0,
      part,
      offload,
      plaintext: hex(frame),
      datagram,
    };
  });
  const controls = places.map((place, at) => {
    const messages = [Uint8Array.of(7, 0, 0), concat(Uint8Array.of(1, 0, 26), bytes(26, at)), new Uint8Array(0)][at];
    const plaintext = messages ?? new Uint8Array(0);
    const datagram = hex(sealControl(key, place, plaintext));
    return { name: `control ${at}`, ...described('control', key, place), cut: 0, plaintext: hex(plaintext), datagram };
  });
  return [...frames, ...controls, ...cutFrame(key), ...segments(key)];
}

function described(kind: 'frame' | 'control', key: Uint8Array, { lane, receiverIndex, counter }: Place) {
  return { kind, key: hex(key), lane, receiver: receiverIndex, counter: String(counter) };
}

/** A frame of 3,000 bytes in three even pieces. */
function cutFrame(key: Uint8Array): unknown[] {
  const frame = bytes(3_001, 99);
  return [0, 1, 2].map((index) => {
    const place = { lane: 0, receiverIndex: 0x0a0b0c0d, counter: BigInt(100 + index) };
    const piece = frame.subarray(index * 1_001, (index + 1) * 1_001);
    const part = { index, count: 3, total: frame.length };
    return sealedPart(`part ${index} of 3`, key, place, 1, part, new Uint8Array(6), piece);
  });
}

/** A part of a super-frame: its offload fields are not zero. */
function segments(key: Uint8Array): unknown[] {
  const place = { lane: 3, receiverIndex: 7, counter: 4n };
  const offload = Uint8Array.of(0x91, 16, 0, 34, 5, 0xb4);
  return [sealedPart('segment', key, place, 2, { index: 1, count: 4, total: 5_894 }, offload, bytes(1_514, 7))];
}

function sealedPart(
  name: string,
  key: Uint8Array,
  place: Place,
  cut: number,
  part: { readonly index: number; readonly count: number; readonly total: number },
  offload: Uint8Array,
  piece: Uint8Array,
): unknown {
  const start = Uint8Array.of(0x40, cut, place.lane >> 8, place.lane & 0xff);
  const numbered = concat(
    u32(place.receiverIndex),
    u64(place.counter),
    Uint8Array.of(part.index, part.count),
    u16(part.total),
  );
  const header = concat(start, numbered);
  const sealed = sealGcm(key, concat(u32(place.lane), u64(place.counter)), concat(offload, piece), header);
  const datagram = hex(concat(header, sealed));
  return { name, ...described('frame', key, place), cut, part, offload: hex(offload), plaintext: hex(piece), datagram };
}

function replay(): unknown[] {
  const last = 2n ** 64n - 1n;
  const walks: [string, [number, bigint][]][] = [
    ['in order', [0n, 1n, 2n, 1n, 3n].map((counter) => [0, counter])],
    ['lanes apart', [0, 1, 15, 0, 1].map((lane) => [lane, 5n])],
    ['the edge of the window', [8_192n, 1n, 0n, 8_193n, 1n, 2n, 3n].map((counter) => [0, counter])],
    [
      'a jump over the whole window',
      [1n, 20_000n, 1n, 11_809n, 11_808n, 19_999n, 20_000n].map((counter) => [0, counter]),
    ],
    ['the last counters', [last, last, last - 8_191n, last - 8_192n, last - 1n].map((counter) => [0, counter])],
    ['wandering', wandering()],
  ];
  return walks.map(([name, walk]) => {
    const windows = new Map<number, ReplayWindow>();
    const steps = walk.map(([lane, counter]) => {
      const window = windows.get(lane) ?? new ReplayWindow();
      windows.set(lane, window);
      const refused = window.check(counter);
      if (refused === null) window.mark(counter);
      return { lane, counter: String(counter), verdict: refused ?? 'fresh' };
    });
    return { name, steps };
  });
}

function wandering(): [number, bigint][] {
  const next = numbers(42);
  let at = 100_000;
  return Array.from({ length: 1_500 }, () => {
    const far = next(20) === 0 ? 9_000 : 40;
    at = Math.max(0, at + next(2 * far) - Math.floor(0.9 * far));
    return [next(2), BigInt(at)];
  });
}

type SwitchStep =
  | {
      readonly do: 'set-peer';
      readonly peer: number;
      readonly macs: readonly string[];
      readonly addresses?: readonly string[];
      readonly bridge?: boolean;
    }
  | { readonly do: 'drop-peer'; readonly peer: number }
  | { readonly do: 'outbound'; readonly frame: string }
  | { readonly do: 'inbound'; readonly peer: number; readonly frame: string };

const OWN = '020000000000';

function mac(number: number): string {
  return `0200000000${number.toString(16).padStart(2, '0')}`;
}

function switching(): unknown[] {
  const groups = ['ffffffffffff', '01005e000001', '333300000001', '0180c2000000', '0180c200000f', '0180c2000010'];
  const firstCome: SwitchStep[] = [
    { do: 'set-peer', peer: 1, macs: [mac(1)] },
    { do: 'set-peer', peer: 2, macs: [mac(2), mac(1), OWN, 'ffffffffffff'] },
    { do: 'outbound', frame: `${mac(1)}${OWN}0800` },
    { do: 'inbound', peer: 2, frame: `${OWN}${mac(1)}0800` },
    { do: 'inbound', peer: 2, frame: `${OWN}${OWN}0800` },
    { do: 'drop-peer', peer: 1 },
    { do: 'outbound', frame: `${mac(1)}${OWN}0800` },
    { do: 'set-peer', peer: 2, macs: [] },
    { do: 'outbound', frame: `${mac(1)}${OWN}0800` },
  ];
  const grouped: SwitchStep[] = [{ do: 'set-peer', peer: 1, macs: [mac(1)] }];
  for (const group of groups) {
    grouped.push({ do: 'outbound', frame: `${group}${OWN}0806` });
    grouped.push({ do: 'inbound', peer: 1, frame: `${group}${mac(1)}0806` });
  }
  const short: SwitchStep[] = ['', 'ff', `${mac(1)}${OWN}08`].flatMap((frame) => [
    { do: 'outbound', frame },
    { do: 'inbound', peer: 1, frame },
  ]);
  return [
    told('first come, first served', firstCome),
    told('groups', grouped),
    told('too short', short),
    told('a long story', longStory()),
    ...addressStories(),
  ];
}

function longStory(): SwitchStep[] {
  const next = numbers(7);
  const frame = () => `${mac(next(6))}${mac(next(6))}0800`;
  return Array.from({ length: 400 }, (): SwitchStep => {
    const peer = next(4);
    const choice = next(8);
    if (choice === 0) return { do: 'drop-peer', peer };
    if (choice === 1) return { do: 'set-peer', peer, macs: Array.from({ length: next(4) }, () => mac(next(6))) };
    return choice < 5 ? { do: 'outbound', frame: frame() } : { do: 'inbound', peer, frame: frame() };
  });
}

/** Who we are in a story. */
interface Us {
  readonly addresses: readonly string[];
  readonly bridge: boolean;
}

const ORDINARY: Us = { addresses: ['10.10.10.1', 'fd00::1'], bridge: false };

/** A story with the model's verdicts. */
function told(name: string, story: readonly SwitchStep[], us = ORDINARY): unknown {
  const model = new Switch({ mac: unhex(OWN), ...us });
  return { name, own: OWN, ...us, steps: story.map((step) => judged(model, step)) };
}

function judged(model: Switch, step: SwitchStep): unknown {
  switch (step.do) {
    case 'set-peer': {
      const { macs, addresses = [], bridge = false } = step;
      model.setPeer(step.peer, { macs: macs.map(unhex), addresses, bridge });
      return { ...step, addresses, bridge };
    }
    case 'drop-peer':
      model.dropPeer(step.peer);
      return step;
    case 'outbound': {
      const went = model.outbound(unhex(step.frame));
      const verdict = went.kind === 'to' ? `to ${went.peer}` : went.kind === 'flood' ? 'flood' : went.reason;
      return { ...step, verdict };
    }
    case 'inbound': {
      const came = model.inbound(unhex(step.frame), step.peer);
      if (came.kind === 'refused') return { ...step, verdict: came.reason };
      return { ...step, verdict: `${came.to}${came.fromBehind ? ' from behind' : ''}` };
    }
  }
}

/** Frames of peer 1 that claim addresses: its own, peer 2's, ours, nobody's; as a member, as a bridge, and to a bridge. */
function addressStories(): unknown[] {
  const peers = (bridge: boolean): SwitchStep[] => [
    { do: 'set-peer', peer: 1, macs: [mac(1)], addresses: ['10.10.10.2', 'fd00::2'], bridge },
    { do: 'set-peer', peer: 2, macs: [mac(2)], addresses: ['10.10.10.3', 'fd00::3', '0.0.0.0', '::', '224.0.0.1'] },
  ];
  const frames = (from: string): SwitchStep[] =>
    claims(`${OWN}${from}`).map((frame) => ({ do: 'inbound', peer: 1, frame }));
  const towards = ['ffffffffffff', mac(2), mac(9)].flatMap((to): SwitchStep[] =>
    [mac(1), mac(2), mac(8), OWN].map((from) => ({ do: 'inbound', peer: 1, frame: `${to}${from}88b5` })),
  );
  return [
    told('addresses', [...peers(false), ...frames(mac(1)), { do: 'drop-peer', peer: 2 }, ...frames(mac(1))]),
    told('addresses from behind a bridge', [...peers(true), ...frames(mac(8)), ...towards]),
    told('at a bridge', [...peers(true), ...frames(mac(8)), ...towards], { ...ORDINARY, bridge: true }),
    told('no bridge at a bridge', [...peers(false), ...frames(mac(1)), ...towards], { ...ORDINARY, bridge: true }),
  ];
}

/** MACs that are heard and looked for in places over time, and what the model makes of it. */
function learning(): unknown[] {
  const next = numbers(11);
  const model = new Learned();
  let at = 1_000_000;
  return Array.from({ length: 500 }, () => {
    at += [1, 1_000, MOVES - 1, MOVES, AGE][next(5)] ?? 0;
    const [address, peer] = [mac(next(5)), next(4)];
    const choice = next(12);
    if (choice === 0) {
      model.forget(peer);
      return { do: 'forget', at, mac: address, peer, verdict: '' };
    }
    if (choice < 4) {
      const place = model.find(address, at);
      return { do: 'find', at, mac: address, peer, verdict: String(place ?? 'unknown') };
    }
    const verdict = model.note(address, peer === 0 ? 'here' : peer, at) ?? 'noted';
    return { do: 'note', at, mac: address, peer, verdict };
  });
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}

if (process.argv[2] === 'write') {
  for (const [file, make] of Object.entries(VECTORS)) {
    const lines = make().map((vector) => JSON.stringify(vector));
    writeFileSync(new URL(file, DIRECTORY), `[\n${lines.join(',\n')}\n]\n`);
  }
}
