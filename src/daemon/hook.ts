/** A command that the configuration has run when something happens to a network. */
import { quoted } from '../rpc/text.js';

/** A line for the shell, or a program with its arguments. */
export type Hook = string | readonly string[];

const MAX_WORDS = 64;
/** Of a command, in characters. */
const MAX_COMMAND = 4_096;

/** Throws a `RangeError` that says what was expected. */
export function parseHook(value: unknown): Hook {
  const words: unknown[] = Array.isArray(value) ? value : [value];
  if (!words.every(isWord) || words.length === 0 || words.length > MAX_WORDS || words[0] === '')
    throw new RangeError(
      `expected a line for the shell, or a list of a program and at most ${MAX_WORDS - 1} arguments, all text, got ${quoted(value)}`,
    );
  const length = words.join(' ').length;
  if (length > MAX_COMMAND)
    throw new RangeError(`expected a command of at most ${MAX_COMMAND} characters, got ${length}`);
  return Array.isArray(value) ? words : (words[0] ?? '');
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}
