/** Who may change a file or folder of Windows, read from its owner and access list as text (SDDL: Microsoft's "Security Descriptor String Format"). Pure. */

/** Rights to a file or folder as bits of its access mask (winnt.h). */
const DELETE_CHILD = 0x40;
const DELETE = 0x1_0000;
const WRITE_DAC = 0x4_0000;
const WRITE_OWNER = 0x8_0000;
const GENERIC_ALL = 0x1000_0000;
const GENERIC_WRITE = 0x4000_0000;
const WRITE_DATA = 0x2;
const APPEND_DATA = 0x4;

/** Putting something else in its place, or in that of what's in it; or giving oneself the right to. */
export const REPLACE = DELETE | DELETE_CHILD | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
/** Changing what's in it. */
export const WRITE = REPLACE | WRITE_DATA | APPEND_DATA | GENERIC_WRITE;

/** The two letters that stand for rights. */
const RIGHTS: Readonly<Record<string, number>> = {
  GA: GENERIC_ALL,
  GX: 0x2000_0000,
  GW: GENERIC_WRITE,
  GR: 0x8000_0000,
  RC: 0x2_0000,
  SD: DELETE,
  WD: WRITE_DAC,
  WO: WRITE_OWNER,
  FA: 0x1f_01ff,
  FR: 0x12_0089,
  FW: 0x12_0116,
  FX: 0x12_00a0,
  CC: 0x1,
  DC: WRITE_DATA,
  LC: APPEND_DATA,
  SW: 0x8,
  RP: 0x10,
  WP: 0x20,
  DT: DELETE_CHILD,
  LO: 0x80,
  CR: 0x100,
};

/**
 * Who is no danger besides this process's own user: the system, its administrators, who installs its parts (TrustedInstaller), and names
 * that stand for the owner of each file, who is looked at by himself.
 */
const TRUSTED = new Set([
  'SY',
  'S-1-5-18',
  'BA',
  'S-1-5-32-544',
  'LA',
  'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464',
  'CO',
  'S-1-3-0',
  'OW',
  'S-1-3-4',
]);

/** For this user, the system and its administrators alone. */
export const PRIVATE_FILE = 'D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)';
/** The same, which all in it takes over. */
export const PRIVATE_FOLDER = 'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)';

/** For a pipe: `own` is the identifier of this process's user, `group` of those who may use the pipe as well. */
export function pipeAccess(own: string, group: string | null): string {
  const others = group === null ? '' : `(A;;GRGW;;;${group})`;
  return `D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;${own})${others}`;
}

/** Others than `own` and whom everybody has to trust who own it or have one of these rights, by their identifiers; total. Text that isn't understood counts as everybody. */
export function foreigners(sddl: string, own: string, rights: number): string[] {
  const owner = /^O:([A-Z]{2}|S-[\d-]+?)(?=G:|D:|S:|$)/.exec(sddl)?.[1];
  const list = /D:([A-Z]*)((?:\([^()]*\))*)(?=S:|$)/.exec(sddl);
  if (owner === undefined || list === null || list[1]?.includes('NO_ACCESS_CONTROL')) return ['everybody'];
  const entries = [...(list[2] ?? '').matchAll(/\(([^()]*)\)/g)].map(([, entry = '']) => entry.split(';'));
  const found = entries.flatMap(([type, flags = '', mask = '', , , who = 'everybody']) => {
    const isDenial = type === 'D' || type === 'OD' || type === 'XD';
    const isForOthers = flags.includes('IO'); // of what's in it, not of itself
    return isDenial || isForOthers || (maskOf(mask) & rights) === 0 ? [] : [who];
  });
  return [...new Set([owner, ...found])].filter((who) => who !== own && !TRUSTED.has(who));
}

/** All rights if it isn't understood. */
function maskOf(text: string): number {
  if (/^0x[0-9a-fA-F]{1,8}$/.test(text)) return Number(text);
  const words = text.match(/../g) ?? [];
  return words.reduce((mask, word) => mask | (RIGHTS[word] ?? -1), text.length % 2 === 0 ? 0 : -1);
}
