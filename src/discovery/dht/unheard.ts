/** Why no DHT node was heard, in words. The library only says that too few answered, as it does for a name that doesn't exist. */
import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** So many nodes are named, for a person to read. */
const MAX_NAMED = 4;
/** What looking a name up may take, in ms: whoever waits for the reason has a limit too. */
const LOOKUP_LIMIT = 5_000;

/** `nodes`: where the DHT was to be entered, `HOST:PORT` or the library's `IP@HOST:PORT`. Never rejects. */
export async function whyUnheard(nodes: readonly string[]): Promise<string> {
  const states = await Promise.all(nodes.map(async (node) => ({ node, problem: await nameProblem(node) })));
  const silent = states.filter(({ problem }) => problem === null).map(({ node }) => node);
  const nameless = states.flatMap(({ problem }) => problem ?? []);
  if (silent.length > 0) nameless.push(`no DHT node answers at ${some(silent)}`);
  return nameless.length === 0 ? 'no DHT node is known' : some(nameless);
}

/** Why a node's name leads nowhere; null if it has an address, or is one. */
async function nameProblem(node: string): Promise<string | null> {
  const host = node.slice(0, node.lastIndexOf(':'));
  if (isIPv4(host) || host.includes('@')) return null;
  const unknown = `${host} can't be resolved`;
  const looked = lookup(host, { all: true }).then(
    (addresses) =>
      addresses.some(({ family }) => family === 4) ? null : `${host} has no IPv4 address, and the DHT has no IPv6`,
    () => unknown,
  );
  return Promise.race([looked, pause(LOOKUP_LIMIT, unknown, { ref: false })]);
}

function some(texts: readonly string[]): string {
  const more = texts.length - MAX_NAMED;
  return texts.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
