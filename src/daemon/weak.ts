/** Whether a hash or a key can be guessed, in plain words. */
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
  return weaknessOf('the hash', hash, 'joins the network');
}

/** Warnings for the person who hands in these keys. They don't quote one. */
export function keyWeaknesses(keys: readonly { readonly key: string }[]): string[] {
  return keys.flatMap(({ key }, i) => {
    const which = keys.length === 1 ? 'the key' : `key ${i + 1}`;
    return weaknessOf(which, key, 'and knows the hash joins the network while it is in use') ?? [];
  });
}

function weaknessOf(what: string, secret: string, then: string): string | null {
  if (generatedBytes(secret) !== null) return null;
  const advice = `whoever guesses it ${then}. \`p2p generate\` makes one that nobody can guess`;
  const lower = secret.toLowerCase();
  const rest = COMMON.reduce((text, word) => text.replaceAll(word, ''), lower);
  if (rest.length < 8 && rest !== lower) return `${what} is a common one: ${advice}`;
  if (new Set(lower).size < 6) return `${what} has few different characters: ${advice}`;
  if (lower.length < SAFE_LENGTH) return `${what} is short: ${advice}`;
  return null;
}
