/** How data looks: tables, durations, and fields for programs. No colour, nothing that a peer's name could break. */
import { escapeCharacter, printable } from '../rpc/text.js';

/** What stands where there is no value. */
export const NOTHING = '-';

/** Left-aligned columns, two spaces apart, the header first. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...lines.map((row) => width(row[column] ?? ''))));
  return lines.map((row) => `${row.map((cell, i) => pad(cell, widths[i] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

/** One field of a `|`-separated line. `|`, backslash and what can't be printed become `\x..`, so splitting is always safe. */
export function field(text: string): string {
  return text === '' ? NOTHING : printable(text.replace(/[|\\]/g, escapeCharacter));
}

/** Milliseconds with the unit, short enough for a table. */
export function milliseconds(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms >= 100) return `${Math.round(ms)}ms`;
  return `${ms.toFixed(ms >= 10 ? 1 : 2)}ms`;
}

/** A span of time as people say it: the two greatest units, e.g. `3h 5m`. */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first === -1) return '0s';
  let left = seconds;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const number = Math.floor(left / size);
    left -= number * size;
    return `${number}${unit}`;
  });
  return parts.filter((part, i) => i === 0 || !part.startsWith('0')).join(' ');
}

/** `10.10.10.1/24` without its prefix length. */
function bareAddress(address: string): string {
  return address.split('/')[0] ?? address;
}

/** With prefix lengths, the one that follows from the identity as well. */
export function allAddresses({
  addresses,
  ula,
}: {
  readonly addresses: readonly string[];
  readonly ula: string | null;
}): string[] {
  return [...addresses, ...(ula === null ? [] : [ula])];
}

/** Addresses without prefix lengths, `,` between them. */
export function bareAddresses(addresses: readonly string[]): string {
  return addresses.length === 0 ? NOTHING : addresses.map(bareAddress).join(',');
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Columns that a terminal gives to the text. */
function width(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}

function pad(text: string, columns: number): string {
  return text + ' '.repeat(columns - width(text));
}
