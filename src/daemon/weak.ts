/** Whether a hash can be guessed, in plain words. */
import { generatedBytes } from '../network/secrets.js';

/** Shorter ones are within reach of whoever tries all. */
const SAFE_LENGTH = 16;
/** Parts of what people choose first. */
const COMMON = [
  'password',
  'passwort',
  'qwerty',
  'letmein',
  'secret',
  '12345',
  'abc123',
  'network',
  'myhash',
  'test',
  'p2p',
];

/** A warning for the person who starts a network with this hash, or null. */
export function weakness(hash: string): string | null {
  if (generatedBytes(hash) !== null) return null;
  const advice = 'whoever guesses it joins the network. `p2p generate` makes one that nobody can guess';
  const lower = hash.toLowerCase();
  const rest = COMMON.reduce((text, word) => text.replaceAll(word, ''), lower);
  if (rest.length < 8 && rest !== lower) return `the hash is a common one: ${advice}`;
  if (new Set(lower).size < 6) return `the hash has few different characters: ${advice}`;
  if (lower.length < SAFE_LENGTH) return `the hash is short: ${advice}`;
  return null;
}
