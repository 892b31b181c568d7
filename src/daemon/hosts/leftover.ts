/** What a daemon that was killed leaves behind in a hosts file. */
import { SYSTEM } from '../../system/this-system.js';
import { type Tag, tagsIn, withoutBlock } from './block.js';
import { rewrite } from './hosts-file.js';

/** Every daemon's: one that runs puts its own back. Says whether there was any. */
export function cleanHosts(path = SYSTEM.hosts): Promise<boolean> {
  return removeLeftover(path, null);
}

/** The block of the daemon with this tag; null: every one. Says whether there was any. */
export async function removeLeftover(path: string, tag: Tag | null): Promise<boolean> {
  let found = false;
  await rewrite(path, tag ?? 'clean', null, (text) => {
    const tags = tagsIn(text).filter((each) => tag === null || each === tag);
    found ||= tags.length > 0;
    return tags.reduce(withoutBlock, text);
  });
  return found;
}
