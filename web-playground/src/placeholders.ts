import { firstError, type Operation, type Send } from './endpoint.ts';

/** Placeholders in operations and their variables: where what they stand for is found. */
const PLACEHOLDERS: Record<string, { query: string; path: readonly (string | number)[]; absent: string }> = {
  '{{newestPost}}': { query: '{ posts(first: 1) { nodes { id } } }', path: ['posts', 'nodes', 0, 'id'], absent: 'There is no post yet' },
  '{{newestAuthor}}': {
    query: '{ posts(first: 1) { nodes { author { id } } } }',
    path: ['posts', 'nodes', 0, 'author', 'id'],
    absent: 'There is no post yet',
  },
  '{{newestFeedPost}}': {
    query: '{ feed(first: 1) { nodes { id } } }',
    path: ['feed', 'nodes', 0, 'id'],
    absent: 'Sign in, and follow somebody who writes: there is no post in your feed yet',
  },
  '{{firstMember}}': { query: '{ users(last: 1) { nodes { id } } }', path: ['users', 'nodes', 0, 'id'], absent: 'There is nobody yet' },
  '{{newestProduct}}': { query: '{ products(first: 1) { nodes { id } } }', path: ['products', 'nodes', 0, 'id'], absent: 'There is no product yet' },
  '{{newestOrder}}': {
    query: '{ viewer { orders(first: 1) { nodes { id } } } }',
    path: ['viewer', 'orders', 'nodes', 0, 'id'],
    absent: 'Sign in, and order something: there is no order of yours yet',
  },
  '{{orderToShip}}': {
    query: '{ orders(status: CONFIRMED, last: 1) { nodes { id } } }',
    path: ['orders', 'nodes', 0, 'id'],
    absent: 'No paid order waits',
  },
};

const placeholdersIn = (text: string) => Object.entries(PLACEHOLDERS).filter(([placeholder]) => text.includes(placeholder));

export const hasPlaceholder = (text: string): boolean => placeholdersIn(text).length > 0;

/** The text with ids in place of placeholders, as whoever these headers name sees them. */
export async function fillPlaceholders(text: string, send: Send, headers: Record<string, string>): Promise<string> {
  const ids = await Promise.all(
    placeholdersIn(text).map(async ([placeholder, { query, path, absent }]) => {
      const answer = await send({ query }, headers);
      const id = path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key], answer.data);
      if (typeof id !== 'string') throw new Error(firstError(answer) ?? absent);
      return [placeholder, id] as const;
    }),
  );
  return ids.reduce((filled, [placeholder, id]) => filled.replaceAll(placeholder, id), text);
}

/** The operation with ids where a text that was pasted has placeholders; as it is if there are none, for the server to tell. */
export async function withIds<T extends Pick<Operation, 'query' | 'variables'>>(
  operation: T,
  send: Send,
  headers: Record<string, string>,
): Promise<T> {
  const text = JSON.stringify({ query: operation.query, variables: operation.variables });
  if (!hasPlaceholder(text)) return operation;
  try {
    return { ...operation, ...(JSON.parse(await fillPlaceholders(text, send, headers)) as Pick<T, 'query' | 'variables'>) };
  } catch {
    return operation;
  }
}
