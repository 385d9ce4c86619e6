import type { FieldPolicy, InMemoryCacheConfig, Reference } from '@apollo/client';
import { possibleTypes } from '../gql/possible-types.ts';

interface Page {
  nodes: Reference[];
  pageInfo?: unknown;
}

/** A list whose pages are read one after the other: what comes after a cursor goes behind what is there. */
function pages(keyArgs: string[] | false): FieldPolicy<Page, Page> {
  return {
    keyArgs,
    merge(existing, incoming, { args }) {
      if (!existing || args?.after == null) return incoming;
      return { ...incoming, nodes: [...existing.nodes, ...withoutKnown(incoming.nodes, existing.nodes)] };
    },
  };
}

/** Between two pages the list may have grown at its top. */
function withoutKnown<Node extends Partial<Reference>>(incoming: Node[], known: Node[]): Node[] {
  const ids = new Set(known.map(({ __ref }) => __ref));
  return incoming.filter(({ __ref }) => __ref === undefined || !ids.has(__ref));
}

/** One thing by its id: a page about something that a list has shown begins with what is known of it. */
function known(typename: string): FieldPolicy {
  return { read: (answered, { args, toReference }) => (answered === undefined ? toReference({ __typename: typename, id: args?.id as string }) : answered) };
}

export const cacheConfig: InMemoryCacheConfig = {
  possibleTypes,
  typePolicies: {
    Query: {
      fields: {
        posts: pages(['tag']),
        feed: pages(false),
        products: pages(['search', 'sort', 'inStock']),
        post: known('Post'),
        product: known('Product'),
        order: known('Order'),
      },
    },
    Viewer: { keyFields: [], fields: { orders: pages(false), wallets: { merge: false } } },
    Post: { fields: { comments: pages(false) } },
    Wallet: { fields: { statement: pages(false) } },
  },
};
