/** What's made from the code is what the code makes; and what the manual shows is what the commands understand. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OUTPUTS } from '../../src/cli/json.js';
import { documentation } from '../../src/docs/documents.js';
import { readManual } from '../../src/docs/pages.js';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));
/** Commands whose answer is no data: a log, a script. */
const WITHOUT_JSON = ['daemon', 'completion'];

test('docs/commands.md and docs/schema are what the code makes: if not, `make docs`', () => {
  const made = documentation();
  for (const [name, text] of made)
    assert.equal(readFileSync(`${DOCS}${name}`, 'utf8'), text, `docs/${name}: make docs`);
  const schemas = readdirSync(`${DOCS}schema`).map((name) => `schema/${name}`);
  assert.deepEqual(schemas.sort(), [...made.keys()].filter((name) => name.startsWith('schema/')).sort());
});

test('every command has --json with a schema, and examples', () => {
  for (const { name, flags, examples } of readManual().pages) {
    assert.notEqual(examples.length, 0, `${name} has examples`);
    if (WITHOUT_JSON.includes(name)) continue;
    assert.ok(
      flags.some((flag) => flag.flags === '--json'),
      `${name} has --json`,
    );
    assert.ok(Object.hasOwn(OUTPUTS, name), `src/cli/json.ts has what ${name} --json prints`);
  }
});
