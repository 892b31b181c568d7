/** What `p2p generate` makes. Apart from the daemon's other files, so that a command loads no more than this. */
import { randomBytes } from 'node:crypto';
import { generatedHash } from '../network/secrets.js';

export function newHash(): string {
  return generatedHash(randomBytes(16));
}
