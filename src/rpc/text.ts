/** Text that people hand in: whether it can be shown, and how an error quotes it. */

/** Control, format, surrogate, private and unassigned characters, and the two separators that end a line. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;
/** An error quotes at most this many characters of a value. */
const QUOTED = 64;

/** Quotes a value for an error message: escaped, and cut if it's long. */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  const cut = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
  return typeof value === 'string' ? JSON.stringify(cut) : cut;
}

/** Where the first unprintable character of `text` stands, e.g. `U+0007 at position 3`; null if there's none. */
export function unprintable(text: string): string | null {
  const found = UNPRINTABLE.exec(text);
  if (found === null) return null;
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${code} at position ${found.index + 1}`;
}

/** Makes text from elsewhere safe to show on a terminal: what can't be printed becomes `\x..` or `\u{…}`. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

export function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
