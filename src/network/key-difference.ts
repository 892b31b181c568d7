/** What tells the key queues of two members apart, in words: the person who forgot a machine should hear of it in time. */
import { sameBytes } from '../core/bytes.js';
import { moment } from '../core/moment.js';
import type { ToldKey } from '../wire/keys.js';

/** What goes on "the member …", from `wall` on (ms since 1970); null if both queues are the same. */
export function keyDifference(own: readonly ToldKey[], theirs: readonly ToldKey[], wall: number): string | null {
  const ours = own.filter(({ until }) => until > wall);
  const others = theirs.filter(({ until }) => until > wall);
  const first = ours.findIndex((key, i) => !isSame(key, others[i]));
  const place = first === -1 ? ours.length : first;
  const [mine, other] = [ours[place], others[place]];
  if (mine === undefined && other === undefined) return null;
  const since = ours[place - 1]?.until ?? wall;
  if (other === undefined) return `knows no key after ${moment(theirs.at(-1)?.until ?? wall)}`;
  if (mine === undefined) return `has keys for after ${moment(own.at(-1)?.until ?? wall)}, this machine has none`;
  if (sameBytes(mine.hint, other.hint)) return `ends a key at ${ending(other)}, this machine at ${ending(mine)}`;
  return place === 0 ? 'has another key' : `has another key than this machine from ${moment(since)} on`;
}

function isSame(key: ToldKey, other: ToldKey | undefined): boolean {
  return other !== undefined && other.until === key.until && sameBytes(other.hint, key.hint);
}

function ending({ until }: ToldKey): string {
  return until === Number.POSITIVE_INFINITY ? 'no time' : moment(until);
}
