/** Members' names as host names: a label of RFC 1123 for each, and each label for one member alone. */

/** Host names are `LABEL.p2p`. */
export const DOMAIN = 'p2p';
/** Letters of a label (RFC 1035 section 2.3.4). */
const MAX_LABEL = 63;
/** Of a member whose name has nothing that a host name could have. */
const NAMELESS = 'member';
/** How many digits of its id tell a member from others of its name: as few as it takes. */
const DIGITS = [4, 8, 16] as const;

export interface Named {
  /** Peer id, 16 hex digits. */
  readonly id: string;
  readonly name: string;
  /** When a session with it was there first, in ms since 1970; null if never. */
  readonly knownSince: number | null;
}

/**
 * Labels by peer id. `own`: this machine's, in each of its networks; others never get one of theirs. Of members with one name the one that's known longest
 * has it as it stands, so that nobody who comes later can take it over; the others have digits of their id behind it.
 */
export function hostLabels(own: readonly Named[], others: readonly Named[]): Map<string, string> {
  const labels = new Map(own.map(({ id, name }) => [id, labelOf(name) ?? NAMELESS]));
  const taken = new Set(labels.values());
  for (const member of [...others].sort(longestKnownFirst)) {
    const label = choices(member).find((choice) => !taken.has(choice));
    if (label === undefined || labels.has(member.id)) continue;
    taken.add(label);
    labels.set(member.id, label);
  }
  return labels;
}

/** The label that a name is like; null if nothing is left of it. Never two hyphens in a row, so none is an encoded one (RFC 5891, `xn--`). */
export function labelOf(name: string): string | null {
  const letters = name.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '');
  const label = cut(letters.replace(/[^a-z0-9]+/g, '-').replace(/^-/, ''), MAX_LABEL);
  return label === '' ? null : label;
}

function choices({ id, name }: Named): string[] {
  const plain = labelOf(name);
  const suffixed = DIGITS.map((digits) => `${cut(plain ?? NAMELESS, MAX_LABEL - digits - 1)}-${id.slice(0, digits)}`);
  return plain === null ? suffixed : [plain, ...suffixed];
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-$/, '');
}

/** Nobody's choice, so nobody can push in front; members that were never met come last. */
export function longestKnownFirst(a: Omit<Named, 'name'>, b: Omit<Named, 'name'>): number {
  const since = (member: Omit<Named, 'name'>) => member.knownSince ?? Number.MAX_SAFE_INTEGER;
  return since(a) - since(b) || (a.id < b.id ? -1 : 1);
}
