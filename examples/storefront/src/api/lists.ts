import type { ApolloCache, Reference } from '@apollo/client';

interface Entity {
  __typename: string;
  id: string;
}

/** Where a list is kept: in a field of an entity, or of the query itself. */
export interface Place {
  owner?: Entity | { __typename: 'Viewer' };
  field: string;
}

interface Page {
  nodes: readonly Reference[];
}

/** Puts entities that are new to a list at its top, the last one topmost. Lists that nobody has read yet are left alone. */
export function putFirst(cache: ApolloCache, place: Place, ...entities: Entity[]): void {
  const references = entities.map((entity) => ({ __ref: cache.identify({ ...entity })! }));
  change(cache, place, (nodes) => references.reduce((all, one) => (all.some(({ __ref }) => __ref === one.__ref) ? all : [one, ...all]), nodes));
}

/** Takes an entity out of a list. */
export function takeOut(cache: ApolloCache, place: Place, entity: Entity): void {
  const id = cache.identify({ ...entity });
  change(cache, place, (nodes) => nodes.filter(({ __ref }) => __ref !== id));
}

function change(cache: ApolloCache, { owner, field }: Place, act: (nodes: readonly Reference[]) => readonly Reference[]): void {
  const id = owner === undefined ? 'ROOT_QUERY' : cache.identify({ ...owner });
  if (id === undefined) return;
  const isMeant = (fieldName: string, value: unknown): value is Page => fieldName === field && value !== null;
  cache.modify({ id, fields: (value: unknown, { fieldName }) => (isMeant(fieldName, value) ? { ...value, nodes: act(value.nodes) } : value) });
}
