/** What every node has: its id, and where in the log its document changed last. A whole number as text, as BigInts are on the wire. */
export interface Revised {
  id: string;
  revision?: string | null;
}

/** True if both tell their revision and this one is from before the other. */
export function isOlder(one: string | null | undefined, other: string | null | undefined): boolean {
  return one != null && other != null && BigInt(one) < BigInt(other);
}

/**
 * What is known of a node once this came in: never something older. For answers and live events that meet outside a normalised
 * cache, where an answer that was long on its way would undo what an event has shown since.
 */
export function newest<Node extends Revised>(known: Node | null | undefined, incoming: Node): Node {
  return known?.id === incoming.id && isOlder(incoming.revision, known.revision) ? known : incoming;
}
