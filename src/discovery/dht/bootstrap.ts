/** Which DHT nodes a client begins with. The one place that decides whether the public ones may be asked. */

/** What `-dht` takes at most. */
const MAX_BOOTSTRAP = 16;

/** Parses `HOST:PORT[,HOST:PORT…]`. Throws a RangeError that names the value. */
export function parseBootstrap(text: string): readonly string[] {
  const nodes = text.split(',').map((node) => node.trim());
  if (nodes.length > MAX_BOOTSTRAP)
    throw new RangeError(`expected at most ${MAX_BOOTSTRAP} DHT nodes, got ${nodes.length}`);
  for (const node of nodes) checkNode(node);
  return nodes;
}

/**
 * The list to hand to the DHT library, which takes anything but an array for "the public nodes": so this is always one. `given`: null for the
 * public nodes, which are not asked if P2P_NO_PUBLIC_DHT is set, as in every test.
 */
export function bootstrapNodes(
  given: readonly string[] | null,
  publicNodes: readonly string[],
  environment: NodeJS.ProcessEnv,
): string[] {
  if (given !== null) return [...given];
  if (environment['P2P_NO_PUBLIC_DHT'] !== undefined)
    throw new RangeError('P2P_NO_PUBLIC_DHT is set: the public DHT is left alone');
  return [...publicNodes];
}

function checkNode(node: string): void {
  const match = /^([^:@/\s[\]]+):(\d{1,5})$/.exec(node);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) {
    throw new RangeError(
      `expected a DHT node as HOST:PORT (a name or IPv4 address, the DHT has no IPv6) with a port from 1 to 65535, got ${node}`,
    );
  }
}
