/** Frames that claim addresses in every way that there is, and some that hide it: for the vectors. All in hex. */

const ADDRESSES = ['10.10.10.1', '10.10.10.2', '10.10.10.3', '10.10.10.9', '0.0.0.0'];
const ADDRESSES_6 = [1, 2, 3, 9, 0].map((host) => (host === 0 ? '00'.repeat(16) : `fd00${'00'.repeat(13)}0${host}`));
const SELF_6 = ADDRESSES_6[1] ?? '';
const PROBE_6 = ADDRESSES_6[4] ?? '';
const WRAPPINGS = ['', '81000005', '88a8000181000002', '81000001'.repeat(4), '81000001'.repeat(5)];
const EXTENSION = { hopByHop: '00', routing: '2b', destination: '3c', authentication: '33' } as const;

/** `start`: destination and source MAC. */
export function claims(start: string): string[] {
  const inside = [...ipv4(), ...arp(), ...ipv6(), ...discovery(), ...extensions(), ...fragments()];
  const wrapped = [...ipv4(), ...arp(), ...discovery().slice(0, 12)];
  return [
    ...inside.map((frame) => `${start}${frame}`),
    ...WRAPPINGS.slice(1).flatMap((tags) => wrapped.map((frame) => `${start}${tags}${frame}`)),
    ...[...ipv4(), ...arp()].flatMap((frame) => ['00', 'f8'].map((oui) => `${start}0040aaaa030000${oui}${frame}`)),
  ];
}

function hexOf(ip: string): string {
  return Buffer.from(ip.split('.').map(Number)).toString('hex');
}

function ipv4(): string[] {
  const packets = ADDRESSES.map((ip) => `0800450000140000000040110000${hexOf(ip)}0a0a0a01`);
  return [...packets, packets[0]?.slice(0, 32) ?? '', packets[0]?.slice(0, 40) ?? ''];
}

function arp(): string[] {
  const messages = ADDRESSES.flatMap((ip) =>
    ['0001', '0002'].map((kind) => `080600010800060400${kind.slice(2)}020000000001${hexOf(ip)}0000000000000a0a0a01`),
  );
  const [whole = ''] = messages;
  return [...messages, whole.slice(0, 58), whole.replace('0604', '0804'), whole.replace('08060001', '08060006')];
}

function packet(source: string, next: string, payload: string): string {
  const length = (payload.length / 2).toString(16).padStart(4, '0');
  return `86dd60000000${length}${next}ff${source}${'00'.repeat(15)}01${payload}`;
}

function ipv6(): string[] {
  const packets = ADDRESSES_6.map((source) => packet(source, '11', ''));
  const mapped = packet(`${'00'.repeat(10)}ffff0a0a0a03`, '11', '');
  return [...packets, mapped, ...[30, 52, 80].map((digits) => packets[2]?.slice(0, digits) ?? '')];
}

function message(type: number, ...addresses: readonly string[]): string {
  return `${type.toString(16)}${'00'.repeat(7)}${addresses.join('')}`;
}

function discovery(): string[] {
  const of = (source: string, type: number, ...addresses: readonly string[]) =>
    packet(source, '3a', message(type, ...addresses));
  return ADDRESSES_6.flatMap((address) => [
    of(SELF_6, 136, address),
    of(PROBE_6, 135, address),
    of(SELF_6, 135, address),
    of(SELF_6, 137, address, SELF_6),
    of(SELF_6, 137, SELF_6, address),
    of(address, 133),
    of(address, 134),
    of(address, 128),
  ]).concat([of(SELF_6, 135), of(SELF_6, 136), of(SELF_6, 137, SELF_6), packet(SELF_6, '3a', '')]);
}

function extensions(): string[] {
  const advertised = ADDRESSES_6.map((address) => message(136, address));
  const one = Object.values(EXTENSION).flatMap((kind) =>
    advertised.map((body) => packet(SELF_6, kind, `3a${'00'.repeat(7)}${body}`)),
  );
  const rows = [2, 8, 9].map((count) =>
    packet(SELF_6, '3c', `${`3c${'00'.repeat(7)}`.repeat(count - 1)}3a${'00'.repeat(7)}${advertised[2] ?? ''}`),
  );
  return [...one, ...rows, packet(SELF_6, '00', `3ac8${'00'.repeat(6)}`), packet(SELF_6, '00', '')];
}

function fragments(): string[] {
  const bodies = [message(136, ADDRESSES_6[2] ?? ''), message(128)];
  return ['0000', '0001', '0008', 'ff01'].flatMap((offset) =>
    bodies.map((body) => packet(SELF_6, '2c', `3a00${offset}00000001${body}`)),
  );
}
