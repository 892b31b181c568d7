/** `main.js docs DIR` writes docs/commands.md and docs/schema/, `main.js man DIR` the manual pages. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { documentation, manualPages } from './documents.js';

async function write(directory: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [name, text] of files) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

const [what, directory] = process.argv.slice(2);
if (what === 'docs' && directory !== undefined) {
  await rm(join(directory, 'schema'), { recursive: true, force: true });
  await write(directory, documentation());
}
if (what === 'man' && directory !== undefined) await write(directory, await manualPages());
