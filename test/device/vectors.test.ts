import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readVectors, VECTORS, type VectorFile } from './vectors.js';

describe('vectors for the data plane', () => {
  for (const file of Object.keys(VECTORS) as VectorFile[]) {
    it(`the models say what ${file} says`, () => {
      const made: unknown[] = VECTORS[file]();
      assert.ok(made.length > 0);
      assert.deepEqual(JSON.parse(JSON.stringify(made)), readVectors(file));
    });
  }
});
