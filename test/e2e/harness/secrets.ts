/** Secrets for one test, so that no two tests can meet. */
import { randomBytes } from 'node:crypto';
import { generatedHash } from '../../../src/network/secrets.js';

export function freshHash(): string {
  return generatedHash(randomBytes(16));
}
