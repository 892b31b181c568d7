/** Which DHT nodes a client begins with. The one place that decides whether the public ones may be asked. */

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
