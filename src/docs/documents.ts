/** All that is made from the code, as files with their text. */
import { OUTPUTS } from '../cli/json.js';
import { ownVersion } from '../cli/own-version.js';
import { configKeys } from '../daemon/config-keys.js';
import { commandsMarkdown } from './markdown.js';
import { readManual } from './pages.js';
import { commandPage, configPage } from './roff.js';
import { schemaFiles } from './schemas.js';

/** Files of the documentation, by their path below docs/. */
export function documentation(): Map<string, string> {
  const commands = commandsMarkdown(readManual(), configKeys(), new Set(Object.keys(OUTPUTS)));
  const schemas = [...schemaFiles()].map(([name, text]) => [`schema/${name}`, text] as const);
  return new Map([['commands.md', commands], ...schemas]);
}

/** The manual pages, by their path below a man directory. */
export async function manualPages(): Promise<Map<string, string>> {
  const version = await ownVersion();
  return new Map([
    ['man1/p2p.1', commandPage(readManual(), version)],
    ['man5/p2p-config.5', configPage(configKeys(), version)],
  ]);
}
