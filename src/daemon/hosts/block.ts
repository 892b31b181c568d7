/** Our block in the text of a hosts file (hosts(5)), between two lines that mark it; whatever else stands there is left as it is. */

import { createHash } from 'node:crypto';

/** What tells a daemon's block from those of others: letters and digits. */
export type Tag = string;

/** The same for all runs of a daemon with this master secret, of which it tells nothing. */
export function hostsTag(master: Uint8Array): Tag {
  return createHash('sha256').update('p2p/1 hosts').update(master).digest('hex').slice(0, 8);
}

const begin = (tag: Tag) =>
  `# p2p ${tag}: members of private networks; this block is written anew by p2p, and removed when it ends`;
const end = (tag: Tag) => `# p2p ${tag}: end`;
const ANY_BEGIN = /^# p2p ([0-9a-z]+): members of private networks/;

/** `text` with a block of these lines in place of the one that's there, at its end if there's none; without lines, no block. */
export function withBlock(text: string, tag: Tag, lines: readonly string[]): string {
  const rest = withoutBlock(text, tag);
  if (lines.length === 0) return rest;
  const newline = rest === '' || rest.endsWith('\n') ? '' : '\n';
  return `${rest}${newline}${[begin(tag), ...lines, end(tag)].join('\n')}\n`;
}

/** A block whose end was cut off ends before the first line that isn't one of ours. */
export function withoutBlock(text: string, tag: Tag): string {
  const kept: string[] = [];
  let inside = false;
  for (const line of text.split(/(?<=\n)/)) {
    const bare = line.trimEnd();
    const wasInside = inside;
    if (bare === begin(tag)) inside = true;
    else if (bare === end(tag) || (inside && !OURS.test(bare))) inside = false;
    const isOurs = bare === begin(tag) || bare === end(tag) || (wasInside && inside);
    if (!isOurs) kept.push(line);
  }
  return kept.join('');
}

/** A line that `hostsLine` writes. */
const OURS = /^[0-9a-f.:]+ [0-9a-z-]+\.p2p$/;

export function hostsLine(ip: string, hostName: string): string {
  return `${ip} ${hostName}`;
}

/** Whose blocks there are. */
export function tagsIn(text: string): Tag[] {
  return text.split('\n').flatMap((line) => ANY_BEGIN.exec(line)?.[1] ?? []);
}
